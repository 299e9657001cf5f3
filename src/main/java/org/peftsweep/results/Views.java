package org.peftsweep.results;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.util.StringUtils;
import org.peftsweep.data.FileFaults;
import scala.jdk.javaapi.CollectionConverters;

/**
 * The documented views over the tables of all sweeps, made by the statements of {@code
 * conf/views.sql}, which spark-sql and the Thrift server run as they stand.
 */
public final class Views {
  private static final String FILE = "/conf/views.sql";

  /** Statements with it make the stored tables; the path in it would be taken for a pattern. */
  private static final String VARIABLE = "${output}";

  private Views() {}

  /**
   * Makes the views of what lies below {@code output} now; later files do not disturb a query.
   * Damaged files are passed over.
   *
   * @throws FileNotFoundException if no sweep is there
   */
  public static void create(SparkSession spark, String output) throws IOException {
    Path place = new Path(output);
    FileSystem files = place.getFileSystem(spark.sparkContext().hadoopConfiguration());
    List<ResultFolder> sweeps =
        ResultFolder.under(files.makeQualified(place), spark.sparkContext().hadoopConfiguration());
    boolean isAny = false;
    for (Table<?> table : Tables.all()) {
      List<String> folders = new ArrayList<>();
      for (ResultFolder sweep : sweeps) {
        Path folder = new Path(sweep.path(), table.name());
        if (files.exists(folder) && files.getFileStatus(folder).isDirectory()) {
          folders.add(folder.toString());
        }
      }
      isAny |= !folders.isEmpty();
      stored(spark, table, folders).createOrReplaceTempView("stored_" + table.name());
    }
    if (!isAny) {
      throw new FileNotFoundException("no sweep has tables in " + output);
    }
    statements(text()).stream()
        .filter(statement -> !statement.contains(VARIABLE))
        .forEach(spark::sql);
  }

  private static Dataset<Row> stored(SparkSession spark, Table<?> table, List<String> folders) {
    if (folders.isEmpty()) {
      return spark.createDataFrame(List.of(), table.schema());
    }
    return ResultTables.plain(spark)
        .option("pathGlobFilter", "*.parquet")
        .schema(table.schema())
        .parquet(folders.toArray(String[]::new))
        .where("sweep IS NOT NULL");
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
      throw FileFaults.cannot("read", FILE, e);
    }
  }
}
