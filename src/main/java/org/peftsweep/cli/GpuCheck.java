package org.peftsweep.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.peftsweep.cli.CheckedSteps.Shape;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.BackendUnavailableException;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.GpuReading;
import org.peftsweep.compute.KernelCheck;
import org.peftsweep.method.DoRA;
import org.peftsweep.method.Full;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;

/**
 * Finds out whether a GPU computes what the processor does, and how fast, in the order that tells
 * most where time is short: kernels, training beside the processor's, times of steps. Needs neither
 * Spark nor a network.
 */
final class GpuCheck {
  private static final int STEPS = 8;
  private static final double NANOS_OF_MINUTE = 60e9;
  private static final int TIMED = 10;
  private static final int ROUNDS = 5;

  private static final Shape TIMED_SMALL = Shape.encoder(804, 128, 2, 4, 512, 32, 64);
  private static final Shape TIMED_BASE = Shape.encoder(50265, 768, 12, 12, 3072, 32, 128);

  /** Small enough for a processor to take the same steps. */
  private static final Map<String, Shape> SMALL = new LinkedHashMap<>();

  private static final Map<String, Method> METHODS = new LinkedHashMap<>();

  /** Losses after some steps may be so far apart, as a part of the processor's. */
  private static final Map<ElementType, Double> BOUNDS = new LinkedHashMap<>();

  static {
    SMALL.put("encoder", Shape.encoder(804, 128, 2, 4, 512, 4, 32));
    SMALL.put("decoder", Shape.decoder(804, 128, 2, 4, 2, 344, 4, 32));
    METHODS.put("full", new Full());
    METHODS.put("lora", new LoRA(8, 16, 0));
    METHODS.put("dora", new DoRA(8, 16, 0));
    BOUNDS.put(ElementType.F32, 1e-4);
    BOUNDS.put(ElementType.TF32, 1e-2);
    BOUNDS.put(ElementType.BF16, 5e-2);
  }

  /** What was found; the bound is null where nothing is demanded. */
  private record Line(String part, String what, double found, String unit, Double bound) {
    boolean isFine() {
      return bound == null || found <= bound;
    }

    String text() {
      return String.format(
          Locale.ROOT,
          "%-4s %-8s %-44s %10.4g %s%s",
          isFine() ? "ok" : "OFF",
          part,
          what,
          found,
          unit,
          bound == null ? "" : String.format(Locale.ROOT, " (at most %.0e)", bound));
    }
  }

  private final long end;
  private final List<Line> lines = new ArrayList<>();
  private String left = "";

  private GpuCheck(double minutes) {
    this.end = System.nanoTime() + (long) (minutes * NANOS_OF_MINUTE);
  }

  /**
   * Runs the check.
   *
   * @param arguments minutes that it may take, and the file that gets its figures as JSON
   */
  public static void main(String... arguments) throws IOException {
    double minutes = Double.parseDouble(arguments[0]);
    Path file = Path.of(arguments[1]);
    Optional<String> lack = Backends.lack("cuda");
    if (lack.isPresent()) {
      System.err.println(lack.get());
      System.exit(ExitCode.BAD_INPUT);
    }
    boolean isFine = new GpuCheck(minutes).run(file);
    System.exit(isFine ? 0 : ExitCode.UNFINISHED);
  }

  private boolean run(Path file) throws IOException {
    try (Backend cuda = Backends.open("cuda", 1)) {
      GpuReading reading = cuda.gpu().orElseThrow();
      System.out.printf(
          "%s, driver %s, CUDA %s%n", cuda.device(), reading.driver(), reading.cuda());
      kernels(cuda);
      for (ElementType factors : BOUNDS.keySet()) {
        besideTheProcessor(factors);
      }
      for (ElementType factors : BOUNDS.keySet()) {
        time("d=128, 2 layers, 32x64", TIMED_SMALL, "lora", factors);
      }
      for (String method : List.of("lora", "dora", "full")) {
        time("RoBERTa-base, 32x128", TIMED_BASE, method, ElementType.BF16);
      }
      time("RoBERTa-base, 32x128", TIMED_BASE, "lora", ElementType.F32);
      write(file, cuda.device(), reading);
    }
    System.out.println(left.isEmpty() ? "All was run" : "Time was too short for" + left);
    return lines.stream().allMatch(Line::isFine);
  }

