package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.peftsweep.TestFolders;

class TasksTest {

  @Test
  void glueColumnsAndLabelIdsAreThoseOfTheFactsTable() throws IOException {
    List<String> lines = Files.readAllLines(TestFolders.shared("paper/glue_tasks.csv"));
    int checked = 0;
    for (String line : lines.subList(1, lines.size())) {
      String[] fields = line.split(",");
      if (fields[0].equals("ax")) {
        continue;
      }
      Task task = Tasks.named(fields[0]);
      assertThat(task.textColumns()).as(fields[0]).containsExactly(fields[4].split(";"));
      List<String> labels = fields[6].equals("float32") ? List.of() : List.of(fields[5].split(";"));
      assertThat(task.labelNames()).as(fields[0]).isEqualTo(labels);
      checked++;
    }
    assertThat(checked).isEqualTo(9);
  }

  @Test
  void theFirstMetricIsTheOneThatPublishedTablesReport() {
    assertThat(Tasks.glue().stream().map(task -> task.name() + " " + task.primaryMetric().id()))
        .containsExactly(
            "cola matthews",
            "sst2 accuracy",
            "mrpc accuracy",
            "qqp accuracy",
            "stsb pearson",
            "mnli accuracy",
            "qnli accuracy",
            "rte accuracy");
  }

  @Test
  void labelsAreReadByNameOrById() {
    Task rte = Tasks.named("rte");
    assertThat(rte.label("entailment")).isZero();
    assertThat(rte.label("1")).isEqualTo(1);
    assertThatThrownBy(() -> rte.label("2"))
        .hasMessage("label is \"2\", not one of [entailment, not_entailment] or an id from 0 to 1");
    assertThatThrownBy(() -> Tasks.named("stsb").label("nan"))
        .hasMessage("label is \"nan\", not a number");
  }

  @Test
  void aTaskThatCannotBeScoredIsRefused() {
    assertThatThrownBy(() -> task(List.of("text"), List.of("bad", "good"), Metric.PEARSON))
        .hasMessage(
            "Cannot declare task mine with metric = pearson: classes are scored by accuracy, f1,"
                + " macro-f1, micro-f1, weighted-f1, precision, macro-precision, recall,"
                + " macro-recall, auc or matthews");
    assertThatThrownBy(() -> task(List.of("text"), List.of("a", "b", "c"), Metric.F1))
        .hasMessage(
            "Cannot declare task mine with metric = f1: it is defined for two labels, choose"
                + " accuracy, macro-f1, micro-f1, weighted-f1, macro-precision, macro-recall or"
                + " matthews");
    assertThatThrownBy(() -> task(List.of(), List.of(), Metric.PEARSON))
        .hasMessageContaining("name at least one");
    assertThatThrownBy(() -> task(List.of("a", "label"), List.of(), Metric.PEARSON))
        .hasMessageContaining("it is a text column too");
    assertThatThrownBy(() -> task(List.of("a"), List.of("x", " "), Metric.ACCURACY))
        .hasMessageContaining("two or more different");
    assertThatThrownBy(() -> task(List.of("a"), List.of("x", "x"), Metric.ACCURACY))
        .hasMessageContaining("two or more different");
  }

  @Test
  void anUnknownTaskListsTheChoices() {
    assertThatThrownBy(() -> Tasks.named("cloa")).hasMessageContaining("mini-rte");
  }

  private static Task task(List<String> columns, List<String> labels, Metric metric) {
    return new Task("mine", columns, "label", labels, List.of(metric));
  }
}
