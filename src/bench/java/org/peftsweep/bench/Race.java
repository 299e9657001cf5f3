package org.peftsweep.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Lets the contenders of one workload step by turns, round after round: what else the machine does
 * hits all alike.
 *
 * @param peers besides the engine, its products and the peak
 * @param seconds of steps per contender and round
 * @param warmup seconds of steps before a process's first round, none for large shapes, whose check
 *     is enough
 * @param options of the JVMs
 */
record Race(
    Workload workload,
    List<String> peers,
    int rounds,
    double seconds,
    double warmup,
    List<String> options,
    Path log) {
  /** How far losses may lie apart, relative to the engine's. */
  private static final double TOLERANCE = 1e-3;

  /** SameDiff has GELU by its tanh formula only, which tells after some steps of a deep model. */
  private static final double SAMEDIFF_TOLERANCE = 2e-2;

  /**
   * After some steps, which multiply what 8 bits of fraction in the factors of products leave; the
   * first loss is held to as all others are.
   */
  private static final double BF16_TOLERANCE = 1e-1;

  /** What 4 bits of the weights leave. */
  private static final double QUANTISED_TOLERANCE = 2e-1;

  /** Steps that a round takes at least, however long they are. */
  private static final int STEPS_AT_LEAST = 2;

  Map<String, Figures> run() {
    List<String> names = new ArrayList<>(List.of("cpu", "products", "fma-peak"));
    if (peers.contains("cpu" + Table.HALF)) {
      names.add("bf16-peak");
    }
    names.addAll(peers);
    Map<String, Figures> figures = new LinkedHashMap<>();
    names.forEach(name -> figures.put(name, new Figures(name)));
    Map<String, ContenderProcess> open = new LinkedHashMap<>();
    try {
      for (int round = 1; round <= rounds; round++) {
        for (Figures each : figures.values()) {
          tell(each.contender() + ", round " + round + " of " + rounds);
          if (!open.containsKey(each.contender())) {
            open.put(each.contender(), start(each));
          }
          each.round(open.get(each.contender()).ask(measure(seconds)));
          if (workload.shape().isLarge()) {
            open.remove(each.contender()).close();
          }
        }
        requireEqualLosses(figures);
      }
    } finally {
      open.values().forEach(ContenderProcess::close);
    }
    return figures;
  }

  private ContenderProcess start(Figures figures) {
    ContenderProcess process =
        new ContenderProcess(figures.contender(), workload, options, log);
    figures.ready(process.ready());
    figures.losses(process.ask("check"));
    if (!workload.shape().isLarge()) {
      process.ask(measure(warmup));
    }
    return process;
  }

  private String measure(double length) {
    return String.format(Locale.ROOT, "measure %.2f %d", length, STEPS_AT_LEAST);
  }

  private void requireEqualLosses(Map<String, Figures> figures) {
    Figures ours = figures.get("cpu");
    for (Figures other : figures.values()) {
      for (String which : List.of("first", "last")) {
        double tolerance =
            switch (other.contender()) {
              case "samediff" -> SAMEDIFF_TOLERANCE;
              case "cpu-int8-bf16", "cpu-nf4-bf16" -> QUANTISED_TOLERANCE;
              case "cpu-bf16", "cpu-stored-bf16" -> which.equals("first") ? TOLERANCE : BF16_TOLERANCE;
              default -> TOLERANCE;
            };
        double expected = ours.loss(which);
        if (Math.abs(other.loss(which) - expected) > tolerance * Math.abs(expected)) {
          throw new IllegalStateException(
              String.format(
                  Locale.ROOT,
                  "Cannot compare %s with cpu on %s: the %s loss is %.6f, not %.6f",
                  other.contender(),
                  workload.id(),
                  which,
                  other.loss(which),
                  expected));
        }
      }
    }
  }

  private void tell(String event) {
    System.err.println(workload.id() + ": " + event);
  }
}
