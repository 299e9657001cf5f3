package org.peftsweep.cli.gpu;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/** The speed that an H100 or H200 is to reach, beside what was found. */
final class Goals {
  static final String STEP = "step";
  static final String PEER = "PEFT";
  static final String MEMORY = "memory";
  static final String TRIAL = "trial";

  static final String BASE = "RoBERTa-base, 32x128, lora";
  static final String BASE_DORA = "RoBERTa-base, 32x128, dora";
  static final String BASE_PACK = BASE + ", pack";
  static final String SMALL = "d=128, 2 layers, 32x64, lora";
  static final String SMALL_PACK = SMALL + ", pack";
  static final String SMALL_LARGE_PACK = SMALL + ", large pack";
  static final String DECODER = "Llama-3.1-8B, 8x128, lora";
  static final String WHOLE = "over steps times step time";

  static final String EAGER = ", eager";
  static final String GRAPH = ", best graph";

  /** Of PEFT on the shape of Llama-3.1-8B, where it cannot be measured beside. */
  private static final double DECODER_MEGABYTES = 19_100;

  /**
   * A goal.
   *
   * @param isMost whether more than wanted misses it, else less
   * @param found empty where it was not measured
   */
  record Goal(String what, double wanted, boolean isMost, OptionalDouble found) {
    String state() {
      if (found.isEmpty()) {
        return "not measured";
      }
      double value = found.getAsDouble();
      return (isMost ? value <= wanted : value >= wanted) ? "reached" : "MISSED";
    }

    String text() {
      return String.format(
          Locale.ROOT,
          "%-13s %-66s %10s (%s %.4g)",
          state(),
          what,
          found.isEmpty() ? "" : String.format(Locale.ROOT, "%.4g", found.getAsDouble()),
          isMost ? "at most" : "at least",
          wanted);
    }

    Map<String, Object> members() {
      Map<String, Object> members = new LinkedHashMap<>();
      members.put("what", what);
      members.put("wanted", wanted);
      members.put("is-most", isMost);
      members.put("found", found.isEmpty() ? null : found.getAsDouble());
      members.put("state", state());
      return members;
    }
  }

  private final Findings findings;
  private final int lanes;
  private final int manyLanes;

  /**
   * @param lanes of a pack
   * @param manyLanes of a large pack
   */
  Goals(Findings findings, int lanes, int manyLanes) {
    this.findings = findings;
    this.lanes = lanes;
    this.manyLanes = manyLanes;
  }

  List<Goal> all() {
    OptionalDouble base = step(BASE);
    return List.of(
        most(BASE + ": ms a step", 5.5, base),
        least(BASE + ": times PEFT eager", 4, ratio(1, peer(BASE + EAGER), base)),
        least(BASE + ": times PEFT's best graph", 1.1, ratio(1, peer(BASE + GRAPH), base)),
        most("RoBERTa-base, 32x128: dora over lora", 1.1, ratio(1, step(BASE_DORA), base)),
        least(BASE_PACK + ": times PEFT eager in turn", 5, pack(BASE, EAGER, lanes, BASE_PACK)),
        least(
            BASE_PACK + ": times PEFT's best graph in turn",
            1.4,
            pack(BASE, GRAPH, lanes, BASE_PACK)),
        least(SMALL_PACK + ": times PEFT eager in turn", 60, pack(SMALL, EAGER, lanes, SMALL_PACK)),
        least(
            SMALL_LARGE_PACK + ": times PEFT eager in turn",
            150,
            pack(SMALL, EAGER, manyLanes, SMALL_LARGE_PACK)),
        least(DECODER + ": times PEFT eager", 1.3, ratio(1, peer(DECODER + EAGER), step(DECODER))),
        most(
            DECODER + ": MB",
            findings.of(MEMORY, PEER + " " + DECODER).orElse(DECODER_MEGABYTES),
            findings.of(MEMORY, DECODER)),
        most("whole trial of 20 epochs: " + WHOLE, 1.15, findings.of(TRIAL, WHOLE)));
  }

  private OptionalDouble step(String what) {
    return findings.of(STEP, what);
  }

  private OptionalDouble peer(String what) {
    return findings.of(PEER, what);
  }

  /** How many times as fast a step of all lanes is as one step of as many peers in turn. */
  private OptionalDouble pack(String alone, String kind, int lanesOfIt, String pack) {
    return ratio(lanesOfIt, peer(alone + kind), step(pack));
  }

  private static OptionalDouble ratio(double factor, OptionalDouble over, OptionalDouble under) {
    return over.isEmpty() || under.isEmpty()
        ? OptionalDouble.empty()
        : OptionalDouble.of(factor * over.getAsDouble() / under.getAsDouble());
  }

  private static Goal most(String what, double wanted, OptionalDouble found) {
    return new Goal(what, wanted, true, found);
  }

  private static Goal least(String what, double wanted, OptionalDouble found) {
    return new Goal(what, wanted, false, found);
  }
}
