package org.peftsweep.compute;

import java.util.List;
import java.util.function.Consumer;

/** Kernels of a backend on values that lie on the host, and their numbers as such. */
public final class HostKernels {
  private HostKernels() {}

  /** Returns the names of backends with kernels of their own. */
  public static List<String> backends() {
    return Backends.names().stream().filter(name -> !name.equals("samediff")).toList();
  }

  public static Tensor ints(Backend backend, int... values) {
    long floats = ElementType.I32.floats(values.length);
    Tensor ints = new Tensor(ElementType.I32, backend.allocate(floats), 0, values.length);
    backend.write(values, ints);
    return ints;
  }

  public static Tensor seed(Backend backend, long value) {
    Tensor seed = new Tensor(ElementType.I64, backend.allocate(2), 0, 1);
    backend.write(new long[] {value}, seed);
    return seed;
  }

  /** Returns the number that a kernel leaves. */
  public static double number(Backend backend, Consumer<Tensor> kernel) {
    Memory memory = backend.allocate(2);
    Tensor number = new Tensor(ElementType.F64, memory, 0, 1);
    kernel.accept(number);
    double value = backend.numbers(number)[0];
    backend.free(memory);
    return value;
  }

  static double crossEntropy(Backend backend, Tensor logits, int[] labels, Tensor dLogits) {
    Tensor classes = ints(backend, labels);
    return number(backend, loss -> backend.crossEntropy(logits, classes, dLogits, loss));
  }

  static double meanSquaredError(Backend backend, Tensor x, float[] target, Tensor dx) {
    Tensor wanted = new Tensor(backend.allocate(target.length), 0, target.length);
    backend.write(target, 0, wanted, 0, target.length);
    return number(backend, loss -> backend.meanSquaredError(x, wanted, dx, loss));
  }

  public static double crossEntropy(Tape tape, Var logits, int... labels) {
    return tape.number(tape.crossEntropy(logits, tape.ints(() -> labels)));
  }

  public static double meanSquaredError(Tape tape, Var x, float... target) {
    return tape.number(tape.meanSquaredError(x, tape.floats(() -> target)));
  }

  public static double sumOfSquares(Backend backend, Tensor x) {
    double norm = number(backend, to -> backend.clip(List.of(x), 0, to));
    return norm * norm;
  }

  public static void adamW(Backend backend, Tensor p, Tensor g, Tensor m, Tensor v, AdamStep step) {
    float[] numbers = new float[AdamStep.LENGTH];
    step.write(numbers, 0);
    Tensor steps = new Tensor(backend.allocate(numbers.length), 0, 1, numbers.length);
    backend.write(numbers, 0, steps, 0, numbers.length);
    backend.adamW(List.of(new Moments(p, g, m, v)), steps);
  }
}
