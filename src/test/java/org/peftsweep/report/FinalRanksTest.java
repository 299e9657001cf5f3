package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;
import org.peftsweep.results.LocalSpark;

class FinalRanksTest {
  private static Dataset<Row> trials(String... rows) {
    return LocalSpark.session()
        .sql(
            "SELECT * FROM VALUES "
                + String.join(", ", List.of(rows))
                + " AS t(status, method_label, targets, rank, task, ranks)");
  }

  @Test
  void showsTheMeanRankOfEachLayer() {
    String first =
        "map('roberta.encoder.layer.0.attention.self.query', 2.0D,"
            + " 'roberta.encoder.layer.1.attention.self.query', 6.0D,"
            + " 'roberta.encoder.layer.0.attention.output.dense', 3.0D)";
    String second =
        "map('roberta.encoder.layer.0.attention.self.query', 3.0D,"
            + " 'roberta.encoder.layer.1.attention.self.query', 6.0D,"
            + " 'roberta.encoder.layer.0.attention.output.dense', 3.0D)";
    assertThat(
            FinalRanks.of(
                    trials(
                        "('finished', 'EVA', 'qo', 4, 'rte', " + first + ")",
                        "('finished', 'EVA', 'qo', 4, 'rte', " + second + ")",
                        "('failed', 'EVA', 'qo', 4, 'cola', " + first + ")",
                        "('finished', 'LoRA', 'qo', 4, 'rte', null)"))
                .text())
        .isEqualTo(
            """
            ranks  targets  mean  task  attention.output  query
            ─────  ───────  ────  ────  ────────────────  ─────
            EVA    QO       4     rte   3                 2.5 6
            """);
  }

  @Test
  void aDecoderHasItsOwnNames() {
    String ranks =
        "map('model.layers.10.self_attn.q_proj', 1.0D, 'model.layers.9.mlp.up_proj', 2.0D)";
    assertThat(
            FinalRanks.of(trials("('finished', 'AdaLoRA', 'all', 8, 'rte', " + ranks + ")")).text())
        .contains("q_proj  up_proj");
  }

  @Test
  void aMethodWithoutRankOrTargetsOfItsOwnGetsADash() {
    String ranks = "map('roberta.encoder.layer.0.attention.self.query', 2.0D)";
    assertThat(
            FinalRanks.of(
                    trials(
                        "('finished', 'Own', 'qv', cast(null AS int), 'rte', " + ranks + ")",
                        "('finished', 'Own', cast(null AS string), 4, 'rte', " + ranks + ")"))
                .text())
        .isEqualTo(
            """
            ranks  targets  mean  task  query
            ─────  ───────  ────  ────  ─────
            Own    —        4     rte   2
            Own    QV       —     rte   2
            """);
  }

  @Test
  void saysNothingWhereRanksAreNotShared() {
    String none = "cast(null AS map<string, double>)";
    assertThat(FinalRanks.of(trials("('finished', 'LoRA', 'qv', 8, 'rte', " + none + ")")).text())
        .isEmpty();
  }
}
