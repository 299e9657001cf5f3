package org.peftsweep.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What two threads have to reach, by kind of processor: how many times our step a peer's takes.
 *
 * @param shape of the model and batch
 * @param peer in the number format that it is compared in
 * @param tiles for processors with AMX
 * @param others for processors with AVX512-BF16 and without AMX
 */
record Goals(String shape, String peer, double tiles, double others) {
  private static final List<Goals> ALL =
      List.of(
          new Goals("roberta-base-8x128", "libtorch", 1.1, 2),
          new Goals("roberta-base-8x128", "peft", 1.1, 2),
          new Goals("roberta-base-32x128", "libtorch", 1.1, 2),
          new Goals("roberta-base-32x128", "peft", 1.1, 2),
          new Goals("d256-32x64", "libtorch", 1.7, 2.5),
          new Goals("d256-32x64", "peft", 1.7, 2.5),
          new Goals("mini-32x64", "libtorch", 2.5, 3),
          new Goals("mini-32x64", "peft", 2.5, 3),
          new Goals("roberta-base-8x128", "peft-bf16", 1.8, 1.5));

  /** Shares of the peak that a step of RoBERTa-base reaches, by the engine's contender. */
  private static final Map<String, Double> SHARES_WITH_TILES =
      Map.of("cpu", 0.65, "cpu-bf16", 0.45);

  private static final Map<String, Double> SHARES = Map.of("cpu", 0.75, "cpu-bf16", 0.50);

  /** How many times a step over stored bf16 one over a quantised base may take. */
  private static final double MOST_TIMES = 1.3;

  /** Shares that quantised weights may take of the memory of those of bf16. */
  private static final Map<String, Double> SHARES_OF_MEMORY =
      Map.of("cpu-int8-bf16", 0.45, "cpu-nf4-bf16", 0.3);

  private static void addQuantised(
      String shape, Map<String, Figures> figures, List<String> missed) {
    Figures stored = figures.get("cpu-stored-bf16");
    if (stored == null || !shape.startsWith("roberta-base")) {
      return;
    }
    SHARES_OF_MEMORY.forEach(
        (contender, most) -> {
          Figures quantised = figures.get(contender);
          if (quantised == null) {
            return;
          }
          double times = quantised.medianMillis() / stored.medianMillis();
          double share = quantised.weightBytes() / (double) stored.weightBytes();
          if (times > MOST_TIMES || share > most) {
            missed.add(
                String.format(
                    Locale.ROOT,
                    "%s on %s takes %.2f times the step of stored bf16 and %.2f of the weights'"
                        + " memory, wanted are %.2f and %.2f",
                    contender,
                    shape,
                    times,
                    share,
                    MOST_TIMES,
                    most));
          }
        });
  }

  /** Returns a sentence for each goal that was measured and missed on this processor. */
  static List<String> missed(Workload workload, Map<String, Figures> figures) {
    String flags = flags();
    boolean hasTiles = flags.contains(" amx_bf16");
    List<String> missed = new ArrayList<>();
    if (workload.threads() != 2
        || workload.method() != Workload.Tuning.LORA
        || !hasTiles && !flags.contains(" avx512_bf16")) {
      return missed;
    }
    String shape = workload.shape().id();
    addQuantised(shape, figures, missed);
    for (Goals goal : ALL) {
      Figures peer = figures.get(goal.peer);
      if (goal.shape.equals(shape) && peer != null) {
        double wanted = hasTiles ? goal.tiles : goal.others;
        double reached = Table.ratio(figures, peer, 1);
        if (reached < wanted) {
          missed.add(
              String.format(
                  Locale.ROOT,
                  "%s takes %.2f times our step on %s, wanted are %.2f",
                  goal.peer,
                  reached,
                  shape,
                  wanted));
        }
      }
    }
    if (shape.startsWith("roberta-base")) {
      (hasTiles ? SHARES_WITH_TILES : SHARES)
          .forEach(
              (contender, wanted) -> {
                Figures ours = figures.get(contender);
                if (ours == null) {
                  return;
                }
                double reached =
                    figures.get("products").gigaflops()
                        / ours.medianMillis()
                        * 1e3
                        / Table.peak(figures, contender);
                if (reached < wanted) {
                  missed.add(
                      String.format(
                          Locale.ROOT,
                          "%s on %s reaches %.2f of the peak, wanted are %.2f",
                          contender,
                          shape,
                          reached,
                          wanted));
                }
              });
    }
    return missed;
  }

  private static String flags() {
    try {
      return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
          .filter(line -> line.startsWith("flags"))
          .findFirst()
          .orElse("");
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read /proc/cpuinfo", e);
    }
  }
}
