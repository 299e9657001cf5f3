package org.peftsweep.results;

import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.api.ReadSupport;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads some columns of a table's files without Spark, whose slots are busy while a sweep runs. */
final class ParquetRows {
  private static final Logger LOG = LoggerFactory.getLogger(ParquetRows.class);

  private final Configuration configuration;

  ParquetRows(Table<?> table, Set<String> columns, Configuration configuration) {
    this.configuration = new Configuration(configuration);
    List<Type> read =
        table.parquet().getFields().stream()
            .filter(column -> columns.contains(column.getName()))
            .toList();
    this.configuration.set(
        ReadSupport.PARQUET_READ_SCHEMA, new MessageType(table.name(), read).toString());
  }

  /** Reads a file; one that is damaged as far as that goes, which is said in the log. */
  void read(Path file, Consumer<Group> rows) {
    try (ParquetReader<Group> reader =
        ParquetReader.builder(new GroupReadSupport(), file).withConf(configuration).build()) {
      for (Group row = reader.read(); row != null; row = reader.read()) {
        rows.accept(row);
      }
    } catch (IOException | RuntimeException e) {
      // Parquet answers damage with exceptions of many kinds; a sweep looks for it by itself.
      LOG.warn("{} cannot be read: {}", file, e.getMessage());
    }
  }

  /** Whether a row has a value in a column, which files of earlier versions may lack. */
  static boolean holds(Group row, String column) {
    return row.getType().containsField(column) && row.getFieldRepetitionCount(column) > 0;
  }
}
