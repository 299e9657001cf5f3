package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.results.LocalSpark;

class ReadOnlyTest {
  private final SparkSession spark = LocalSpark.session();

  @TempDir Path folder;
  private ReadOnly guard;

  @BeforeEach
  void makeAView() throws Exception {
    spark.range(3).toDF("id").createOrReplaceTempView("numbers");
    Files.createDirectories(folder.resolve("out/s"));
    guard = new ReadOnly(spark, new org.apache.hadoop.fs.Path("file:" + folder + "/out"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SELECT * FROM numbers",
        "TABLE numbers",
        "VALUES (1, 'a'), (2, 'b')",
        "SELECT 1",
        "SELECT id, count(*) FROM numbers GROUP BY id HAVING count(*) > 0 ORDER BY id LIMIT 3",
        "SELECT * FROM numbers WHERE id IN (SELECT max(id) FROM numbers)",
        "SELECT (SELECT max(id) FROM numbers), exists(SELECT 1 FROM numbers)",
        "WITH a AS (SELECT id FROM numbers), b AS (SELECT * FROM a) SELECT * FROM b JOIN a USING (id)",
        "SELECT *, row_number() OVER (PARTITION BY id ORDER BY id) FROM numbers",
        "SELECT *, sum(id) OVER w FROM numbers WINDOW w AS (ORDER BY id)",
        "SELECT * FROM numbers PIVOT (count(id) FOR id IN (1, 2))",
        "SELECT * FROM range(3) AS t(x) CROSS JOIN LATERAL explode(array(1, 2))",
        "SELECT id FROM numbers UNION ALL SELECT 1 EXCEPT SELECT 2",
        "SELECT id, e FROM numbers LATERAL VIEW explode(array(1, 2)) t AS e",
        "SELECT * EXCEPT (id), 1 FROM numbers TABLESAMPLE (50 PERCENT)",
        "SELECT stddev_samp(id), percentile(id, 0.5) FROM numbers GROUP BY ALL",
        "SELECT id FROM numbers GROUP BY ROLLUP (id)",
        "FROM numbers |> WHERE id > 1 |> SELECT id",
        "DESCRIBE numbers",
        "SHOW VIEWS",
        "SHOW TABLES",
        "SHOW COLUMNS IN numbers",
        "DESCRIBE FUNCTION max",
        "EXPLAIN SELECT * FROM numbers"
      })
  void letsReadingPass(String sql) {
    guard.require(sql);
    assertThat(spark.sql(sql).collectAsList()).isNotNull();
  }

  @Test
  void letsFilesBelowTheOutputPass() {
    spark.range(3).write().parquet(folder + "/out/s/t");
    guard.require("SELECT * FROM parquet.`" + folder + "/out/s/t`");
    guard.require("SELECT * FROM parquet.`" + folder + "/out/*/t`");
  }

  /** Each by itself, and inside of what reads. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "SELECT * FROM text.`/etc/passwd`",
        "SELECT * FROM `text`.`/etc/passwd`",
        "SELECT * FROM csv.`/etc/passwd`",
        "SELECT * FROM binaryFile.`/etc/passwd`",
        "SELECT * FROM parquet.`@OUT@/../secret`",
        "SELECT * FROM parquet.`@OUT@x/secret`",
        "SELECT * FROM parquet.`@OUT@/{s,../../secret}`",
        "SELECT * FROM text.`file:///etc/passwd`",
        "SELECT * FROM text.`http://host/x`",
        "SELECT * FROM IDENTIFIER('text.`/etc/passwd`')",
        "SELECT * FROM no_such_view",
        "SELECT * FROM global_temp.numbers",
        "SELECT java_method('java.lang.System', 'getenv', 'HOME')",
        "SELECT reflect('java.lang.System', 'exit', 3)",
        "SELECT try_reflect('java.lang.System', 'getenv', 'HOME')",
        "SELECT REFLECT('java.lang.System', 'getenv', 'HOME') FROM numbers",
        "SELECT TRANSFORM (id) USING 'sh -c id' AS (a STRING) FROM numbers",
        "FROM numbers SELECT TRANSFORM (id) USING 'cat' AS (a STRING)"
      })
  void refusesWhatReachesOutside(String query) {
    String sql = query.replace("@OUT@", folder + "/out");
    for (String frame :
        List.of(
            "%s",
            "WITH a AS (%s) SELECT * FROM a",
            "WITH a AS (WITH b AS (%s) SELECT * FROM b) SELECT 1",
            "SELECT 1 FROM (%s)",
            "SELECT (SELECT 1 FROM (%s) LIMIT 1)",
            "SELECT * FROM numbers WHERE id IN (SELECT 1 FROM (%s))",
            "SELECT * FROM numbers WHERE exists(SELECT 1 FROM (%s))",
            "SELECT 1 UNION ALL SELECT 1 FROM (%s)",
            "SELECT * FROM numbers, LATERAL (SELECT 1 FROM (%s))",
            "SELECT count(*) FILTER (WHERE id IN (SELECT 1 FROM (%s))) FROM numbers",
            "EXPLAIN SELECT 1 FROM (%s)",
            "EXPLAIN EXTENDED WITH a AS (SELECT 1 FROM (%s)) SELECT * FROM a")) {
      assertRefused(String.format(frame, sql));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "INSERT INTO numbers VALUES (1)",
        "INSERT OVERWRITE DIRECTORY '/tmp/x' USING csv SELECT 1",
        "CREATE TABLE t AS SELECT 1",
        "CREATE TABLE t (a INT) USING csv LOCATION '/tmp/x'",
        "CREATE TEMPORARY VIEW numbers USING text OPTIONS (path '/etc/passwd')",
        "CREATE OR REPLACE TEMPORARY VIEW v AS SELECT 1",
        "CREATE FUNCTION f AS 'x.Y' USING JAR '/tmp/x.jar'",
        "DROP VIEW numbers",
        "DROP TABLE IF EXISTS t",
        "ALTER VIEW numbers AS SELECT 1",
        "TRUNCATE TABLE t",
        "SET spark.sql.ansi.enabled=false",
        "SET",
        "RESET",
        "ADD JAR '/tmp/x.jar'",
        "ADD FILE '/etc/passwd'",
        "LIST JARS",
        "CACHE TABLE numbers",
        "REFRESH TABLE numbers",
        "REFRESH '/etc'",
        "USE other",
        "ANALYZE TABLE t COMPUTE STATISTICS",
        "DELETE FROM t",
        "UPDATE t SET a = 1",
        "MERGE INTO t USING numbers ON true WHEN MATCHED THEN DELETE",
        "LOAD DATA LOCAL INPATH '/etc/passwd' INTO TABLE t",
        "EXECUTE IMMEDIATE 'SELECT 1'",
        "DECLARE VARIABLE v INT",
        "BEGIN SELECT 1; END",
        "EXPLAIN CREATE TABLE t AS SELECT 1",
        "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
        "FROM numbers INSERT INTO t SELECT id",
        "DESCRIBE text.`/etc/passwd`",
        "SHOW CREATE TABLE numbers"
      })
  void refusesWhatDoesMoreThanRead(String sql) {
    assertRefused(sql);
  }

  /** Refused, or no statement at all, of which Spark runs nothing. */
  private void assertRefused(String sql) {
    try {
      ((org.apache.spark.sql.classic.SparkSession) spark).sessionState().sqlParser().parsePlan(sql);
    } catch (org.apache.spark.sql.catalyst.parser.ParseException e) {
      return;
    }
    assertThatThrownBy(() -> guard.require(sql))
        .as(sql)
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("Cannot use ")
        .hasMessageContaining("--unsafe");
  }
}
