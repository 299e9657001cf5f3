package org.peftsweep.data;

import static org.peftsweep.data.Metric.ACCURACY;
import static org.peftsweep.data.Metric.F1;
import static org.peftsweep.data.Metric.MATTHEWS;
import static org.peftsweep.data.Metric.PEARSON;
import static org.peftsweep.data.Metric.SPEARMAN;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The tasks that are known by name: GLUE's eight and WNLI with the label ids of Hugging Face's
 * {@code glue}, and the built-in tasks, which mirror the eight.
 *
 * <p>First metrics are those of the published GLUE tables: Matthews for CoLA, Pearson for STS-B,
 * accuracy for the rest, with the mean of both sets for MNLI. RTE's ids are Hugging Face's (0 =
 * entailment), not those of the GLUE baselines.
 */
public final class Tasks {

  private static final List<String> ENTAILMENT = List.of("entailment", "not_entailment");

  private static final List<Task> GLUE =
      List.of(
          task("cola", List.of("sentence"), List.of("unacceptable", "acceptable"), MATTHEWS),
          task("sst2", List.of("sentence"), List.of("negative", "positive"), ACCURACY),
          task("mrpc", pair("sentence"), List.of("not_equivalent", "equivalent"), ACCURACY, F1),
          task("qqp", pair("question"), List.of("not_duplicate", "duplicate"), ACCURACY, F1),
          task("stsb", pair("sentence"), List.of(), PEARSON, SPEARMAN),
          new Task(
              "mnli",
              List.of("premise", "hypothesis"),
              "label",
              List.of("entailment", "neutral", "contradiction"),
              List.of(ACCURACY),
              List.of("matched", "mismatched")),
          task("qnli", List.of("question", "sentence"), ENTAILMENT, ACCURACY),
          task("rte", pair("sentence"), ENTAILMENT, ACCURACY));

  private static final Task WNLI =
      task("wnli", pair("sentence"), List.of("not_entailment", "entailment"), ACCURACY);

  private static final List<Task> BUILT_IN = GLUE.stream().map(Tasks::mini).toList();

  private static final List<Task> WRITTEN =
      List.of(written("mini-ask", Metric.EXACT_MATCH), written("mini-run", Metric.NUMERIC));

  private static final Task RUNNING_TEXT =
      new Task(
          "mini-text",
          List.of("text"),
          "",
          List.of(),
          List.of(Metric.TOKEN_ACCURACY, Metric.LOSS, Metric.PERPLEXITY),
          List.of("dev"),
          false,
          0,
          new Completion(Completion.Form.TEXT, Completion.LossOn.ALL, 8, 0, 1));

  private Tasks() {}

  /** CoLA, SST-2, MRPC, QQP, STS-B, MNLI, QNLI, RTE. */
  public static List<Task> glue() {
    return GLUE;
  }

  /** The generated tasks, {@code mini-cola} to {@code mini-rte}, in GLUE's order. */
  public static List<Task> builtIn() {
    return BUILT_IN;
  }

  /**
   * The generated tasks of a language model: {@code mini-ask}, questions with answers of one word,
   * and {@code mini-run}, programs with what they give.
   */
  public static List<Task> written() {
    return WRITTEN;
  }

  /**
   * The generated running text {@code mini-text}: what {@code builtin:mini-causal} was pretrained
   * on, in rows that were not drawn for that.
   */
  public static Task runningText() {
    return RUNNING_TEXT;
  }

  /** GLUE's eight, WNLI, then the built-in ones. */
  public static List<Task> all() {
    List<Task> all = new ArrayList<>(GLUE);
    all.add(WNLI);
    all.addAll(BUILT_IN);
    all.addAll(WRITTEN);
    all.add(RUNNING_TEXT);
    return List.copyOf(all);
  }

  /** The task of that name; {@link IllegalArgumentException} names the choices. */
  public static Task named(String name) {
    return all().stream()
        .filter(task -> task.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    String.format(
                        Locale.ROOT,
                        "Cannot find task %s: choose one of %s",
                        name,
                        all().stream().map(Task::name).toList())));
  }

  /** Whether the rows of that task are generated rather than read. */
  public static boolean isBuiltIn(Task task) {
    return BUILT_IN.contains(task) || WRITTEN.contains(task) || task.equals(RUNNING_TEXT);
  }

  private static Task mini(Task task) {
    return new Task(
        "mini-" + task.name(),
        task.textColumns(),
        task.labelColumn(),
        task.labelNames(),
        task.metrics());
  }

  private static Task written(String name, Metric first) {
    return new Task(
        name,
        List.of("prompt"),
        "completion",
        List.of(),
        List.of(first, Metric.TOKEN_ACCURACY, Metric.LOSS, Metric.PERPLEXITY),
        List.of("dev"),
        false,
        0,
        new Completion(Completion.Form.PROMPT, Completion.LossOn.COMPLETIONS, 8, 0, 1));
  }

  private static List<String> pair(String column) {
    return List.of(column + "1", column + "2");
  }

  private static Task task(
      String name, List<String> textColumns, List<String> labelNames, Metric... metrics) {
    return new Task(name, textColumns, "label", labelNames, List.of(metrics));
  }
}
