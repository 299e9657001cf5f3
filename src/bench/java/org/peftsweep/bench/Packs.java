package org.peftsweep.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.ElementType;
import org.peftsweep.data.Seeds;
import org.peftsweep.model.MergedModel;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.RandomWeights;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Library;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.PackRun;
import org.peftsweep.train.Progress;
import org.peftsweep.train.RunLimits;
import org.peftsweep.train.TrialRun;

/**
 * Times whole trials in packs beside the same trials one by one, a thread each: every round runs
 * both, and what counts is the ratio within a round.
 */
public final class Packs {
  private static final String TOKENIZER = "src/main/resources/models/mini/tokenizer.json";

  private static final Path DATA = Path.of("target/bench/packs");
  private static final int EXAMPLES = 800;
  private static final int EVALUATED = 16;

  /** What is run. */
  private enum Case {
    /** 16 trials of the shipped model, batches of 8 × 32 tokens. */
    MINI_8X32("builtin:mini", 16, 32, 150, 2),

    /** 4 trials of a model in the shape of RoBERTa-base, batches of 8 × 128 tokens. */
    ROBERTA_BASE_8X128("target/bench/roberta-base", 4, 128, 6, 1);

    private final String model;
    private final int trials;
    private final int tokens;
    private final int steps;

    /** Packs that run at once; they have all processors between them. */
    private final int packs;

    Case(String model, int trials, int tokens, int steps, int packs) {
      this.model = model;
      this.trials = trials;
      this.tokens = tokens;
      this.steps = steps;
      this.packs = packs;
    }

    String id() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** Wall clock of all trials, and the most memory that they held at once, their base included. */
  private record Run(double seconds, long bytes, double loss) {}

  private final Library library = new Library(new Configuration());
  private final int processors = Runtime.getRuntime().availableProcessors();

  private Packs() {}

  /** Arguments: rounds, then ids of cases; all without. */
  public static void main(String[] arguments) throws Exception {
    int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 3;
    List<String> asked = Arrays.asList(arguments).subList(Math.min(1, arguments.length), arguments.length);
    for (Case each : Case.values()) {
      if (asked.isEmpty() || asked.contains(each.id())) {
        new Packs().measure(each, rounds);
      }
    }
  }

  private void measure(Case what, int rounds) throws Exception {
    if (what == Case.ROBERTA_BASE_8X128) {
      writeModel(Path.of(what.model), Workload.Shape.ROBERTA_BASE_8X128.config());
    }
    writeData();
    List<Trial> trials = trials(what);
    alone(trials);
    packed(trials, what.packs);
    List<Double> ratios = new ArrayList<>();
    Run alone = null;
    Run packed = null;
    for (int round = 0; round < rounds; round++) {
      alone = alone(trials);
      packed = packed(trials, what.packs);
      ratios.add(alone.seconds / packed.seconds);
      System.out.printf(
          Locale.ROOT,
          "%s: one by one %.1f trials a minute, in packs %.1f, ratio %.2f%n",
          what.id(),
          60 * trials.size() / alone.seconds,
          60 * trials.size() / packed.seconds,
          ratios.get(round));
    }
    Collections.sort(ratios);
    System.out.printf(
        Locale.ROOT,
        "%s: %d trials in %d packs, median ratio %.2f; memory of the packs %.2f of that of %d separate"
            + " trials (%.0f of %.0f MB); losses differ by %.1e%n",
        what.id(),
        trials.size(),
        what.packs,
        ratios.get(ratios.size() / 2),
        packed.bytes / (double) alone.bytes,
        trials.size(),
        packed.bytes / 1e6,
        alone.bytes / 1e6,
        Math.abs(packed.loss - alone.loss) / alone.loss);
  }

  /** As many at once as there are processors; each has a base of its own to hold. */
  private Run alone(List<Trial> trials) throws Exception {
    ConcurrentLinkedQueue<Trial> waiting = new ConcurrentLinkedQueue<>(trials);
    ConcurrentLinkedQueue<Long> bytes = new ConcurrentLinkedQueue<>();
    ConcurrentLinkedQueue<Double> losses = new ConcurrentLinkedQueue<>();
    long start = System.nanoTime();
    all(
        IntStream.range(0, processors)
            .<Callable<Void>>mapToObj(
                i ->
                    () -> {
                      for (Trial trial = waiting.poll(); trial != null; trial = waiting.poll()) {
                        try (Backend backend = Backends.open("cpu", 1)) {
                          Outcome outcome =
                              new TrialRun(library, backend)
                                  .run(trial, RunLimits.FREE, Progress.SILENT);
                          losses.add(outcome.finalLoss());
                          bytes.add(backend.allocations().peakBytes() + baseBytes(trial));
                        }
                      }
                      return null;
                    })
            .toList());
    double seconds = (System.nanoTime() - start) / 1e9;
    return new Run(seconds, sum(bytes), losses.stream().mapToDouble(l -> l).sum());
  }

