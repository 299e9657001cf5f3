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

  private final TrialRuns runs = new TrialRuns();

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
    runs.alone(trials);
    runs.packed(trials, what.packs);
    List<Double> ratios = new ArrayList<>();
    TrialRuns.Run alone = null;
    TrialRuns.Run packed = null;
    for (int round = 0; round < rounds; round++) {
      alone = runs.alone(trials);
      packed = runs.packed(trials, what.packs);
      ratios.add(alone.seconds() / packed.seconds());
      System.out.printf(
          Locale.ROOT,
          "%s: one by one %.1f trials a minute, in packs %.1f, ratio %.2f%n",
          what.id(),
          60 * trials.size() / alone.seconds(),
          60 * trials.size() / packed.seconds(),
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
        packed.bytes() / (double) alone.bytes(),
        trials.size(),
        packed.bytes() / 1e6,
        alone.bytes() / 1e6,
        Math.abs(packed.loss() - alone.loss()) / alone.loss());
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
    return runs.trials(file);
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
