package org.peftsweep.cli.gpu;

import java.io.IOException;
import java.io.InputStream;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.commons.io.FileUtils;
import org.apache.hadoop.conf.Configuration;
import org.peftsweep.checkpoint.DType;
import org.peftsweep.checkpoint.FloatSource;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Library;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.PackRun;
import org.peftsweep.train.Progress;
import org.peftsweep.train.RunLimits;
import org.peftsweep.train.TrialRun;

/**
 * Trials as a sweep runs them, alone or in packs: on a model of some shape with drawn weights, and
 * on texts that fill its batches.
 */
final class CheckedTrials implements AutoCloseable {
  private static final List<String> WORDS =
      List.of("red", "green", "blue", "dogs", "run", "sleep", "fast", "here");
  private static final String FILE = "check.yaml";
  private static final int BLOCK = 1 << 16;
  private static final float RANGE = 0.02f;
  private static final double NANOS_OF_MILLISECOND = 1e6;

  /** When steps were done that somebody waited for. */
  static final class Ticks implements Progress {
    private final int every;
    private final List<Long> times = new ArrayList<>();

    /**
     * @param every so many steps the device is waited for
     */
    Ticks(int every) {
      this.every = every;
    }

    @Override
    public void step(int step, int steps, double loss) {
      if (step % every == 0) {
        times.add(System.nanoTime());
      }
    }

    @Override
    public void evaluated(Outcome.CurvePoint point) {}

    /** Returns the median of the milliseconds of a step; the first wait is left out. */
    double millis() {
      double[] millis = new double[times.size() - 1];
      for (int i = 0; i < millis.length; i++) {
        millis[i] = (times.get(i + 1) - times.get(i)) / NANOS_OF_MILLISECOND / every;
      }
      Arrays.sort(millis);
      return millis[millis.length / 2];
    }
  }

  private final CheckedSteps.Shape shape;
  private final Library library = new Library(new Configuration(false));
  private final Path folder;

  /**
   * Writes a model, and a task of whole batches.
   *
   * @param batches of its training part
   * @param reported examples that it is evaluated on
   */
  CheckedTrials(CheckedSteps.Shape shape, int batches, int reported) throws IOException {
    this.shape = shape;
    this.folder = Files.createTempDirectory("gpu-check");
    writeModel();
    Path task = Files.createDirectories(folder.resolve("data/filled"));
    writeTexts(task.resolve("train.tsv"), batches * shape.rows());
    writeTexts(task.resolve("dev.tsv"), reported);
  }

  private void writeModel() throws IOException {
    Path model = Files.createDirectory(folder.resolve("model"));
    shape.config().write(model.resolve("config.json"), "ForSequenceClassification");
    try (InputStream tokenizer = Library.class.getResourceAsStream("/models/mini/tokenizer.json")) {
      Files.copy(tokenizer, model.resolve("tokenizer.json"));
    }
    float[] block = new float[BLOCK];
    Random random = new Random(1);
    for (int i = 0; i < BLOCK; i++) {
      block[i] = RANGE * (float) random.nextGaussian();
    }
    SafeTensorsWriter writer = new SafeTensorsWriter();
    try (Model outline = Models.outline(shape.config(), shape.config().labels().size())) {
      for (Parameter parameter : outline.parameters()) {
        if (parameter.role() != Role.HEAD) {
          List<Long> sizes = Arrays.stream(parameter.shape()).mapToObj(Long::valueOf).toList();
          writer.add(parameter.name(), DType.BF16, sizes, values(parameter, block));
        }
      }
      writer.write(model.resolve("model.safetensors"));
    }
  }

  /** Matrices repeat a block of normal numbers; norms leave what they are given as it is. */
  private static FloatSource values(Parameter parameter, float... block) {
    if (parameter.shape().length > 1) {
      return (from, to) -> {
        for (long at = from; to.hasRemaining(); ) {
          int start = (int) (at % BLOCK);
          int some = Math.min(BLOCK - start, to.remaining());
          to.put(block, start, some);
          at += some;
        }
      };
    }
    float value = parameter.name().endsWith("bias") ? 0 : 1;
    return (from, to) -> fill(to, value);
  }

