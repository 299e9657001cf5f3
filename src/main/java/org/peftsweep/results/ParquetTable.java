package org.peftsweep.results;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.api.WriteSupport;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.OutputFile;
import org.apache.parquet.io.api.RecordConsumer;

/** Writes rows of a table as one Parquet file, without a Spark session. */
final class ParquetTable {
  /** Where Spark looks for the schema that a file was written with, comments included. */
  static final String SPARK_SCHEMA = "org.apache.spark.sql.parquet.row.metadata";

  private ParquetTable() {}

  static <R> void write(Table<R> table, List<R> rows, Path file, Configuration configuration)
      throws IOException {
    try (ParquetWriter<R> writer =
        new Builder<>(table, new SealedFile(file, configuration))
            .withConf(configuration)
            .withCompressionCodec(CompressionCodecName.SNAPPY)
            .build()) {
      for (R row : rows) {
        writer.write(row);
      }
    }
  }

  private static final class Builder<R> extends ParquetWriter.Builder<R, Builder<R>> {
    private final Table<R> table;

    Builder(Table<R> table, OutputFile file) {
      super(file);
      this.table = table;
    }

    @Override
    protected Builder<R> self() {
      return this;
    }

    @Override
    @SuppressWarnings("deprecation") // ParquetWriter still asks for this one.
    protected WriteSupport<R> getWriteSupport(Configuration configuration) {
      return new Rows<>(table);
    }
  }

  private static final class Rows<R> extends WriteSupport<R> {
    private final Table<R> table;
    private RecordConsumer consumer;

    Rows(Table<R> table) {
      this.table = table;
    }

    @Override
    public WriteContext init(Configuration configuration) {
      return new WriteContext(
          table.parquet(),
          Map.of(SPARK_SCHEMA, table.schema().json(), SealedFile.KEY, SealedFile.METHOD));
    }

    @Override
    public void prepareForWrite(RecordConsumer consumer) {
      this.consumer = consumer;
    }

    @Override
    public void write(R row) {
      consumer.startMessage();
      for (int i = 0; i < table.columns().size(); i++) {
        Column<R> column = table.columns().get(i);
        Object value = column.value().apply(row);
        if (value != null) {
          consumer.startField(column.name(), i);
          column.type().write(consumer, value);
          consumer.endField(column.name(), i);
        } else if (column.isRequired()) {
          throw new IllegalStateException(
              "Cannot write a row of " + table.name() + ": " + column.name() + " is null");
        }
      }
      consumer.endMessage();
    }
  }
}
