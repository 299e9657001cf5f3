package org.peftsweep.cli;

import static java.util.stream.Collectors.counting;
import static java.util.stream.Collectors.groupingBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.TrialFile;
import org.peftsweep.sweep.StandInEngine;

/** Runs commands over sweeps whose trials train nothing, in a folder of each test's own. */
abstract class PlayedSweeps {
  protected final ByteArrayOutputStream out = new ByteArrayOutputStream();
  protected final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private final String name;

  @TempDir protected Path folder;

  /**
   * @param name of the sweep that is looked at
   */
  PlayedSweeps(String name) {
    this.name = name;
  }

  @BeforeAll
  static void startSpark() {
    LocalSpark.session();
  }

  /** Runs a sweep file, whose first line is its name. */
  protected int sweep(String text, String... more) {
    String named = text.lines().findFirst().orElseThrow().substring("name: ".length());
    try {
      Path file = Files.writeString(folder.resolve(named + ".yaml"), text);
      List<String> words = new ArrayList<>(List.of("sweep", file.toString()));
      words.addAll(Arrays.asList(more));
      return run(words.toArray(String[]::new));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  protected int run(String... words) {
    String[] all = Arrays.copyOf(words, words.length + 2);
    all[words.length] = "--output";
    all[words.length + 1] = folder.resolve("output").toString();
    return Main.run(
        new StandInEngine(),
        new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8),
        all);
  }

  protected ResultFolder results() {
    return results(name);
  }

  protected ResultFolder results(String sweep) {
    return new ResultFolder(
        new org.apache.hadoop.fs.Path(folder + "/output/" + sweep), new Configuration());
  }

  protected Map<String, Long> statuses() {
    return results().trials().values().stream()
        .collect(groupingBy(file -> TrialFile.word(file.status()), TreeMap::new, counting()));
  }

  protected String said() {
    return err.toString(StandardCharsets.UTF_8);
  }
}
