package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;

/**
 * Tensors for contract tests: each lies at an odd offset between guards, which are checked after
 * every test, so that a kernel that writes past its output is found.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class BackendFixture {
  private static final int GUARD = 21;
  private static final float SENTINEL = 12345.5f;

  Backend backend;
  Random random;
  private final Map<Memory, Tensor> guarded = new IdentityHashMap<>();

  /** Opens the backend under test. */
  protected abstract Backend open();

  @BeforeAll
  void openBackend() {
    backend = open();
  }

  @BeforeEach
  void seed() {
    random = new Random(7);
  }

  @AfterEach
  void guardsAreIntactAndMemoryIsFreed() {
    guarded.forEach(
        (memory, tensor) -> {
          float[] all = floats(new Tensor(memory, 0, (int) memory.floats()));
          for (int i = 0; i < all.length; i++) {
            if (i < GUARD || i >= GUARD + tensor.size()) {
              assertThat(all[i]).as("guard at %s of %s", i, tensor).isEqualTo(SENTINEL);
            }
          }
          backend.free(memory);
        });
    guarded.clear();
  }

  @AfterAll
  void closeBackend() {
    backend.close();
  }

  Tensor upload(float[] values, int... shape) {
    float[] all = new float[values.length + 2 * GUARD];
    Arrays.fill(all, SENTINEL);
    System.arraycopy(values, 0, all, GUARD, values.length);
    Memory memory = backend.allocate(all.length);
    backend.write(all, 0, new Tensor(memory, 0, all.length), 0, all.length);
    Tensor tensor = new Tensor(memory, GUARD, shape);
    assertThat(tensor.size()).isEqualTo(values.length);
    guarded.put(memory, tensor);
    return tensor;
  }

  /** An output that a kernel must overwrite: all NaN. */
  Tensor output(int... shape) {
    float[] values = new float[(int) Tensor.sizeOf(shape)];
    Arrays.fill(values, Float.NaN);
    return upload(values, shape);
  }

  Tensor normal(int... shape) {
    return upload(normals((int) Tensor.sizeOf(shape)), shape);
  }

  Tensor copyOf(Tensor x) {
    return upload(floats(x), x.shape());
  }

  float[] normals(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  float[] floats(Tensor x) {
    float[] values = new float[(int) x.size()];
    backend.read(x, 0, values, 0, values.length);
    return values;
  }

  double[] host(Tensor x) {
    return doubles(floats(x));
  }

  static double[] doubles(float[] floats) {
    double[] values = new double[floats.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = floats[i];
    }
    return values;
  }

  /** Holds every element to {@code tolerance · max(1, |expected|)}. */
  void assertClose(String what, Tensor actual, double[] expected, double tolerance) {
    float[] found = floats(actual);
    assertThat(found.length).as(what).isEqualTo(expected.length);
    for (int i = 0; i < found.length; i++) {
      double limit = tolerance * Math.max(1, Math.abs(expected[i]));
      if (!(Math.abs(found[i] - expected[i]) <= limit)) {
        throw new AssertionError(
            String.format(
                Locale.ROOT,
                "%s: element %d of %s is %s, expected %s",
                what,
                i,
                actual,
                found[i],
                expected[i]));
      }
    }
  }
}
