package org.peftsweep.report;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.peftsweep.data.FileFaults;

/**
 * The numbers of arXiv:2410.02247, Table 2: RoBERTa-base on GLUE, one seed. The resource is a
 * transcript of the printed table.
 */
final class PaperTable {
  static final PaperTable TABLE2 = new PaperTable("/paper/table2.csv");

  /** The paper's task that a task of ours is, or stands for. */
  private static final Map<String, String> TASKS =
      Map.of(
          "rte", "RTE", "stsb", "STS-B", "mrpc", "MRPC", "cola", "CoLA", "mnli", "MNLI", "sst2",
          "SST-2", "qqp", "QQP", "qnli", "QNLI");

  private static final Map<String, String> METHODS =
      Map.of(
          "untrained",
          "Before Fine-tune",
          "full",
          "Full Fine-tune",
          "lora",
          "LoRA",
          "dora",
          "DoRA");

  /**
   * A row of the paper.
   *
   * @param rank null for methods without
   * @param ratio λ, 1 where the paper gives none
   * @param trainable in millions, as printed; LoRA's counts hold the head twice
   * @param scores × 100, by the paper's name of the task
   */
  record Entry(
      String method,
      String targets,
      Integer rank,
      double ratio,
      String trainable,
      Map<String, Double> scores) {}

  private final List<Entry> entries = new ArrayList<>();

  private PaperTable(String resource) {
    List<String> lines = lines(resource);
    List<String> header = List.of(lines.get(0).split(","));
    for (String line : lines.subList(1, lines.size())) {
      List<String> cells = Arrays.asList(line.split(",", -1));
      Map<String, Double> scores = new LinkedHashMap<>();
      for (int i = 5; i < header.size(); i++) {
        scores.put(header.get(i), Double.valueOf(cells.get(i)));
      }
      entries.add(
          new Entry(
              cells.get(0),
              cells.get(1),
              cells.get(2).isEmpty() ? null : Integer.valueOf(cells.get(2)),
              cells.get(3).isEmpty() ? 1 : Double.parseDouble(cells.get(3)),
              cells.get(4),
              scores));
    }
  }

  /** Returns the lines of a resource. */
  static List<String> lines(String resource) {
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(
                Objects.requireNonNull(PaperTable.class.getResourceAsStream(resource), resource),
                StandardCharsets.UTF_8))) {
      return reader.lines().toList();
    } catch (IOException e) {
      throw FileFaults.cannot("read", resource, e);
    }
  }

  /** Returns the paper's name of a task; built-in ones stand for the task that they imitate. */
  static Optional<String> task(String task) {
    return Optional.ofNullable(TASKS.get(task.replaceFirst("^mini-", "")));
  }

  /** Returns the row for a recipe of that method, targets, rank and λ. */
  Optional<Entry> entry(String method, String targets, Integer rank, Double ratio) {
    return entries.stream()
        .filter(
            entry ->
                entry.method().equals(METHODS.get(method))
                    && entry.targets().equals(targets == null ? "" : Figures.targets(targets))
                    && Objects.equals(entry.rank(), rank)
                    && (targets == null || ratio != null && entry.ratio() == ratio))
        .findFirst();
  }
}
