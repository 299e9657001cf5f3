package org.peftsweep.results;

import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.api.ReadSupport;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;
import org.peftsweep.train.Outcome.Status;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Which trials have a row that tells what they kept of some texts, read without Spark. */
public final class RetentionRows {
  private static final Logger LOG = LoggerFactory.getLogger(RetentionRows.class);
  private static final String HASH = "retention_hash";
  private static final Set<String> COLUMNS = Set.of("id", "attempt", HASH);

  private RetentionRows() {}

  /**
   * Returns the rows that count, are done or stand on a rung, and do not tell of these texts.
   *
   * @param hash of the texts, as the column of that name
   */
  public static Set<TrialFile> without(
      String hash, ResultFolder folder, Configuration configuration) {
    Set<String> measured = new HashSet<>();
    Configuration reading = new Configuration(configuration);
    List<Type> columns =
        Tables.TRIALS.parquet().getFields().stream()
            .filter(column -> COLUMNS.contains(column.getName()))
            .toList();
    reading.set(
        ReadSupport.PARQUET_READ_SCHEMA, new MessageType(Tables.TRIALS.name(), columns).toString());
    for (FileStatus file : folder.files(Tables.TRIALS)) {
      read(file.getPath(), reading, hash, measured);
    }
    return folder.trials().values().stream()
        .filter(row -> row.isDone() || row.status() == Status.STOPPED)
        .filter(row -> !measured.contains(row.attemptName()))
        .collect(Collectors.toSet());
  }

  private static void read(
      Path file, Configuration configuration, String hash, Set<String> measured) {
    try (ParquetReader<Group> reader =
        ParquetReader.builder(new GroupReadSupport(), file).withConf(configuration).build()) {
      for (Group row = reader.read(); row != null; row = reader.read()) {
        boolean isMeasured =
            row.getType().containsField(HASH)
                && row.getFieldRepetitionCount(HASH) > 0
                && row.getString(HASH, 0).equals(hash);
        if (isMeasured) {
          measured.add(row.getString("id", 0) + "-" + row.getInteger("attempt", 0));
        }
      }
    } catch (IOException | RuntimeException e) {
      // Parquet answers damage with exceptions of many kinds; the sweep looks for it elsewhere.
      LOG.warn("{} cannot be read: {}", file, e.getMessage());
    }
  }
}
