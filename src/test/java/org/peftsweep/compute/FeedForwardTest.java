package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.compute.cuda.EmulatedBackends;

/** Feed-forward layers whose values between products are halves, beside the same step by step. */
class FeedForwardTest {
  /** A layer, its input, and what its output should be. */
  private static final class Layer {
    private final Backend backend;
    private final Random random = new Random(7);
    private final Var x;
    private final Var up;
    private final Var gate;
    private final Var shift;
    private final Var down;
    private final Var bias;
    private final Tensor wanted;

    Layer(Backend backend, int rows, int width, int inner, ElementType stored) {
      this.backend = backend;
      this.x = Var.parameter(normal(rows, width), normal(rows, width));
      this.up = frozen(stored, inner, width);
      this.gate = frozen(stored, inner, width);
      this.shift = Var.constant(normal(inner));
      this.down = frozen(stored, width, inner);
      this.bias = Var.constant(normal(width));
      this.wanted = normal(rows, width);
    }

    private Tensor normal(int... shape) {
      Tensor tensor = new Tensor(backend.allocate(Tensor.sizeOf(shape)), 0, shape);
      float[] values = new float[(int) tensor.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (0.5 * random.nextGaussian());
      }
      backend.write(values, 0, tensor, 0, values.length);
      return tensor;
    }

    private Var frozen(ElementType stored, int... shape) {
      Tensor wide = normal(shape);
      Tensor weight = new Tensor(stored, backend.allocate(stored.floats(wide.size())), 0, shape);
      backend.copy(wide, weight);
      return Var.frozen(new DenseWeight(weight));
    }

    private Var output(Tape tape, boolean isGelu, boolean inOne) {
      if (inOne) {
        assertThat(FeedForward.isFor(tape, up, gate, down)).isTrue();
        return isGelu
            ? FeedForward.gelu(tape, x, up, shift, down, bias)
            : FeedForward.swiglu(tape, x, gate, up, down, bias);
      }
      Var inner;
      if (isGelu) {
        Var before = tape.linear(x, up, null);
        inner = tape.gelu(before, shift);
        tape.done(before);
      } else {
        Var open = tape.linear(x, gate, null);
        Var wide = tape.linear(x, up, null);
        inner = tape.swiglu(open, wide);
        tape.done(open);
        tape.done(wide);
      }
      Var y = tape.linear(inner, down, bias);
      tape.done(inner);
      return y;
    }

    /** Returns the output, evaluated and trained, and the gradient of the input. */
    private List<float[]> run(Tape tape, boolean isGelu, boolean inOne) {
      List<float[]> results = new ArrayList<>();
      tape.multiplyIn(ElementType.BF16);
      tape.startEvaluation();
      results.add(read(output(tape, isGelu, inOne).value()));
      x.clearGradient();
      tape.startTraining(1);
      Var y = output(tape, isGelu, inOne);
      results.add(read(y.value()));
      tape.meanSquaredError(y, wanted);
      tape.backward();
      results.add(read(x.gradient()));
      return results;
    }

    private float[] read(Tensor tensor) {
      float[] values = new float[(int) tensor.size()];
      backend.read(tensor, 0, values, 0, values.length);
      return values;
    }
  }

  @ParameterizedTest
  @CsvSource({
    "17, 40, 160, F32, true",
    "17, 40, 101, F32, false",
    "40, 32, 129, BF16, true",
    "64, 36, 72, BF16, false"
  })
  void isTheSameBitsAsStepByStepInLessMemoryWhichIsForeseen(
      int rows, int width, int inner, ElementType stored, boolean isGelu) {
    try (Backend backend = EmulatedBackends.open(21);
        Tape inOne = new Tape(backend);
        Tape byStep = new Tape(backend)) {
      Layer layer = new Layer(backend, rows, width, inner, stored);
      List<float[]> expected = layer.run(byStep, isGelu, false);
      List<float[]> found = layer.run(inOne, isGelu, true);
      for (int i = 0; i < expected.size(); i++) {
        assertThat(found.get(i)).as("result %d", i).isEqualTo(expected.get(i));
      }
      assertThat(inOne.peakBytes()).isLessThan(byStep.peakBytes());
      Backend dry = DryBackend.like(DryBackend.like(backend));
      try (Tape foreseen = new Tape(dry)) {
        new Layer(dry, rows, width, inner, stored).run(foreseen, isGelu, true);
        assertThat(foreseen.peakBytes()).isEqualTo(inOne.peakBytes());
      }
    }
  }

  /** Narrow factors are not rounded, so that halves would be other numbers. */
  @Test
  void isForRoundedProductsOfFrozenWeightsOnly() {
    try (Backend device = EmulatedBackends.open(21);
        Backend processor = Backends.open("cpu", 1)) {
      for (Backend backend : List.of(device, processor)) {
        try (Tape tape = new Tape(backend)) {
          Layer layer = new Layer(backend, 4, 40, 64, ElementType.F32);
          Layer narrow = new Layer(backend, 4, 31, 64, ElementType.F32);
          assertThat(FeedForward.isFor(tape, layer.up, layer.down)).isFalse();
          tape.multiplyIn(ElementType.BF16);
          assertThat(FeedForward.isFor(tape, layer.up, layer.down)).isEqualTo(backend == device);
          assertThat(FeedForward.isFor(tape, narrow.up, narrow.down)).isFalse();
          Var trained = Var.parameter(layer.normal(40, 64), layer.normal(40, 64));
          assertThat(FeedForward.isFor(tape, layer.up, trained)).isFalse();
        }
      }
    }
  }
}