  private boolean isLate(String what) {
    boolean isLate = System.nanoTime() > end;
    left += isLate ? " " + what + ";" : "";
    return isLate;
  }

  private void add(Line line) {
    lines.add(line);
    System.out.println(line.text());
  }

  private void kernels(Backend cuda) {
    try (Backend cpu = Backends.open("cpu", 1, BlasLibrary.OPENBLAS)) {
      for (KernelCheck.Result result : KernelCheck.compare(cpu, cuda)) {
        add(new Line("kernel", result.kernel(), result.worst(), "off", result.bound()));
      }
    }
  }

  private void besideTheProcessor(ElementType factors) {
    SMALL.forEach(
        (name, shape) ->
            METHODS.forEach(
                (id, method) -> {
                  String what = name + ", " + id + ", " + factors;
                  if (!isLate(what) && has(factors)) {
                    double expected = loss("cpu", shape, method, ElementType.F32);
                    double found = loss("cuda", shape, method, factors);
                    double off = Math.abs(found - expected) / expected;
                    double bound = BOUNDS.get(factors);
                    add(new Line("training", what, off, "off", bound));
                  }
                }));
  }

  private static boolean has(ElementType factors) {
    try (Backend cuda = Backends.open("cuda", 1)) {
      cuda.products(factors);
      return true;
    } catch (BackendUnavailableException e) {
      return false;
    }
  }

  private static double loss(String on, Shape shape, Method method, ElementType factors) {
    try (Backend backend = Backends.open(on, 1, BlasLibrary.OPENBLAS);
        CheckedSteps steps = new CheckedSteps(backend, shape, method, factors, ElementType.F32)) {
      steps.take(STEPS);
      return steps.loss();
    }
  }

  /** Adds the median of the milliseconds of a step. */
  private void time(String name, Shape shape, String method, ElementType factors) {
    String what = name + ", " + method + ", " + factors;
    if (isLate(what) || !has(factors)) {
      return;
    }
    ElementType stored = factors == ElementType.BF16 ? ElementType.BF16 : ElementType.F32;
    try (Backend cuda = Backends.open("cuda", 1);
        CheckedSteps steps = new CheckedSteps(cuda, shape, METHODS.get(method), factors, stored)) {
      steps.take(3);
      double[] millis = new double[ROUNDS];
      for (int round = 0; round < ROUNDS && !isLate("a round of it"); round++) {
        long start = System.nanoTime();
        steps.take(TIMED);
        millis[round] = (System.nanoTime() - start) / 1e6 / TIMED;
      }
      double[] taken = Arrays.stream(millis).filter(each -> each > 0).sorted().toArray();
      if (taken.length > 0) {
        add(new Line("time", what, taken[taken.length / 2], "ms", null));
        double bytes = cuda.allocations().peakBytes();
        add(new Line("memory", what, bytes / 1e6, "MB", null));
      }
    }
  }

  private void write(Path file, String device, GpuReading reading) throws IOException {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("device", device);
    all.put("driver", reading.driver());
    all.put("cuda", reading.cuda());
    List<Map<String, Object>> found = new ArrayList<>();
    for (Line line : lines) {
      Map<String, Object> each = new LinkedHashMap<>();
      each.put("part", line.part);
      each.put("what", line.what);
      each.put("found", line.found);
      each.put("unit", line.unit);
      each.put("bound", line.bound);
      found.add(each);
    }
    all.put("found", found);
    Files.writeString(
        file, new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(all));
  }
}
