package org.peftsweep.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.peftsweep.data.Completion;
import org.peftsweep.data.Task;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.spec.Trial;
import org.peftsweep.stats.Interval;
import org.peftsweep.stats.Looks;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.Yaml;

/**
 * The card of an exported trial, as Hugging Face's model hub shows it: what it scores and how
 * surely, how it was made, on what, and how to use it and to make it again.
 */
public final class ModelCard {
  /** What a card is of. */
  public enum Kind {
    ADAPTER,
    MERGED
  }

  /**
   * The model that a trial was trained from.
   *
   * @param place where it is found from Python
   * @param license as the hub spells it, {@code unknown} where its files do not say
   * @param isBeside whether it was written beside the adapter, with a head for the same labels
   */
  public record Base(String place, String license, boolean isBeside) {}

  private static final String PEFT = "peft";

  private final Trial trial;
  private final String sweep;
  private final Run run;
  private final int seeds;

  /** Says how many seeds have no score; empty for none. */
  private final String lost;

  private final Interval score;

  private ModelCard(Trial trial, String sweep, Run run, int seeds, String lost, Interval score) {
    this.trial = trial;
    this.sweep = sweep;
    this.run = run;
    this.seeds = seeds;
    this.lost = lost;
    this.score = score;
  }

  /**
   * Reads what a sweep's tables say of a finished trial, and of the other seeds of its recipe.
   *
   * <p>All scores are those after the last step, as the exported model is: what the report shows is
   * the score at the step that the validation part chose.
   *
   * @param tables of the sweep in that folder
   */
  public static ModelCard of(ResultFolder folder, ResultTables tables, Trial trial) {
    String sweep = folder.sweep();
    Looks looks = Findings.looks(folder.manifest());
    Dataset<Row> rows =
        tables.trials().where(functions.col("task").equalTo(trial.task().task().name()));
    Results results = Results.of(rows, List.of());
    Run run = results.runs().stream().filter(one -> one.id().equals(trial.id())).findFirst().get();
    Optional<Line> line =
        results.lines().stream().filter(one -> one.runs(run.task()).contains(run)).findFirst();
    List<Run> scored =
        line.map(of -> of.runs(run.task())).orElse(List.of()).stream()
            .filter(one -> one.isScored() && Run.isFinite(one.lastScore()))
            .toList();
    if (scored.isEmpty()) {
      return new ModelCard(trial, sweep, run, 0, "", null);
    }
    Results recipe =
        new Results(results.tasks(), results.extras(), List.of(line.get()), results.runs());
    Comparisons comparisons = Comparisons.of(recipe, tables.predictions(), looks);
    double[] scores = scored.stream().mapToDouble(Run::lastScore).toArray();
    // Predictions are kept of the step of the score, which need not be the last.
    boolean areOfLast = Objects.equals(scored.get(0).scoreStep(), scored.get(0).steps());
    Interval score =
        scores.length > 1
            ? comparisons.score(run.task(), scores).interval()
            : areOfLast ? comparisons.overExamples(run.task(), line.get()).orElse(null) : null;
    return new ModelCard(trial, sweep, run, scores.length, line.get().lostText(run.task()), score);
  }

  /** Returns the card as Markdown with its front matter. */
  public String text(Kind kind, Base base) {
    return "---\n"
        + new Yaml(layout()).dump(frontMatter(kind, base))
        + "---\n\n# "
        + title()
        + "\n\n"
        + (kind == Kind.ADAPTER
            ? "An adapter for [PEFT](https://github.com/huggingface/peft)"
            : "A plain model for "
                + (isWriting() ? "writing text" : "sequence classification")
                + ", the adapter folded in")
        + ": the model after the last step of trial `"
        + trial.id()
        + "` of the sweep `"
        + sweep
        + "`, run by peft-sweep.\n\n## Score\n\n"
        + scores()
        + "\n## Use\n\n```python\n"
        + (kind == Kind.ADAPTER ? useAdapter(base) : useMerged())
        + "```\n\n"
        + place(kind, base)
        + "## Recipe\n\n"
        + table("setting", recipe())
        + "\n## Data\n\n"
        + table("of the task", data())
        + "\n## Make it again\n\n```bash\njobs/replay.sh "
        + trial.id()
        + "    # trains it again and compares\njobs/export.sh "
        + trial.id()
        + " DIR\n```\n";
  }

