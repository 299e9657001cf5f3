package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.peftsweep.compute.cuda.EmulatedBackends;

/** The memory of adapters whose products draw the dropout of their input: less, and foreseen. */
class DroppedInputTest {
  private static final int ROWS = 200;
  private static final int WIDTH = 64;
  private static final int RANK = 4;
  private static final int LANES = 3;

  private static Var parameter(Backend backend, int rows, int columns) {
    Memory memory = backend.allocate(2L * rows * columns);
    Tensor value = new Tensor(memory, 0, rows, columns);
    return Var.parameter(value, new Tensor(memory, value.size(), rows, columns));
  }

  /** Returns the most memory of a step of two adapted matrices, each of several lanes, in bytes. */
  private static long peakBytes(Backend backend, ElementType factors, boolean drawsInProducts) {
    try (Tape tape = new Tape(backend)) {
      tape.multiplyIn(factors);
      tape.startTraining(1);
      Var x = tape.tanh(parameter(backend, ROWS, WIDTH));
      Lanes lanes = Lanes.of(50, 70, 80);
      Var y = x;
      for (int i = 0; i < 2; i++) {
        Var w = Var.constant(parameter(backend, WIDTH, WIDTH).value());
        Var product = tape.linear(y, w, null);
        Var[] inputs = tape.split(y, lanes);
        Var[] outputs = tape.split(product, lanes);
        tape.done(product);
        for (int lane = 0; lane < LANES; lane++) {
          Var a = parameter(backend, RANK, WIDTH);
          Var b = parameter(backend, WIDTH, RANK);
          outputs[lane] = adapted(tape, outputs[lane], inputs[lane], a, b, drawsInProducts);
        }
        tape.done(y);
        List.of(inputs).forEach(tape::done);
        y = tape.join(outputs, lanes);
      }
      tape.meanSquaredError(y, parameter(backend, ROWS, WIDTH).value());
      tape.backward();
      return tape.peakBytes();
    }
  }

  private static Var adapted(Tape tape, Var product, Var x, Var a, Var b, boolean drawsInProducts) {
    if (drawsInProducts) {
      return tape.lowRank(product, x, 0.1f, a, b, 2);
    }
    Var input = tape.dropoutOfCopy(x, 0.1f);
    Var y = tape.lowRank(product, input, a, b, 2);
    tape.done(input);
    return y;
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void isForeseenAndLessThanOfInputsThatAreDroppedBefore(ElementType factors) {
    List<Long> peaks = new ArrayList<>();
    try (Backend backend = EmulatedBackends.open(31)) {
      Backend dry = DryBackend.like(DryBackend.like(backend));
      for (boolean drawsInProducts : new boolean[] {true, false}) {
        long peak = peakBytes(backend, factors, drawsInProducts);
        assertThat(peakBytes(dry, factors, drawsInProducts)).isEqualTo(peak);
        peaks.add(peak);
      }
    }
    // A copy of the input for each matrix, but for what lies between narrow products a while
    // longer.
    long input = (long) Float.BYTES * ROWS * WIDTH;
    long between = (long) Float.BYTES * ROWS * RANK;
    assertThat(peaks.get(1) - peaks.get(0)).isBetween(input - between, 2 * input);
  }
}
