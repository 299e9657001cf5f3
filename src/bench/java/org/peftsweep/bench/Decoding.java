package org.peftsweep.bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.model.CheckpointWeights;
import org.peftsweep.model.KeyValues;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;

/**
 * Times greedy decoding, one text on one thread, beside what memory allows: each token reads every
 * matrix of the layers and the head, and the keys and values that are kept, once. What that takes
 * at least is timed in the same round by summing arrays: one far larger than caches, and one as
 * large as what a token reads.
 */
public final class Decoding {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int LARGE = 64 << 20;
  private static final int LONGEST = 256;
  private static final double SECONDS = 2;
  private static volatile float sink;

  private Decoding() {}

  /** Takes the folder of a language model, and how many rounds. */
  public static void main(String[] arguments) {
    Path folder = Path.of(arguments[0]);
    int rounds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 5;
    float[] large = new float[LARGE];
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Backend backend = Backends.open("cpu", 1);
        Tape tape = new Tape(backend);
        Model model =
            Models.build(
                checkpoint.config(),
                Task.NEXT_TOKEN,
                backend,
                new CheckpointWeights(checkpoint).forTrial(backend, new Seeds(0)))) {
      ModelConfig.Sizes sizes = checkpoint.config().sizes();
      int longest = Math.min(LONGEST, sizes.positions());
      // On the way from the first token to the last, half of what is kept in the end.
      long kept = (long) sizes.layers() * sizes.keyValueHeads() * sizes.headWidth() * longest;
      long matrices =
          model.parameters().stream()
              .filter(parameter -> parameter.shape().length > 1)
              .mapToLong(p -> IntStream.of(p.shape()).asLongStream().reduce(1, (a, b) -> a * b))
              .sum();
      long read = matrices + kept;
      double[][] gained = new double[2][rounds];
      System.out.println("| round | tokens/s | memory allows | share | its cache allows | share |");
      System.out.println("| ---: | ---: | ---: | ---: | ---: | ---: |");
      float[] alike = new float[Math.toIntExact(read)];
      // The first round is for the compiler.
      for (int round = -1; round < rounds; round++) {
        double written = perSecond(longest - 1, () -> write(tape, model, longest));
        double memory = perSecond(LARGE, () -> sum(large)) / read;
        double cache = perSecond(alike.length, () -> sum(alike)) / read;
        if (round < 0) {
          continue;
        }
        gained[0][round] = written / memory;
        gained[1][round] = written / cache;
        System.out.printf(
            Locale.ROOT,
            "| %d | %,.0f | %,.0f | %.2f | %,.0f | %.2f |%n",
            round + 1,
            written,
            memory,
            gained[0][round],
            cache,
            gained[1][round]);
      }
      Arrays.stream(gained).forEach(Arrays::sort);
      System.out.printf(
          Locale.ROOT,
          "%s, %d tokens a text, each reads %.2f MB: median %.2f of what memory allows, %.2f of what a"
              + " cache of that size does%n",
          folder.getFileName(),
          longest,
          4e-6 * read,
          gained[0][rounds / 2],
          gained[1][rounds / 2]);
    }
  }

  private static double perSecond(long units, Runnable run) {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    // Processor time: other programs take none of it.
    long begun = threads.getCurrentThreadCpuTime();
    long runs = 0;
    double seconds = 0;
    while (seconds < SECONDS) {
      run.run();
      runs++;
      seconds = (threads.getCurrentThreadCpuTime() - begun) / 1e9;
    }
    return runs * units / seconds;
  }

  /** Four sums at once hide the latency of one. */
  private static void sum(float[] values) {
    FloatVector a = FloatVector.zero(SPECIES);
    FloatVector b = a;
    FloatVector c = a;
    FloatVector d = a;
    int lanes = SPECIES.length();
    int bound = values.length - 4 * lanes;
    for (int i = 0; i <= bound; i += 4 * lanes) {
      a = a.add(FloatVector.fromArray(SPECIES, values, i));
      b = b.add(FloatVector.fromArray(SPECIES, values, i + lanes));
      c = c.add(FloatVector.fromArray(SPECIES, values, i + 2 * lanes));
      d = d.add(FloatVector.fromArray(SPECIES, values, i + 3 * lanes));
    }
    sink = a.add(b).add(c.add(d)).lane(0);
  }

  /** Writes one text from token 1 on, to its full length whatever comes. */
  private static void write(Tape tape, Model model, int longest) {
    int[] ids = new int[longest];
    int[] mask = new int[longest];
    ids[0] = 1;
    mask[0] = 1;
    float[] scores = null;
    Batch batch = batch(Arrays.copyOf(ids, 1), Arrays.copyOf(mask, 1));
    try (KeyValues kept = new KeyValues(tape.backend(), longest - 1)) {
      for (int at = 1; at < longest; at++) {
        tape.startEvaluation();
        var logits = model.next(tape, batch, new int[] {at - 1}, kept).value();
        scores = scores == null ? new float[logits.columns()] : scores;
        tape.backend().read(logits, 0, scores, 0, scores.length);
        float[] all = scores;
        ids[at] =
            IntStream.range(0, all.length).reduce((i, j) -> all[j] > all[i] ? j : i).orElseThrow();
        mask[at] = 1;
        batch = batch(ids, mask);
      }
    }
  }

  private static Batch batch(int[] ids, int[] mask) {
    return new Batch(
        1, ids.length, ids, mask, new int[ids.length], new float[] {0}, new int[] {0});
  }
}
