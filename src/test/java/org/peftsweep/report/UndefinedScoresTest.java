package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.Samples;

class UndefinedScoresTest {
  @TempDir Path output;

  @Test
  void areSaidWhereNoTrialHasAnother() {
    SampleSweep sweep = new SampleSweep(output, "s");
    sweep.addUndefined(Samples.trial("rte", 0));
    Report report = sweep.report();
    assertThat(Printed.text.of(report).replaceAll("\\s+", " "))
        .contains("collapsed", "the labels of a reported set are constant");
    for (Printed format : Printed.values()) {
      // The page of HTML holds a library of charts, which knows the word.
      String text = format.of(report).replaceAll("(?s)<script>.*", "");
      assertThat(text).as(format.name()).contains("collapsed").doesNotContain("NaN");
    }
    assertThat(report.state()).contains("1 of the finished collapsed to an undefined score");
    assertThatThrownBy(() -> report.recommendation("rte", 1 << 30))
        .hasMessageContaining("defined score");
  }

  @Test
  void areNeverRankedAmongOthers() {
    SampleSweep sweep = new SampleSweep(output, "s").benchmark();
    sweep.addUndefined(Samples.trial("stsb", 0));
    sweep.addUndefined(Samples.trial("rte", 7));
    Report report = sweep.report();
    String text = Printed.text.of(report);
    assertThat(text).contains("stsb", "collapsed").doesNotContain("NaN");
    assertThat(report.recommendation("rte", 1 << 30).advice()).startsWith("For rte");
    ResultTables tables = ResultTables.of(LocalSpark.session(), sweep.folder());
    assertThat(tables.trials().where(ResultTables.IS_UNDEFINED).count()).isEqualTo(2);
    assertThat(
            tables
                .trials()
                .selectExpr("score")
                .orderBy(functions.desc("score"))
                .first()
                .isNullAt(0))
        .isFalse();
    assertThat(tables.curves().where("isnan(score) OR isnan(validation_score)").count()).isZero();
    assertThat(BenchmarkTable.of(tables.trials(), List.of("rte", "stsb")).text())
        .contains("stsb", "collapsed");
  }
}
