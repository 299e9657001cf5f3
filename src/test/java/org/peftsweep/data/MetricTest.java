package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.peftsweep.TestFolders;

class MetricTest {

  private static final Map<String, Metric> REFERENCE_NAMES =
      new TreeMap<>(
          Map.of(
              "accuracy", Metric.ACCURACY,
              "matthews_correlation", Metric.MATTHEWS,
              "f1", Metric.F1,
              "pearson", Metric.PEARSON,
              "spearman", Metric.SPEARMAN));

  @Tag("golden")
  @TestFactory
  List<DynamicTest> everyReferenceScoreIsMet() throws IOException {
    JsonNode cases =
        new ObjectMapper()
            .readTree(TestFolders.golden().resolve("metrics/metrics.json").toFile())
            .get("cases");
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode one : cases) {
      REFERENCE_NAMES.forEach(
          (name, metric) -> {
            if (one.has(name)) {
              tests.add(
                  DynamicTest.dynamicTest(
                      one.get("name").asText() + " " + name,
                      () ->
                          assertScore(
                              metric.of(
                                  values(one.get("predictions")), values(one.get("references"))),
                              one.get(name))));
            }
          });
    }
    assertThat(tests).isNotEmpty();
    return tests;
  }

  private static void assertScore(double score, JsonNode expected) {
    if (expected.isNumber()) {
      assertThat(score).isCloseTo(expected.asDouble(), offset(1e-12));
    } else {
      // SciPy raises an error for one row, where a trial needs a value: NaN, as for constants.
      assertThat(score).as(expected.asText()).isNaN();
    }
  }

  private static double[] values(JsonNode array) {
    double[] values = new double[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).asDouble();
    }
    return values;
  }

  @Test
  void noRowsHaveNoScore() {
    for (Metric metric : Metric.values()) {
      assertThat(metric.of(new double[0], new double[0])).as(metric.id()).isNaN();
    }
  }

  @Test
  void aNaNPredictionMakesACorrelationUndefinedRatherThanThrow() {
    double[] labels = {1, 2, 3};
    double[] predictions = {1, Double.NaN, 3};
    assertThat(Metric.PEARSON.of(predictions, labels)).isNaN();
    assertThat(Metric.SPEARMAN.of(predictions, labels)).isNaN();
  }

  @Test
  void differentLengthsAreRefused() {
    assertThatThrownBy(() -> Metric.F1.of(new double[2], new double[3]))
        .hasMessageContaining("2 predictions against 3 labels");
  }

  @Test
  void anUnknownNameListsTheChoices() {
    assertThat(Metric.ofId("matthews")).isEqualTo(Metric.MATTHEWS);
    assertThatThrownBy(() -> Metric.ofId("mcc"))
        .hasMessage(
            "Cannot use metric mcc: choose accuracy, f1, macro-f1, micro-f1, weighted-f1, precision,"
                + " macro-precision, recall, macro-recall, auc, matthews, pearson or spearman");
  }
}
