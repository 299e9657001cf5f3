package org.peftsweep.cli.gpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.peftsweep.cli.gpu.CheckedTrials.Ticks;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.ElementType;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.LoRA;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.Progress;

/** How fast steps, packs, whole trials and a sweep are, and how fast PEFT's steps. */
final class Speeds implements AutoCloseable {
  private static final String GPU = "cuda";
  private static final String METHOD = "{method: %s, rank: 8, precision: %s, weights: %s}";
  private static final int DECODER_RANK = 16;
  private static final double COMPILING = 90;
  private static final List<String> GRAPHS = List.of("graph", "compiled-graph");

  private final Findings findings;
  private final Extent extent;
  private final String precision;
  private final CheckedTrials base;
  private final CheckedTrials small;

  Speeds(Findings findings, Extent extent) throws IOException {
    this.findings = findings;
    this.extent = extent;
    this.precision = Comparisons.has(ElementType.BF16) ? "bf16" : "fp32";
    this.base = new CheckedTrials(extent.base(), extent.batches(), extent.reported());
    this.small = new CheckedTrials(extent.small(), extent.batches(), extent.reported());
  }

  /** Returns the shapes that peers are asked for, by the names of goals. */
  static Map<String, Map<String, Object>> peers(Extent extent) {
    Map<String, Map<String, Object>> shapes = new LinkedHashMap<>();
    shapes.put(Goals.BASE, Peers.shape(extent.base(), "lora", 8));
    shapes.put(Goals.SMALL, Peers.shape(extent.small(), "lora", 8));
    shapes.put(Goals.BASE_DORA, Peers.shape(extent.base(), "dora", 8));
    shapes.put(Goals.DECODER, Peers.shape(extent.decoder(), "lora", DECODER_RANK));
    return shapes;
  }

  /** Times everything that goals speak of, what says most first. */
  void goals(Peers peers) throws IOException {
    alone(base, Goals.BASE, "lora");
    alone(small, Goals.SMALL, "lora");
    peers.time(Goals.BASE, List.of("eager"), Goals.EAGER, 30);
    peers.time(Goals.SMALL, List.of("eager"), Goals.EAGER, 30);
    pack(base, Goals.BASE_PACK, extent.lanes());
    pack(small, Goals.SMALL_PACK, extent.lanes());
    pack(small, Goals.SMALL_LARGE_PACK, extent.manyLanes());
    peers.time(Goals.BASE, GRAPHS, Goals.GRAPH, COMPILING);
    peers.end(Goals.BASE);
    alone(base, Goals.BASE_DORA, "dora");
    decoder(peers);
    wholeTrial();
    peers.time(Goals.BASE_DORA, List.of("eager"), Goals.EAGER, 30);
    peers.time(Goals.SMALL, GRAPHS, Goals.GRAPH, COMPILING);
    peers.time(Goals.BASE_DORA, GRAPHS, Goals.GRAPH, COMPILING);
  }

  private String block(String method) {
    return String.format(METHOD, method, precision, precision);
  }

  private String timed() {
    return "max-steps: " + extent.steps() + ", evaluate-every: 1000000";
  }

  private void alone(CheckedTrials trials, String what, String method) {
    if (!findings.hasTime(what, 5)) {
      return;
    }
    Ticks ticks = new Ticks(extent.every());
    Trial trial = trials.trials(block(method), 1, timed()).get(0);
    Outcome outcome = trials.run(GPU, trial, ticks);
    if (isWhole(what, List.of(outcome))) {
      findings.add(Goals.STEP, what, ticks.millis(), "ms");
      findings.add(Goals.MEMORY, what, outcome.peakBytes() / 1e6, "MB");
    }
  }

  /** Whether trials finished; says why where one did not. */
  private boolean isWhole(String what, List<Outcome> outcomes) {
    for (Outcome outcome : outcomes) {
      if (outcome.status() != Outcome.Status.FINISHED) {
        findings.leaveOut(what, outcome.status() + ", " + outcome.reason());
        return false;
      }
    }
    return true;
  }

  private void pack(CheckedTrials trials, String what, int lanes) {
    if (!findings.hasTime(what, 10)) {
      return;
    }
    Ticks ticks = new Ticks(extent.every());
    List<Outcome> outcomes =
        trials.runPack(GPU, trials.trials(block("lora"), lanes, timed()), ticks);
    if (isWhole(what, outcomes)) {
      findings.add(Goals.STEP, what, ticks.millis(), "ms");
    }
  }

