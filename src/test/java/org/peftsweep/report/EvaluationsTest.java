package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.evaluation.regression.RegressionEvaluation;
import org.peftsweep.results.LocalSpark;

/** Predictions as evaluations of ND4J, held to numbers by hand. */
class EvaluationsTest {
  private static final StructType COLUMNS =
      new StructType()
          .add("id", DataTypes.StringType)
          .add("evaluation_set", DataTypes.StringType)
          .add("example", DataTypes.IntegerType)
          .add("label", DataTypes.DoubleType)
          .add("prediction", DataTypes.DoubleType)
          .add("probability", DataTypes.DoubleType);

  private static Row row(String id, String set, int example, double... numbers) {
    return RowFactory.create(id, set, example, numbers[0], numbers[1], numbers[2]);
  }

  private static final Dataset<Row> PREDICTIONS =
      LocalSpark.session()
          .createDataFrame(
              List.of(
                  row("a", "dev", 0, 1, 1, 0.9),
                  row("a", "dev", 1, 0, 1, 0.6),
                  row("a", "dev", 2, 0, 0, 0.8),
                  row("a", "dev", 3, 1, 0, 0.7),
                  row("a", "other", 0, 1, 0, 0.7),
                  row("b", "dev", 0, 2.5, 2, 2),
                  row("b", "dev", 1, 1, 2, 2),
                  row("b", "dev", 2, 4, 4, 4)),
              COLUMNS);

  @Test
  void classesAndTheirCurve() {
    Evaluations of = Evaluations.of(PREDICTIONS, "a", "dev");
    Evaluation classes = of.classes(List.of("no", "yes"));
    assertThat(classes.accuracy()).isEqualTo(0.5);
    assertThat(classes.getConfusion().getCount(0, 1)).isEqualTo(1);
    assertThat(classes.getConfusion().getCount(1, 0)).isEqualTo(1);
    // Shares of "yes" are 0.9 and 0.3 of its own, 0.6 and 0.2 of others: 3 of 4 pairs are in order.
    assertThat(of.roc().calculateAUC()).isCloseTo(0.75, within(1e-9));
  }

  @Test
  void valuesAndTheirErrors() {
    RegressionEvaluation values = Evaluations.of(PREDICTIONS, "b", "dev").values();
    assertThat(values.meanSquaredError(0)).isCloseTo((0.25 + 1) / 3, within(1e-6));
    assertThat(values.meanAbsoluteError(0)).isCloseTo(0.5, within(1e-6));
  }
}
