package org.peftsweep.results;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.util.StringUtils;
import scala.jdk.javaapi.CollectionConverters;

/**
 * The documented views over the tables of all sweeps, made by the statements of {@code
 * conf/views.sql}, which spark-sql and the Thrift server run as they stand.
 */
public final class Views {
  private static final String FILE = "/conf/views.sql";
  private static final String VARIABLE = "output";

  private Views() {}

  /**
   * Makes the views of what lies below {@code output} now; later files do not disturb a query.
   *
   * @throws AnalysisException if no sweep is there
   */
  public static void create(SparkSession spark, String output) throws AnalysisException {
    spark.conf().set(VARIABLE, output);
    try {
      statements(text()).forEach(spark::sql);
    } finally {
      spark.conf().unset(VARIABLE);
    }
  }

  /** Splits SQL at the semicolons that end statements, which are left out with blank statements. */
  public static List<String> statements(String sql) {
    return CollectionConverters.asJava(StringUtils.splitSemiColonWithIndex(sql, false)).stream()
        .map(String::strip)
        .filter(statement -> !statement.isEmpty())
        .toList();
  }

  private static String text() {
    try (InputStream file = Views.class.getResourceAsStream(FILE)) {
      return new String(file.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read " + FILE + ": " + e.getMessage(), e);
    }
  }
}
