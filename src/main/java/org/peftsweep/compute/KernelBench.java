package org.peftsweep.compute;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Tensors of one backend for {@link KernelCheck}, the same on each. */
final class KernelBench implements AutoCloseable {
  private final Backend backend;
  private final Random random = new Random(17);
  private final List<Memory> memories = new ArrayList<>();
  private final List<float[]> results = new ArrayList<>();

  KernelBench(Backend backend) {
    this.backend = backend;
  }

  private Memory memory(long floats) {
    Memory memory = backend.allocate(floats);
    memories.add(memory);
    return memory;
  }

  Tensor normal(int... shape) {
    float[] values = new float[Math.toIntExact(Tensor.sizeOf(shape))];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    Tensor tensor = new Tensor(memory(values.length), 0, shape);
    backend.write(values, 0, tensor, 0, values.length);
    return tensor;
  }

  Tensor half(int... shape) {
    Tensor wide = normal(shape);
    Memory memory = memory(ElementType.BF16.floats(wide.size()));
    Tensor half = new Tensor(ElementType.BF16, memory, 0, shape);
    backend.copy(wide, half);
    return half;
  }

  /** Quantised matrices of all formats. */
  List<QuantisedMatrix> quantised(int rows, int columns) {
    List<QuantisedMatrix> weights = new ArrayList<>();
    for (ElementType type : List.of(ElementType.I8, ElementType.NF4)) {
      Tensor wide = normal(rows, columns);
      weights.add(
          QuantisedWeight.of(
                  type,
                  memory(QuantisedMatrix.floats(type, rows, columns)),
                  rows,
                  columns,
                  (from, to, count) -> backend.read(wide, from, to, 0, count),
                  backend)
              .matrix());
    }
    return weights;
  }

  Tensor positive(int... shape) {
    Tensor x = normal(shape);
    backend.multiply(x, x, x);
    Tensor one = normal(shape);
    backend.fill(one, 1);
    backend.addScaled(1, one, x);
    return x;
  }

  Tensor ints(int count, int from, int to) {
    int[] values = random.ints(count, from, to).toArray();
    Tensor ints = new Tensor(ElementType.I32, memory(count), 0, count);
    backend.write(values, ints);
    return ints;
  }

  Tensor seed() {
    Tensor seed = new Tensor(ElementType.I64, memory(2), 0, 1);
    backend.write(new long[] {random.nextLong()}, seed);
    return seed;
  }

  Tensor number() {
    return numbers(1);
  }

  /** Returns zeros. */
  Tensor numbers(int count) {
    Tensor numbers = new Tensor(ElementType.F64, memory(2L * count), 0, count);
    backend.fill(numbers, 0);
    return numbers;
  }

  /** What a norm takes. */
  record Norm(
      Tensor x,
      Tensor y,
      Tensor dy,
      Tensor gamma,
      Tensor beta,
      Tensor other,
      Tensor mean,
      Tensor rstd) {}

  Norm norm(int rows, int columns) {
    return new Norm(
        normal(rows, columns),
        normal(rows, columns),
        normal(rows, columns),
        normal(columns),
        normal(columns),
        normal(columns),
        normal(rows),
        normal(rows));
  }

  /** Keeps what kernels left, to be compared. */
  void result(Tensor... tensors) {
    for (Tensor tensor : tensors) {
      float[] values;
      if (tensor.type() == ElementType.F64) {
        double[] numbers = backend.numbers(tensor);
        values = new float[numbers.length];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) numbers[i];
        }
      } else {
        values = new float[Math.toIntExact(tensor.size())];
        backend.read(tensor, 0, values, 0, values.length);
      }
      results.add(values);
    }
  }

  List<float[]> results() {
    return results;
  }

  @Override
  public void close() {
    memories.forEach(backend::free);
  }
}