  private void decoder(Peers peers) {
    if (findings.hasTime(Goals.DECODER, 20)) {
      ElementType type = precision.equals("bf16") ? ElementType.BF16 : ElementType.F32;
      try (Backend backend = Backends.open(GPU, 1);
          CheckedSteps steps =
              new CheckedSteps(
                  backend,
                  extent.decoder(),
                  new LoRA(DECODER_RANK, 2 * DECODER_RANK, 0),
                  type,
                  new RepeatedWeights(backend, type, new Seeds(1)))) {
        steps.take(3);
        findings.add(Goals.STEP, Goals.DECODER, millis(steps), "ms");
        findings.add(Goals.MEMORY, Goals.DECODER, backend.allocations().peakBytes() / 1e6, "MB");
      } catch (OutOfMemoryError e) {
        findings.leaveOut(Goals.DECODER, "the device has not enough memory");
      }
      peers.time(Goals.DECODER, List.of("eager"), Goals.EAGER, 60);
    }
    peers.end(Goals.DECODER);
  }

  private double millis(CheckedSteps steps) {
    double[] millis = new double[extent.rounds()];
    int each = Math.max(1, extent.every() / 4);
    for (int round = 0; round < millis.length; round++) {
      long start = System.nanoTime();
      steps.take(each);
      millis[round] = (System.nanoTime() - start) / 1e6 / each;
    }
    Arrays.sort(millis);
    return millis[millis.length / 2];
  }

  /** One trial with all that belongs to it, over what its steps alone would take. */
  private void wholeTrial() {
    String what = "whole trial of " + extent.epochs() + " epochs";
    if (!findings.hasTime(what, 25)) {
      return;
    }
    Trial trial = base.trials(block("lora"), 1, "epochs: " + extent.epochs()).get(0);
    long start = System.nanoTime();
    Outcome outcome = base.run(GPU, trial, Progress.SILENT);
    double seconds = (System.nanoTime() - start) / 1e9;
    if (!isWhole(what, List.of(outcome))) {
      return;
    }
    findings.add(Goals.TRIAL, what, seconds, "s");
    findings
        .of(Goals.STEP, Goals.BASE)
        .ifPresent(
            step ->
                findings.add(
                    Goals.TRIAL, Goals.WHOLE, 1000 * seconds / step / outcome.steps(), "times"));
  }

  /**
   * Runs the trials of a sweep file, in packs.
   *
   * @param file whose recipes are taken, on as many seeds as the extent says; the check's own model
   *     and texts stand in for its where the extent is the least
   */
  void sweep(Path file) throws IOException {
    String what = "sweep of the quickstart";
    if (!findings.hasTime(what, 30)) {
      return;
    }
    String text = Files.readString(file);
    Map<String, String> overrides = new HashMap<>();
    overrides.put("seeds", IntStream.range(0, extent.seeds()).boxed().toList().toString());
    List<Trial> trials = small.expand(text, overrides);
    if (extent == Extent.LEAST) {
      trials = small.trials("{method: lora, targets: [qv, qkv], ratio: [1, 4]}", 1, "max-steps: 2");
    }
    long start = System.nanoTime();
    List<Outcome> outcomes = new ArrayList<>();
    for (int from = 0; from < trials.size(); from += extent.lanes()) {
      if (!findings.hasTime("a pack of the sweep", 0)) {
        return;
      }
      List<Trial> some = trials.subList(from, Math.min(trials.size(), from + extent.lanes()));
      outcomes.addAll(small.runPack(GPU, some, Progress.SILENT));
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    findings.add("sweep", trials.size() + " trials", seconds, "s");
    long unfinished =
        outcomes.stream().filter(each -> each.status() != Outcome.Status.FINISHED).count();
    findings.add(new Findings.Finding("sweep", "trials unfinished", unfinished, "trials", 0.0));
    outcomes.stream()
        .filter(each -> each.last() != null)
        .mapToDouble(each -> each.last().devScore())
        .average()
        .ifPresent(score -> findings.add("sweep", "mean score at the end", score, ""));
  }

  /** Times other precisions, of which no goal speaks. */
  void precisions() {
    for (String other : List.of("tf32", "fp32")) {
      String what = Goals.BASE + ", " + other;
      boolean isThere = other.equals("fp32") || Comparisons.has(ElementType.TF32);
      if (isThere && findings.hasTime(what, 15)) {
        Ticks ticks = new Ticks(extent.every());
        String block = String.format(METHOD, "lora", other, "fp32");
        Outcome outcome = base.run(GPU, base.trials(block, 1, timed()).get(0), ticks);
        if (isWhole(what, List.of(outcome))) {
          findings.add(Goals.STEP, what, ticks.millis(), "ms");
        }
      }
    }
  }

  @Override
  public void close() {
    base.close();
    small.close();
  }
}