  private boolean isWriting() {
    return trial.task().task().isCompletion();
  }

  private static DumperOptions layout() {
    DumperOptions options = new DumperOptions();
    options.setDefaultFlowStyle(DumperOptions.FlowStyle.BLOCK);
    options.setAllowUnicode(true);
    return options;
  }

  private Map<String, Object> frontMatter(Kind kind, Base base) {
    Map<String, Object> matter = new LinkedHashMap<>();
    matter.put("library_name", kind == Kind.ADAPTER ? PEFT : "transformers");
    matter.put("base_model", base.place());
    matter.put("license", base.license());
    String pipeline = isWriting() ? "text-generation" : "text-classification";
    matter.put("pipeline_tag", pipeline);
    List<String> tags = new ArrayList<>(List.of(pipeline, trial.methodId()));
    if (kind == Kind.ADAPTER) {
      tags.add(PEFT);
    }
    matter.put("tags", tags);
    List<String> metrics =
        trial.task().task().metrics().stream().map(metric -> metric.id()).toList();
    matter.put("metrics", metrics);
    if (Run.isFinite(run.lastScore())) {
      String task = trial.task().task().name();
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("task", new TreeMap<>(Map.of("type", pipeline)));
      result.put("dataset", new TreeMap<>(Map.of("name", task, "type", task)));
      result.put(
          "metrics",
          List.of(new TreeMap<>(Map.of("type", metrics.get(0), "value", run.lastScore()))));
      Map<String, Object> model = new LinkedHashMap<>();
      model.put("name", title());
      model.put("results", List.of(result));
      matter.put("model-index", List.of(model));
    }
    return matter;
  }

  private String title() {
    List<String> words = new ArrayList<>(List.of(trial.methodLabel()));
    if (!trial.targets().isEmpty()) {
      words.add(trial.targetsLabel());
    }
    return String.join(" ", words) + " for " + trial.task().task().name();
  }

  private String scores() {
    Task task = trial.task().task();
    if (run.isUndefined()) {
      return "It is not defined" + (run.reason() == null ? "" : ": " + code(run.reason())) + ".\n";
    }
    if (run.lastScore() == null) {
      return "It has none: this trial chose settings on the validation part of train.\n";
    }
    String sets = String.join(" and ", task.evaluationSets());
    Map<String, String> rows = new LinkedHashMap<>();
    rows.put("this model, seed " + trial.seed(), number(run.lastScore()));
    if (score != null) {
      rows.put(
          (seeds == 1 ? "the recipe, one seed" : "the recipe, mean of " + seeds + " seeds")
              + (lost.isEmpty() ? "" : " (" + lost + ")"),
          number(score.value()));
      rows.put("95 % interval", Figures.ends(score));
    }
    return table(task.primaryMetric().id() + " × 100 on " + sets + ", after the last step", rows)
        + (score == null
            ? ""
            : seeds == 1
                ? "\nThe interval covers the choice of examples, not that of the seed.\n"
                : "\nThe interval covers the choice of seeds, on these examples.\n");
  }

  private static String number(double score) {
    return Double.isNaN(score) ? "not defined" : Figures.percent(score);
  }

  private String useAdapter(Base base) {
    Task task = trial.task().task();
    if (task.isCompletion()) {
      return """
          from peft import AutoPeftModelForCausalLM
          from transformers import AutoTokenizer

          folder = "adapter"  # this folder
          model = AutoPeftModelForCausalLM.from_pretrained(folder).eval()
          tokenizer = AutoTokenizer.from_pretrained(folder)
          inputs = tokenizer(%s, return_tensors="pt")
          answer = model.generate(**inputs, do_sample=False, max_new_tokens=%d)
          print(tokenizer.decode(answer[0], skip_special_tokens=True))
          """
          .formatted(question(task), task.completion().maxNewTokens());
    }
    String outputs = base.isBeside() ? "" : ", num_labels=" + task.outputs();
    return """
        from peft import AutoPeftModelForSequenceClassification
        from transformers import AutoTokenizer

        folder = "adapter"  # this folder
        model = AutoPeftModelForSequenceClassification.from_pretrained(folder%s).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model.config.pad_token_id = tokenizer.pad_token_id
        inputs = tokenizer(%s, truncation=True, max_length=%d, return_tensors="pt")
        print(model(**inputs).logits)%s
        """
        .formatted(outputs, inputs(task), trial.training().maxTokens(), labels(task));
  }

