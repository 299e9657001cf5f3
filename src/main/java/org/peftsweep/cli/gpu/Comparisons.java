package org.peftsweep.cli.gpu;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.ServiceLoader;
import org.peftsweep.cli.gpu.CheckedSteps.Shape;
import org.peftsweep.cli.gpu.Findings.Finding;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.BackendUnavailableException;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.KernelCheck;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.DoRA;
import org.peftsweep.method.Full;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;
import org.peftsweep.model.RandomWeights;
import org.peftsweep.model.Weights;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.Progress;

/** Whether the device computes what the processor does, and what reference cases say. */
final class Comparisons {
  private static final String GPU = "cuda";
  private static final double RANGE = 0.02;

  /** Losses after some steps may be so far apart, as a part of the processor's. */
  private static final Map<ElementType, Double> BOUNDS = new LinkedHashMap<>();

  private static final Map<String, Method> METHODS = new LinkedHashMap<>();

  static {
    BOUNDS.put(ElementType.F32, 1e-4);
    BOUNDS.put(ElementType.TF32, 1e-2);
    BOUNDS.put(ElementType.BF16, 5e-2);
    METHODS.put("full", new Full());
    METHODS.put("lora", new LoRA(8, 16, 0));
    METHODS.put("dora", new DoRA(8, 16, 0));
  }

  private final Findings findings;
  private final Extent extent;
  private final Map<String, Double> expected = new LinkedHashMap<>();

  Comparisons(Findings findings, Extent extent) {
    this.findings = findings;
    this.extent = extent;
  }

  /** Whether the device multiplies with such factors. */
  static boolean has(ElementType factors) {
    try (Backend backend = Backends.open(GPU, 1)) {
      backend.products(factors);
      return true;
    } catch (BackendUnavailableException e) {
      return false;
    }
  }

  /** Runs every kernel on both. */
  void kernels() {
    if (!findings.hasTime("kernels", 0)) {
      return;
    }
    try (Backend cpu = Backends.open("cpu", 1, BlasLibrary.OPENBLAS);
        Backend gpu = Backends.open(GPU, 1)) {
      for (KernelCheck.Result result : KernelCheck.compare(cpu, gpu)) {
        findings.add(new Finding("kernel", result.kernel(), result.worst(), "off", result.bound()));
      }
    }
  }

  /**
   * Looks whether rows of a product are the same bits alone and among others, on which packs rely
   * that promise what trials give alone.
   */
  void rows() {
    int rows = 64 * extent.small().rows();
    for (ElementType factors : BOUNDS.keySet()) {
      for (int[] sizes : new int[][] {{768, 768}, {3072, 768}, {128, 512}, {8, 768}}) {
        String what = String.format("rows of %s, %dx%d", factors, sizes[0], sizes[1]);
        if (has(factors) && findings.hasTime(what, 0)) {
          findings.add(
              new Finding(
                  "product", what, differing(factors, rows, sizes[0], sizes[1]), "off", 0.0));
        }
      }
    }
  }

  /** Returns how many numbers of the second quarter of rows differ when it is alone. */
  private static int differing(ElementType factors, int rows, int columns, int inner) {
    try (Backend gpu = Backends.open(GPU, 1)) {
      RandomWeights drawn = new RandomWeights(gpu, 1, new Seeds(1));
      Tensor x = drawn.head("x", Weights.Fresh.NORMAL, rows, inner);
      Tensor w = drawn.head("w", Weights.Fresh.NORMAL, columns, inner);
      Tensor y = drawn.head("y", Weights.Fresh.ZEROS, rows, columns);
      int some = rows / 4;
      float[] among = new float[some * columns];
      float[] alone = new float[some * columns];
      gpu.products(factors).linear(x, w, null, y);
      gpu.read(y.slice(some, some), 0, among, 0, among.length);
      gpu.products(factors).linear(x.slice(some, some), w, null, y.slice(0, some));
      gpu.read(y.slice(0, some), 0, alone, 0, alone.length);
      int differing = 0;
      for (int i = 0; i < among.length; i++) {
        differing += among[i] == alone[i] ? 0 : 1;
      }
      return differing;
    }
  }

