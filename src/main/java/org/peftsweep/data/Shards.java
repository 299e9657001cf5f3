package org.peftsweep.data;

import java.math.BigInteger;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.hadoop.fs.Path;

/** The numbered files of one name, each number once, and all of those that are told to exist. */
final class Shards {

  private static final int MOST_NAMED = 12;

  private final String name;
  private final Path folder;
  private final Map<BigInteger, String> files = new TreeMap<>();
  private final TreeSet<Integer> counts = new TreeSet<>();

  /**
   * None yet.
   *
   * @param name of all of them, as messages have it
   */
  Shards(String name, Path folder) {
    this.name = name;
    this.folder = folder;
  }

  /**
   * Takes a file.
   *
   * @param count of files that its name tells; null where it tells none
   * @throws DataException if there is one of that number
   */
  void add(String file, String number, String count) {
    String other = files.putIfAbsent(new BigInteger(number), file);
    if (other != null) {
      throw twice(folder, other, file);
    }
    if (count != null) {
      counts.add(Integer.valueOf(count));
    }
  }

  /**
   * Refuses files of which some lack: their numbers begin with 0 or 1.
   *
   * @throws DataException saying which numbers are there
   */
  void requireAll() {
    if (counts.isEmpty()) {
      return;
    }
    BigInteger first = files.keySet().iterator().next();
    BigInteger last = BigInteger.valueOf(files.size() - 1L).add(first);
    boolean isWhole =
        counts.size() == 1
            && counts.first() == files.size()
            && first.compareTo(BigInteger.ONE) <= 0
            && files.containsKey(last);
    if (!isWhole) {
      String numbers =
          files.keySet().stream()
              .limit(MOST_NAMED)
              .map(BigInteger::toString)
              .collect(Collectors.joining(", "));
      throw new DataException(
          "Cannot read %s in %s: the numbers %s%s are there, of %s files; supply each once"
              .formatted(
                  name,
                  folder,
                  numbers,
                  files.size() > MOST_NAMED ? " and more" : "",
                  counts.stream().map(String::valueOf).collect(Collectors.joining(" and of "))));
    }
  }

  /** That two files hold the same rows, one of them packed as a rule. */
  static DataException twice(Path folder, String first, String second) {
    return new DataException(
        "Cannot read both %s and %s in %s: they are the same part of the rows; remove one"
            .formatted(first, second, folder));
  }
}