  /** A prompt in Python. */
  private static String question(Task task) {
    return task.completion().form() == Completion.Form.MESSAGES
        ? "tokenizer.apply_chat_template([{\"role\": \"user\", \"content\": \"A question.\"}],"
            + " tokenize=False, add_generation_prompt=True), add_special_tokens=False"
        : "\"A prompt.\"";
  }

  private String useMerged() {
    Task task = trial.task().task();
    if (task.isCompletion()) {
      return """
          from transformers import AutoModelForCausalLM, AutoTokenizer

          model = AutoModelForCausalLM.from_pretrained("merged").eval()  # this folder
          tokenizer = AutoTokenizer.from_pretrained("merged")
          inputs = tokenizer(%s, return_tensors="pt")
          answer = model.generate(**inputs, do_sample=False, max_new_tokens=%d)
          print(tokenizer.decode(answer[0], skip_special_tokens=True))
          """
          .formatted(question(task), task.completion().maxNewTokens());
    }
    return """
        from transformers import pipeline

        classify = pipeline("text-classification", model="merged")  # this folder
        print(classify(%s, truncation=True, max_length=%d))
        """
        .formatted(
            task.isPair() ? "{\"text\": \"One text.\", \"text_pair\": \"Another.\"}" : inputs(task),
            trial.training().maxTokens());
  }

  private static String inputs(Task task) {
    return task.isPair() ? "\"One text.\", \"Another.\"" : "\"A text.\"";
  }

  private static String labels(Task task) {
    return task.isRegression() ? "" : "  # one of " + code(String.join(", ", task.labelNames()));
  }

  /** A comment of Python ends with its line. */
  private static String code(String text) {
    return text.replaceAll("\\p{Cntrl}", " ");
  }

  private static String place(Kind kind, Base base) {
    return kind == Kind.MERGED
        ? ""
        : "`adapter_config.json` names the base model by its place when this was written, `"
            + base.place()
            + "`: if it moves, write the new place there.\n\n";
  }

  private Map<String, String> recipe() {
    Map<String, String> rows = new LinkedHashMap<>();
    JsonNode json = json(trial);
    rows.put("method", trial.methodId());
    if (!trial.targets().isEmpty()) {
      rows.put("targets", trial.targetsLabel());
    }
    flatten("", json.path("method"), rows);
    rows.keySet().removeAll(Set.of("id", "version", "over.id", "over.version"));
    rows.put("seed", Long.toString(trial.seed()));
    flatten("", json.path("rates"), rows);
    flatten("", json.path("training"), rows);
    rows.put("base", trial.model().location());
    if (!trial.model().adapter().isNone()) {
      rows.put("adapter it started from", trial.model().adapter().location());
    }
    return rows;
  }

  private Map<String, String> data() {
    Task task = trial.task().task();
    Map<String, String> rows = new LinkedHashMap<>();
    rows.put("task", task.name());
    rows.put("place", trial.task().location());
    rows.put(
        "labels",
        task.isCompletion()
            ? "texts to be written"
            : task.isRegression() ? "a number" : code(String.join(", ", task.labelNames())));
    flatten("", json(trial).path("task"), rows);
    rows.keySet().removeAll(Set.of("location"));
    return rows;
  }

  private static JsonNode json(Trial trial) {
    try {
      return new ObjectMapper().readTree(trial.toJson());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Adds all that is a single value, and what is below an object's under its own key. */
  private static void flatten(String prefix, JsonNode node, Map<String, String> rows) {
    for (Map.Entry<String, JsonNode> field : node.properties()) {
      String key = prefix + field.getKey();
      if (field.getValue().isValueNode()) {
        rows.putIfAbsent(key, field.getValue().asText());
      } else if (key.equals("over")) {
        flatten("over.", field.getValue(), rows);
      }
    }
  }

  private static String table(String about, Map<String, String> rows) {
    return TextTable.of(
            List.of(about, "value"),
            Set.of(),
            rows.entrySet().stream().map(row -> List.of(row.getKey(), row.getValue())).toList())
        .markdown();
  }
}
