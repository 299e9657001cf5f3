package org.peftsweep.results;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.hadoop.util.HadoopInputFile;
import org.apache.parquet.schema.MessageType;
import org.peftsweep.data.FileFaults;

/**
 * Merges the small files of done trials, so that tens of thousands of trials stay quick to read.
 *
 * <p>A merged file is written under a hidden name and renamed; from then on it counts in place of
 * the files that it names ({@link MergedFiles}), and {@link ResultTables} shows each row once. The
 * small files go by a later call, when {@code grace} is over: a query that began before may still
 * read them. Whoever reads a folder as plain Parquet files sees their rows twice until then. A call
 * that is killed anywhere loses and doubles nothing. Only the holder of the {@link Lease} may call.
 */
public final class Compaction {
  /** Fewer small files than this stay as they are. */
  public static final int WORTHWHILE = 2000;

  /** How long a query may have taken its list of files before it reads them. */
  public static final Duration GRACE = Duration.ofMinutes(10);

  private static final int FILES_A_MERGER = 5000;

  private final ResultFolder folder;
  private final Configuration configuration;
  private final int worthwhile;
  private final Duration grace;

  public Compaction(
      ResultFolder folder, Configuration configuration, int worthwhile, Duration grace) {
    this.folder = folder;
    this.configuration = configuration;
    this.worthwhile = worthwhile;
    this.grace = grace;
  }

  /**
   * Removes small files that were merged long enough ago, and merges what has gathered since.
   *
   * @return how many small files were merged
   */
  public int run() {
    int merged = 0;
    Set<TrialFile> done =
        folder.trials().values().stream().filter(TrialFile::isDone).collect(Collectors.toSet());
    Set<String> rows = done.stream().map(TrialFile::name).collect(Collectors.toSet());
    Set<String> parts = done.stream().map(TrialFile::partName).collect(Collectors.toSet());
    for (Table<?> table : Tables.all()) {
      try {
        removeMerged(table);
        List<String> small =
            folder.files().places(table).entrySet().stream()
                .filter(place -> place.getKey().equals(place.getValue()))
                .map(Map.Entry::getKey)
                .filter(
                    name ->
                        table == Tables.EVENTS
                            || (table == Tables.TRIALS ? rows : parts).contains(name))
                .toList();
        if (small.size() >= worthwhile) {
          for (int from = 0; from < small.size(); from += FILES_A_MERGER) {
            int to = Math.min(from + FILES_A_MERGER, small.size());
            merged += merge(table, small.subList(from, to));
          }
        }
      } catch (IOException e) {
        throw FileFaults.cannot("merge files of", path(table), e);
      }
    }
    return merged;
  }

  private int merge(Table<?> table, List<String> candidates) throws IOException {
    MessageType schema = table.parquet();
    List<String> names = new ArrayList<>();
    for (String name : candidates) {
      // A file from before a column was added stays by itself.
      Path file = new Path(path(table), name);
      FileSystem files = file.getFileSystem(configuration);
      if (FileCheck.look(files, table, files.getFileStatus(file), true, configuration)
          .isPresent()) {
        folder.setAside(table, name);
      } else if (schema(file).equals(schema)) {
        names.add(name);
      }
    }
    if (names.isEmpty()) {
      return 0;
    }
    String list = String.join("\n", names);
    String target = MergedFiles.PREFIX + hash(list) + ".parquet";
    note(MergedFiles.list(new Path(path(table), target)), list);
    folder
        .files()
        .write(
            table.name(),
            target,
            hidden -> {
              try (ParquetWriter<Group> writer =
                  ExampleParquetWriter.builder(new SealedFile(hidden, configuration))
                      .withType(schema)
                      .withExtraMetaData(
                          Map.of(
                              MergedFiles.NAMES,
                              list,
                              ParquetTable.SPARK_SCHEMA,
                              table.schema().json(),
                              SealedFile.KEY,
                              SealedFile.METHOD))
                      .withCompressionCodec(CompressionCodecName.SNAPPY)
                      .withConf(configuration)
                      .build()) {
                for (String name : names) {
                  copy(new Path(path(table), name), writer);
                }
              }
            });
    return names.size();
  }

  private void note(Path file, String list) throws IOException {
    try (FSDataOutputStream out = file.getFileSystem(configuration).create(file, true)) {
      out.write(list.getBytes(StandardCharsets.UTF_8));
      SyncedFile.sync(out);
    }
  }

  private void copy(Path from, ParquetWriter<Group> to) throws IOException {
    try (ParquetReader<Group> reader =
        ParquetReader.builder(new GroupReadSupport(), from).withConf(configuration).build()) {
      for (Group row = reader.read(); row != null; row = reader.read()) {
        to.write(row);
      }
    }
  }

  private MessageType schema(Path file) throws IOException {
    try (ParquetFileReader reader =
        ParquetFileReader.open(HadoopInputFile.fromPath(file, configuration))) {
      return reader.getFileMetaData().getSchema();
    }
  }

  private void removeMerged(Table<?> table) throws IOException {
    FileSystem files = folder.path().getFileSystem(configuration);
    SortedMap<String, Long> mergedAt = new TreeMap<>();
    for (FileStatus file : folder.files().of(table)) {
      mergedAt.put(file.getPath().getName(), file.getModificationTime());
    }
    long latest = System.currentTimeMillis() - grace.toMillis();
    for (Map.Entry<String, String> place : folder.files().places(table).entrySet()) {
      String small = place.getKey();
      String holder = place.getValue();
      if (!small.equals(holder) && mergedAt.containsKey(small) && mergedAt.get(holder) <= latest) {
        files.delete(new Path(path(table), small), false);
      }
    }
  }

  private Path path(Table<?> table) {
    return new Path(folder.path(), table.name());
  }

  private static String hash(String text) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(hash).substring(0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