  private Run packed(List<Trial> trials, int packs) throws Exception {
    int lanes = trials.size() / packs;
    int threads = Math.max(1, processors / packs);
    ConcurrentLinkedQueue<Long> bytes = new ConcurrentLinkedQueue<>();
    ConcurrentLinkedQueue<Double> losses = new ConcurrentLinkedQueue<>();
    bytes.add(baseBytes(trials.get(0)));
    long start = System.nanoTime();
    List<Callable<Void>> runs = new ArrayList<>();
    for (int i = 0; i < packs; i++) {
      int first = i;
      List<Trial> own =
          IntStream.range(0, lanes).mapToObj(lane -> trials.get(first + lane * packs)).toList();
      runs.add(
          () -> {
            try (Backend passes = Backends.open("cpu", threads);
                PackRun pack = new PackRun("bench", lanes, library, passes)) {
              List<Callable<Void>> each = new ArrayList<>();
              for (int lane = 0; lane < lanes; lane++) {
                int place = lane;
                each.add(
                    () -> {
                      try (Backend backend = Backends.open("cpu", 1)) {
                        Outcome outcome =
                            pack.run(
                                place, own.get(place), backend, RunLimits.FREE, Progress.SILENT);
                        losses.add(outcome.finalLoss());
                        bytes.add(backend.allocations().peakBytes());
                      }
                      return null;
                    });
              }
              all(each);
              bytes.add(passes.allocations().peakBytes());
            }
            return null;
          });
    }
    all(runs);
    double seconds = (System.nanoTime() - start) / 1e9;
    return new Run(seconds, sum(bytes), losses.stream().mapToDouble(l -> l).sum());
  }

  private static void all(List<Callable<Void>> runs)
      throws InterruptedException, ExecutionException {
    ExecutorService pool = Executors.newFixedThreadPool(runs.size());
    try {
      for (Future<Void> run : pool.invokeAll(runs)) {
        run.get();
      }
    } finally {
      pool.shutdown();
    }
  }

  private static long sum(Iterable<Long> bytes) {
    long sum = 0;
    for (long each : bytes) {
      sum += each;
    }
    return sum;
  }

  private long baseBytes(Trial trial) {
    try (Model outline = Models.outline(library.config(trial.model().location()), 2)) {
      return outline.parameters().stream().mapToLong(p -> Float.BYTES * p.size()).sum();
    }
  }

  private List<Trial> trials(Case what) {
    String blocks =
        what == Case.MINI_8X32
            ? "{method: lora, targets: qv}, {method: dora, targets: qv}, {method: ia3},"
                + " {method: lora, targets: qkv}"
            : "{method: lora, targets: qv}";
    int blocksCount = what == Case.MINI_8X32 ? 4 : 1;
    String seeds =
        IntStream.range(0, what.trials / blocksCount)
            .mapToObj(Integer::toString)
            .reduce((a, b) -> a + ", " + b)
            .orElseThrow();
    String file =
        """
        name: packs
        model: %s
        data: %s
        tasks: [count]
        declare-tasks:
          count: {text-columns: [text], label-column: label, labels: [few, many], metrics: [accuracy]}
        seeds: [%s]
        grid: [%s]
        training: {max-steps: %d, evaluate-every: 1000000, batch: 8, max-tokens: %d, pad: max}
        """
            .formatted(what.model, DATA.toAbsolutePath(), seeds, blocks, what.steps, what.tokens);
    return SweepFile.read(
            "packs.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("packs.yaml") ? file : null))
        .expand(library::modelHash, library::taskHash);
  }

  /** Texts of a few words; the steps are what is timed, so few are evaluated. */
  private static void writeData() throws IOException {
    Path folder = Files.createDirectories(DATA.resolve("count"));
    SplittableRandom random = new SplittableRandom(1);
    for (String part : List.of("train", "dev")) {
      StringBuilder text = new StringBuilder();
      int count = part.equals("train") ? EXAMPLES : EVALUATED;
      for (int i = 0; i < count; i++) {
        int words = 1 + random.nextInt(20);
        text.append("{\"text\": \"")
            .append("the film ".repeat(words).strip())
            .append("\", \"label\": \"")
            .append(words > 10 ? "many" : "few")
            .append("\"}\n");
      }
      Files.writeString(folder.resolve(part + ".jsonl"), text);
    }
  }

  private static void writeModel(Path folder, ModelConfig config) {
    if (Files.exists(folder.resolve("tokenizer.json"))) {
      return;
    }
    try (Backend backend = Backends.open("cpu", 2)) {
      Files.createDirectories(folder);
      RandomWeights weights =
          new RandomWeights(
              backend, config.initializerRange(), new Seeds(1), ElementType.F32);
      try (Model model = Models.build(config, 2, backend, weights)) {
        MergedModel.write(folder, config, model, backend);
      }
      Files.copy(Path.of(TOKENIZER), folder.resolve("tokenizer.json"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
