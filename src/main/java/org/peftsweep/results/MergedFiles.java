package org.peftsweep.results;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.util.HadoopInputFile;
import org.peftsweep.data.FileFaults;

/**
 * Files {@code merged-<hash>.parquet} that hold the rows of many small files; which ones, each says
 * in its footer.
 *
 * <p>So a merged file and the list of what it stands for appear in one step. A small file that a
 * merged one names no longer counts, whether it is still there or not.
 */
final class MergedFiles {
  static final String PREFIX = "merged-";

  /** Key of the footer's list: one name a line. */
  static final String NAMES = "peft-sweep.files";

  private MergedFiles() {}

  static boolean isMerged(String name) {
    return name.startsWith(PREFIX);
  }

  /**
   * Tells which of a folder's files holds each small file's rows: itself, or a merged file; the
   * first by name where two hold it.
   *
   * @param visible names of all files that readers may see
   */
  static SortedMap<String, String> places(
      Path folder, Collection<String> visible, Configuration configuration) {
    SortedMap<String, String> places = new TreeMap<>();
    visible.stream()
        .filter(MergedFiles::isMerged)
        .sorted()
        .forEach(
            merged ->
                namesOrNone(new Path(folder, merged), configuration)
                    .forEach(name -> places.putIfAbsent(name, merged)));
    visible.stream()
        .filter(name -> !isMerged(name))
        .forEach(name -> places.putIfAbsent(name, name));
    return places;
  }

  /** A merged file that cannot be read holds nothing; {@link Inspection} tells of it. */
  private static List<String> namesOrNone(Path merged, Configuration configuration) {
    try {
      return names(merged, configuration);
    } catch (UncheckedIOException e) {
      return List.of();
    }
  }

  /** Returns where the list of a merged file stands a second time, for when it is damaged. */
  static Path list(Path merged) {
    return new Path(merged.getParent(), "_" + merged.getName() + ".names");
  }

  /** Returns the small files that a merged file was made of; none where nothing tells. */
  static List<String> listed(Path merged, Configuration configuration) {
    List<String> names = namesOrNone(merged, configuration);
    if (!names.isEmpty()) {
      return names;
    }
    Path list = list(merged);
    try (InputStream in = list.getFileSystem(configuration).open(list)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  /** Returns the small files whose rows a merged file holds, in the order of the rows. */
  static List<String> names(Path merged, Configuration configuration) {
    try (ParquetFileReader reader =
        ParquetFileReader.open(HadoopInputFile.fromPath(merged, configuration))) {
      String names = reader.getFileMetaData().getKeyValueMetaData().get(NAMES);
      if (names == null) {
        throw new FileFaults.ReasonException("it does not say which files it holds, move it away");
      }
      return names.lines().toList();
    } catch (IOException e) {
      throw FileFaults.cannot("read", merged, e);
    } catch (RuntimeException e) {
      // Parquet answers damage with exceptions of many kinds.
      throw FileFaults.cannot(
          "read", merged, new FileFaults.ReasonException("it is damaged, move it away", e));
    }
  }
}