  /** Runs the cases that came with the check. */
  void suppliedCases() {
    List<CheckPart> parts = new ArrayList<>();
    ServiceLoader.load(CheckPart.class, Comparisons.class.getClassLoader()).forEach(parts::add);
    if (parts.isEmpty()) {
      findings.leaveOut("golden cases", "they are in the bundle of jobs/gpu-bundle.sh");
    }
    for (CheckPart part : parts) {
      List<CheckPart.Case> cases = part.cases(GPU);
      int run = 0;
      int off = 0;
      for (CheckPart.Case each : cases.subList(0, Math.min(cases.size(), extent.cases()))) {
        if (findings.hasTime(part.name() + " " + each.name(), 0)) {
          run++;
          off += agrees(each) ? 0 : 1;
        }
      }
      if (run > 0) {
        String what = String.format(Locale.ROOT, "%s: of %d cases", part.name(), run);
        findings.add(new Finding("golden", what, off, "off", 0.0));
      }
    }
  }

  private boolean agrees(CheckPart.Case each) {
    try {
      each.check().run();
      return true;
    } catch (AssertionError e) {
      findings.say("OFF  " + each.name() + ": " + e.getMessage().strip().replaceAll("\\s+", " "));
      return false;
    }
  }

  /** Takes steps of small models in each precision beside the processor's in 32 bits. */
  void steps() {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    int rows = extent.small().rows() / 8 + 2;
    int tokens = extent.small().tokens() / 2;
    int width = extent.small().config().sizes().hidden();
    shapes.put("encoder", Shape.encoder(804, width, 2, 4, 4 * width, rows, tokens));
    shapes.put("decoder", Shape.decoder(804, width, 2, 4, 2, 3 * width, rows, tokens));
    for (ElementType factors : BOUNDS.keySet()) {
      shapes.forEach(
          (name, shape) ->
              METHODS.forEach(
                  (id, method) -> {
                    String what = name + ", " + id + ", " + factors;
                    if (has(factors) && findings.hasTime(what, 0)) {
                      double wanted =
                          expected.computeIfAbsent(
                              name + id, missing -> loss("cpu", shape, method, ElementType.F32));
                      double found = loss(GPU, shape, method, factors);
                      double off = Math.abs(found - wanted) / wanted;
                      findings.add(new Finding("training", what, off, "off", BOUNDS.get(factors)));
                    }
                  }));
    }
  }

  private double loss(String on, Shape shape, Method method, ElementType factors) {
    try (Backend backend = Backends.open(on, 1, BlasLibrary.OPENBLAS);
        CheckedSteps steps =
            new CheckedSteps(
                backend, shape, method, factors, new RandomWeights(backend, RANGE, new Seeds(1)))) {
      steps.take(extent.compared());
      return steps.loss();
    }
  }

  /** Runs whole trials of the model that ships with the program on both. */
  void trials() throws IOException {
    try (CheckedTrials trials = new CheckedTrials(extent.small(), 1 + extent.compared(), 8)) {
      for (ElementType factors : List.of(ElementType.F32, ElementType.BF16)) {
        String precision = factors == ElementType.F32 ? "fp32" : "bf16";
        String what = "whole trial, lora, " + precision;
        if (has(factors) && findings.hasTime(what, 5)) {
          String length = "epochs: 2";
          String block = "{method: lora, rank: 8, dropout: 0.1, precision: %s}";
          Trial exact = trials.trials(String.format(block, "fp32"), 1, length).get(0);
          Trial asked = trials.trials(String.format(block, precision), 1, length).get(0);
          Outcome wanted = trials.run("cpu", exact, Progress.SILENT);
          Outcome found = trials.run(GPU, asked, Progress.SILENT);
          findings.add(
              new Finding("trial", what, distance(found, wanted), "off", BOUNDS.get(factors)));
        }
      }
    }
  }

  /** Returns the largest distance of losses and of how sure the models are of each example. */
  private static double distance(Outcome found, Outcome wanted) {
    double worst = Math.abs(found.finalLoss() / wanted.finalLoss() - 1);
    for (int i = 0; i < wanted.predictions().size(); i++) {
      double score = wanted.predictions().get(i).score();
      worst = Math.max(worst, Math.abs(found.predictions().get(i).score() / score - 1));
    }
    return worst;
  }
}
