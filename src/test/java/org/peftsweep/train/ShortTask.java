package org.peftsweep.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.peftsweep.data.Dataset;
import org.peftsweep.data.Example;
import org.peftsweep.data.Tasks;
import org.peftsweep.data.grammar.GrammarSettings;
import org.peftsweep.data.grammar.GrammarTask;

/**
 * The task mini-sst2 with 240 rows of train and 32 of dev: a built-in task has 500 rows of dev,
 * which take longer than the steps of trials that a test lets run.
 */
final class ShortTask {
  private static final String DECLARED =
      "{short: {text-columns: [text], label-column: label, labels: ['0', '1'], metrics: [accuracy]}}";
  private static final Path FOLDER = write();

  private ShortTask() {}

  /** Returns the lines of a sweep file that name it. */
  static String lines() {
    return "tasks: [short]\ndata: " + FOLDER + "\ndeclare-tasks: " + DECLARED + "\n";
  }

  /** Returns what sets it in place of the tasks of a sweep file. */
  static Map<String, String> settings() {
    return Map.of("tasks", "[short]", "data", FOLDER.toString(), "declare-tasks", DECLARED);
  }

  private static Path write() {
    Dataset data =
        new GrammarTask(Tasks.named("mini-sst2"), GrammarSettings.STANDARD, 240, 32, 0).dataset();
    try {
      Path folder = Files.createTempDirectory("short-task").toAbsolutePath();
      Path task = Files.createDirectory(folder.resolve("short"));
      write(task.resolve("train.tsv"), data.train());
      write(task.resolve("dev.tsv"), data.dev().get(0).examples());
      for (Path each : List.of(folder, task, task.resolve("train.tsv"), task.resolve("dev.tsv"))) {
        each.toFile().deleteOnExit();
      }
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void write(Path file, List<Example> examples) throws IOException {
    Files.write(
        file,
        Stream.concat(
                Stream.of("text\tlabel"),
                examples.stream().map(row -> row.first() + "\t" + (int) row.label()))
            .toList());
  }
}
