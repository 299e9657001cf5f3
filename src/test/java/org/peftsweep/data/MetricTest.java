package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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

  @TestFactory
  List<DynamicTest> everyScoreOfScikitLearnIsMet() throws IOException {
    JsonNode cases =
        new ObjectMapper()
            .readTree(Path.of("src/test/resources/golden/metrics/classes.json").toFile())
            .get("cases");
    List<DynamicTest> tests = new ArrayList<>();
    Set<String> met = new TreeSet<>();
    for (JsonNode one : cases) {
      one.get("scores")
          .fields()
          .forEachRemaining(
              score -> {
                met.add(score.getKey());
                tests.add(
                    DynamicTest.dynamicTest(
                        one.get("name").asText() + " " + score.getKey(),
                        () ->
                            assertThat(
                                    Metric.ofId(score.getKey())
                                        .of(
                                            values(one.get("predictions")),
                                            values(one.get("probabilities")),
                                            values(one.get("labels"))))
                                .isCloseTo(score.getValue().asDouble(), offset(1e-12))));
              });
    }
    assertThat(met)
        .as("metrics of classes, all of which have reference scores")
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(Metric.values())
                .filter(metric -> !metric.isRegression() && !metric.isCompletion())
                .map(Metric::id)
                .toList());
    return tests;
  }

  /** Class 1: found 2 of 3, right 2 of 4; class 0: 1 of 3, 1 of 2; class 2: 1 of 1, 1 of 1. */
  @ParameterizedTest(name = "{0} is {1} / {2}")
  @CsvSource({
    "accuracy, 4, 7",
    "micro-f1, 4, 7",
    "macro-precision, 2, 3",
    "macro-recall, 2, 3",
    "macro-f1, 69, 105",
    "weighted-f1, 137, 245"
  })
  void scoresByHand(String id, double part, double whole) {
    double[] labels = {1, 1, 1, 0, 0, 0, 2};
    double[] predictions = {1, 1, 0, 1, 1, 0, 2};
    assertThat(Metric.ofId(id).of(predictions, labels)).isCloseTo(part / whole, offset(1e-12));
  }

  @Test
  void theAreaUnderTheCurveCountsPairsInOrderAndTiesHalf() {
    double[] labels = {1, 0, 1, 0};
    // Probabilities of class 1: 0.9, 0.3, 0.4, 0.4.
    double[] predictions = {1, 0, 0, 0};
    double[] probabilities = {0.9, 0.7, 0.6, 0.6};
    assertThat(Metric.AUC.of(predictions, probabilities, labels)).isEqualTo(3.5 / 4);
    assertThat(Metric.AUC.of(new double[] {1, 0}, new double[] {0.9, 0.9}, new double[] {1, 1}))
        .as("of one class")
        .isNaN();
    assertThat(
            Metric.AUC.of(new double[] {1, 0}, new double[] {Double.NaN, 0.9}, new double[] {1, 0}))
        .as("of a probability that is no number")
        .isNaN();
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
                + " macro-precision, recall, macro-recall, auc, matthews, pearson, spearman, token-accuracy, loss,"
                + " perplexity, exact-match, token-f1, rouge-l or numeric");
  }
}
