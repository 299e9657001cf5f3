package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.results.LocalSpark;

/**
 * Statements that people mistype; Spark's own sentences are of many lines and name its settings.
 */
class QueryFaultTest {
  @BeforeAll
  static void views() {
    LocalSpark.session()
        .sql("SELECT 'lora' AS method, 80.5 AS score, 1 AS seed, named_struct('rank', 4) AS trial")
        .createOrReplaceTempView("mistyped");
    LocalSpark.session().sql("SELECT 'lora' AS method").createOrReplaceTempView("other");
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '\0',
      textBlock =
          """
          SELECT scor FROM mistyped => nothing that it reads has a column `scor`, did you mean `score`, `seed`
          SELECT score => nothing that it reads has a column `score`, DESCRIBE lists those of a view
          SELECT trial.rnk FROM mistyped => there is no field `rnk`, give one of `rank`
          SELECT * FROM nowhere => there is no table or view `nowhere`, SHOW VIEWS lists them
          SELECT medain(score) FROM mistyped => there is no function `medain`, SHOW FUNCTIONS lists them
          SELEKT 1 => it is no SQL from 'SELEKT' on, mend it there
          SELECT (1 => it is no SQL from end of input on, mend it there
          SELECT method FROM mistyped GROUP method => it is no SQL from 'method' on, mend it there
          SELECT 1 /* one => its comment has no end, close it by */
          SELECT method, score FROM mistyped GROUP BY method => "score" differs within a group, aggregate it or add it to GROUP BY
          SELECT method, avg(score) FROM mistyped => it has aggregates beside plain columns, add GROUP BY with these
          SELECT max(avg(score)) FROM mistyped GROUP BY method => no aggregate can stand there, take it into HAVING or a subquery
          SELECT method FROM mistyped WHERE avg(score) > 1 => no aggregate can stand there, take it into HAVING or a subquery
          SELECT method FROM mistyped GROUP BY avg(score) => no aggregate can stand there, take it into HAVING or a subquery
          SELECT method FROM mistyped ORDER BY 3 => there is no column 3, give one from 1 to 1
          SELECT method FROM mistyped, other => several tables have `method`, write one of `mistyped`.`method`, `other`.`method`
          SELECT 1 UNION SELECT 1, 2 => UNION joins 1 columns with 2, select as many
          SELECT round(1, 2, 3) => `round` takes 1, 2 arguments, not 3, mend the call
          SELECT score + method FROM mistyped WHERE trial > 1 => the types within
          SELECT CAST('x' AS INT) => 'x' is no "INT", use try_cast for NULL in its place
          SELECT 1 / 0 => it divides by zero, use try_divide for NULL in its place
          SELECT score FROM mistyped LIMIT -1 => Spark says "The limit like expression
          """)
  void saysWhatIsWrongAndWhatToWrite(String sql, String sentence) {
    SparkSession spark = LocalSpark.session();
    Throwable fault = catchThrowable(() -> spark.sql(sql).collectAsList());
    assertThat(QueryFault.sentence(fault))
        .startsWith("Cannot answer the query: ")
        .contains(sentence)
        .doesNotContain("SQLSTATE", "[", "\n", "spark.sql")
        .hasSizeLessThan(300);
  }

  @Test
  void leavesOtherFaultsAlone() {
    assertThat(QueryFault.sentence(new IllegalStateException("other"))).isNull();
  }
}