  private static void fill(FloatBuffer buffer, float value) {
    while (buffer.hasRemaining()) {
      buffer.put(value);
    }
  }

  /** Texts of more tokens than are read, which the first word gives a label. */
  private void writeTexts(Path file, int count) throws IOException {
    Random random = new Random(count);
    List<String> lines = new ArrayList<>(List.of("text\tlabel"));
    for (int i = 0; i < count; i++) {
      int first = random.nextInt(WORDS.size());
      StringBuilder text = new StringBuilder(WORDS.get(first));
      for (int word = 0; word < shape.tokens(); word++) {
        text.append(' ').append(WORDS.get(random.nextInt(WORDS.size())));
      }
      lines.add(text + "\t" + (first < WORDS.size() / 2 ? "good" : "bad"));
    }
    Files.write(file, lines);
  }

  /**
   * Returns trials of a method that differ in their seeds alone.
   *
   * @param block settings of the method, as in a sweep file
   * @param length how long they train, such as {@code max-steps: 4}
   */
  List<Trial> trials(String block, int count, String length) {
    String seeds = IntStream.range(0, count).boxed().toList().toString();
    String text =
        String.join(
            "\n",
            "name: check",
            "compute: {backend: cuda}",
            "model: " + folder.resolve("model"),
            "data: " + folder.resolve("data"),
            "tasks: [filled]",
            "declare-tasks: {filled: {text-columns: [text], label-column: label, labels: [good, bad],"
                + " metrics: [accuracy]}}",
            "seeds: " + seeds,
            "grid: [" + block + "]",
            String.format(
                Locale.ROOT,
                "training: {%s, max-tokens: %d, batch: %d}",
                length,
                shape.tokens(),
                shape.rows()),
            "rates: {learning-rate: 1e-4}");
    return expand(text, Map.of());
  }

  /** Returns the trials of a sweep file's text. */
  List<Trial> expand(String text, Map<String, String> overrides) {
    return SweepFile.read(
            FILE,
            overrides,
            location -> location.equals(FILE) ? Optional.of(text) : Optional.empty())
        .expand(library::modelHash, library::taskHash);
  }

  /** Runs one trial alone. */
  Outcome run(String place, Trial trial, Progress progress) {
    try (Backend backend = Backends.open(place, 1, BlasLibrary.OPENBLAS)) {
      return new TrialRun(library, backend).run(trial, RunLimits.FREE, progress);
    }
  }

  /** Runs trials in one pack; {@code progress} hears the first one. */
  List<Outcome> runPack(String place, List<Trial> trials, Progress progress) {
    ExecutorService threads = Executors.newFixedThreadPool(trials.size());
    try (Backend passes = Backends.open(place, 1);
        PackRun pack = new PackRun("check", trials.size(), library, passes)) {
      List<Future<Outcome>> lanes = new ArrayList<>();
      for (int i = 0; i < trials.size(); i++) {
        int lane = i;
        Progress hears = lane == 0 ? progress : Progress.SILENT;
        Callable<Outcome> trial =
            () -> {
              try (Backend own = Backends.open(place, 1)) {
                return pack.run(lane, trials.get(lane), own, RunLimits.FREE, hears);
              }
            };
        lanes.add(threads.submit(trial));
      }
      List<Outcome> outcomes = new ArrayList<>();
      for (Future<Outcome> lane : lanes) {
        outcomes.add(lane.get());
      }
      return outcomes;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Cannot check a pack: it was interrupted", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("Cannot check a pack: " + e.getCause().getMessage(), e);
    } finally {
      threads.shutdownNow();
    }
  }

  @Override
  public void close() {
    FileUtils.deleteQuietly(folder.toFile());
  }
}
