package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Every differentiable operation's way back against differences of the loss along random
 * directions, and the tape's promises on sharing, reuse of memory and what does not learn.
 */
abstract class TapeContract extends BackendFixture {
  private static final float STEP = 2e-3f;
  private static final double TOLERANCE = 3e-3;
  private static final long SEED = 11;

  Tape tape;

  /** Builds a network on parameters; what it returns is held to a random target. */
  interface Network {
    Var build(Var... parameters);
  }

  interface Loss {
    double build(Var... parameters);
  }

  @BeforeEach
  void openTape() {
    tape = new Tape(backend);
  }

  @AfterEach
  void closeTape() {
    tape.close();
  }

  Var parameter(int... shape) {
    return Var.parameter(normal(shape), output(shape));
  }

  private void check(Network network, Var... parameters) {
    tape.startEvaluation();
    int size = (int) network.build(parameters).value().size();
    float[] target = normals(size);
    checkLoss(p -> HostKernels.meanSquaredError(tape, network.build(p), target), parameters);
  }

  private void checkLoss(Loss loss, Var... parameters) {
    for (Var parameter : parameters) {
      parameter.clearGradient();
    }
    tape.startTraining(SEED, SEED, SEED, SEED);
    loss.build(parameters);
    tape.backward();
    for (int i = 0; i < parameters.length; i++) {
      assertThat(parameters[i].hasGradient()).as("parameter %s has a gradient", i).isTrue();
      double[] gradient = host(parameters[i].gradient());
      double norm = 0;
      for (double value : gradient) {
        norm += value * value;
      }
      assertThat(norm).as("gradient of parameter %s", i).isPositive();
      for (int attempt = 0; attempt < 2; attempt++) {
        float[] direction = normals(gradient.length);
        double along = 0;
        for (int j = 0; j < gradient.length; j++) {
          along += gradient[j] * direction[j];
        }
        double near = slope(loss, parameters, i, direction, STEP);
        double far = slope(loss, parameters, i, direction, 2 * STEP);
        // Richardson's extrapolation: steps that float32 can tell apart are long for some kernels.
        assertThat((4 * near - far) / 3)
            .as("parameter %s", i)
            .isCloseTo(along, within(TOLERANCE * Math.max(0.3, Math.sqrt(norm))));
      }
    }
  }

  private double slope(Loss loss, Var[] parameters, int which, float[] direction, float step) {
    double above = moved(loss, parameters, which, direction, step);
    return (above - moved(loss, parameters, which, direction, -step)) / (2 * step);
  }

  private double moved(Loss loss, Var[] parameters, int which, float[] direction, float step) {
    Tensor value = parameters[which].value();
    float[] before = floats(value);
    float[] after = before.clone();
    for (int i = 0; i < after.length; i++) {
      after[i] += step * direction[i];
    }
    backend.write(after, 0, value, 0, after.length);
    tape.startTraining(SEED, SEED, SEED, SEED);
    double result = loss.build(parameters);
    backend.write(before, 0, value, 0, before.length);
    return result;
  }

  // ---- one operation each

  @Test
  void linear() {
    check(p -> tape.linear(p[0], p[1], p[2]), parameter(5, 3), parameter(4, 3), parameter(4));
    check(p -> tape.linear(p[0], p[1], null), parameter(1, 7), parameter(1, 7));
  }

  @Test
  void lowRank() {
    check(
        p -> tape.lowRank(p[0], p[1], p[2], p[3], 0.7f),
        parameter(5, 4),
        parameter(5, 3),
        parameter(2, 3),
        parameter(4, 2));
  }

  @Test
  void lowRankOfDroppedInput() {
    check(
        p -> tape.lowRank(p[0], p[1], 0.4f, p[2], p[3], 0.7f),
        parameter(9, 4),
        parameter(9, 5),
        parameter(2, 5),
        parameter(4, 2));
    check(p -> tape.linearOfDropped(p[0], 0.4f, p[1]), parameter(9, 5), parameter(4, 5));
  }

  /**
   * A product that draws the dropout itself gives the bits of both one after the other, also where
   * it adds to a gradient that is there.
   */
  @Test
  void adaptersDropAsDropoutDoes() {
    Var x = parameter(300, 40);
    Var w = parameter(36, 40);
    Var a = parameter(8, 40);
    Var b = parameter(36, 8);
    float[] target = normals(300 * 36);
    List<List<float[]>> runs = new ArrayList<>();
    for (boolean isFirst : new boolean[] {true, false}) {
      tape.startTraining(SEED);
      Var rows = tape.tanh(x);
      Var y = tape.linear(rows, w, null);
      if (isFirst) {
        y = tape.lowRank(y, rows, 0.3f, a, b, 2);
        y = tape.addScaled(y, 1, tape.linear(tape.linearOfDropped(rows, 0.2f, a), b, null));
      } else {
        y = tape.lowRank(y, tape.dropoutOfCopy(rows, 0.3f), a, b, 2);
        Var down = tape.linear(tape.dropoutOfCopy(rows, 0.2f), a, null);
        y = tape.addScaled(y, 1, tape.linear(down, b, null));
      }
      List<float[]> run = new ArrayList<>(List.of(floats(y.value())));
      HostKernels.meanSquaredError(tape, y, target);
      for (Var parameter : List.of(x, w, a, b)) {
        parameter.clearGradient();
      }
      tape.backward();
      List.of(x, w, a, b).forEach(each -> run.add(floats(each.gradient())));
      runs.add(run);
    }
    for (int i = 0; i < runs.get(0).size(); i++) {
      assertThat(runs.get(0).get(i)).as("result %d", i).isEqualTo(runs.get(1).get(i));
    }
  }

  @Test
  void lowRankOfComputedFactors() {
    check(
        p -> {
          Var a = tape.tanh(p[2]);
          Var b = tape.tanh(p[3]);
          Var y = tape.lowRank(tape.linear(p[1], p[0], null), p[1], a, b, 0.7f);
          tape.done(a);
          tape.done(b);
          return tape.multiply(y, y);
        },
        parameter(4, 3),
        parameter(5, 3),
        parameter(2, 3),
        parameter(4, 2));
  }

  @Test
  void sumsAndProducts() {
    check(p -> tape.addScaled(p[0], 1, p[1]), parameter(3, 5), parameter(3, 5));
    check(p -> tape.addScaled(p[0], -0.5f, p[1]), parameter(3, 5), parameter(3, 5));
    check(p -> tape.multiply(p[0], p[1]), parameter(3, 5), parameter(3, 5));
    check(p -> tape.addRow(p[0], p[1]), parameter(3, 5), parameter(5));
    check(p -> tape.multiplyRow(p[0], p[1]), parameter(3, 5), parameter(5));
    check(p -> tape.multiplyColumn(p[0], p[1]), parameter(3, 5), parameter(3, 1));
  }

  @Test
  void activations() {
    check(p -> tape.tanh(p[0]), parameter(3, 5));
    check(p -> tape.gelu(p[0], p[1]), parameter(3, 5), parameter(5));
    check(p -> tape.gelu(p[0], null), parameter(3, 5));
    check(p -> tape.swiglu(p[0], p[1]), parameter(3, 5), parameter(3, 5));
  }

  @Test
  void dropout() {
    check(p -> tape.dropout(p[0], 0.4f), parameter(9, 5));
    check(p -> tape.dropoutOfCopy(p[0], 0.4f), parameter(9, 5));
    check(
        p -> {
          Var x = tape.tanh(p[0]);
          Var kept = tape.dropoutOfCopy(x, 0.4f);
          return tape.addScaled(kept, 1, x);
        },
        parameter(9, 5));
  }

  @Test
  void rowsByIndex() {
    int[] ids = {2, 0, 2, 3};
    check(p -> tape.gather(p[0], tape.ints(() -> ids)), parameter(5, 3));
    check(
        p -> tape.addGathered(p[0], p[1], tape.ints(() -> ids), tape.ints(() -> ids)),
        parameter(4, 3),
        parameter(5, 3));
  }

  @Test
  void rowsOfNegativeGradientIdsGetNone() {
    Var table = parameter(4, 3);
    tape.startTraining(SEED);
    Var rows =
        tape.gather(
            table, HostKernels.ints(backend, 1, 2, 1), HostKernels.ints(backend, -1, 2, -1));
    HostKernels.meanSquaredError(tape, rows, normals(9));
    tape.backward();
    double[] gradient = host(table.gradient());
    for (int i = 0; i < gradient.length; i++) {
      assertThat(gradient[i] != 0).as("element %s", i).isEqualTo(i / 3 == 2);
    }
  }

  @Test
  void norms() {
    check(
        p -> tape.layerNorm(p[0], p[1], p[2], p[3], 1e-5f),
        parameter(4, 9),
        parameter(4, 9),
        parameter(9),
        parameter(9));
    check(
        p -> tape.layerNorm(p[0], null, p[1], p[2], 1e-5f),
        parameter(4, 9),
        parameter(9),
        parameter(9));
    check(p -> tape.rmsNorm(p[0], p[1], 1e-5f), parameter(4, 9), parameter(9));
  }

  @Test
  void attention() {
    // No query without a key: its weights stay even, so that differences cannot see its gradient.
    int[] mask = {1, 1, 1, 0, 1, 0, 1, 1};
    AttentionShape plain = new AttentionShape(2, 4, 3, 3, 2, false, 0);
    check(
        p -> tape.attention(plain, p[0], p[1], p[2], tape.ints(() -> mask)),
        parameter(8, 6),
        parameter(8, 6),
        parameter(8, 6));
    AttentionShape grouped = new AttentionShape(2, 4, 4, 2, 3, true, 0.3f);
    check(
        p -> tape.attention(grouped, p[0], p[1], p[2], tape.ints(() -> mask)),
        parameter(8, 12),
        parameter(8, 6),
        parameter(8, 6));
    check(p -> tape.attention(plain, p[0], p[0], p[0], tape.ints(() -> mask)), parameter(8, 6));
  }

  @Test
  void rotary() {
    Tensor cos = normal(4, 3);
    Tensor sin = normal(4, 3);
    check(p -> tape.rotary(p[0], cos, sin, 6), parameter(8, 12));
  }

  @Test
  void losses() {
    int[] labels = {2, -1, 0, 1};
    checkLoss(p -> HostKernels.crossEntropy(tape, p[0], labels), parameter(4, 3));
    float[] target = normals(4);
    checkLoss(p -> HostKernels.meanSquaredError(tape, p[0], target), parameter(4, 1));
    checkLoss(
        p -> {
          Var x = tape.tanh(p[0]);
          return HostKernels.crossEntropy(tape, x, labels)
              + HostKernels.meanSquaredError(tape, x, new float[12]);
        },
        parameter(4, 3));
  }

  // ---- sharing and reuse

  @Test
  void aValueUsedTwiceGetsBothGradients() {
    check(p -> tape.multiply(p[0], p[0]), parameter(3, 4));
    check(p -> tape.addScaled(p[0], 1, p[0]), parameter(3, 4));
    check(
        p -> {
          Var x = tape.tanh(p[0]);
          Var y = tape.linear(x, p[1], null);
          Var z = tape.linear(x, p[1], null);
          return tape.multiply(tape.addScaled(y, 1, x), z);
        },
        parameter(3, 4),
        parameter(4, 4));
  }

  @Test
  void consumedValuesThatAGradientNeedsAreKept() {
    check(
        p -> {
          Var x = tape.linear(p[0], p[1], null);
          Var activated = tape.gelu(x, null);
          Var sum = tape.addScaled(x, 1, activated);
          return tape.addRow(tape.multiply(sum, sum), p[2]);
        },
        parameter(3, 4),
        parameter(4, 4),
        parameter(4));
  }

  @Test
  void anEncoderLayerWithEverythingDoneEarly() {
    AttentionShape shape = new AttentionShape(2, 3, 2, 2, 3, false, 0.2f);
    int[] mask = {1, 1, 0, 1, 1, 1};
    check(
        p -> {
          Var x = tape.layerNorm(p[0], null, p[4], p[5], 1e-5f);
          Var q = tape.lowRank(tape.linear(x, p[1], null), x, p[6], p[7], 2);
          Var k = tape.linear(x, p[2], null);
          Var v = tape.linear(x, p[1], p[5]);
          Var mixed = tape.attention(shape, q, k, v, tape.ints(() -> mask));
          tape.done(q);
          tape.done(k);
          tape.done(v);
          Var projected = tape.dropout(tape.linear(mixed, p[2], null), 0.2f);
          tape.done(mixed);
          Var middle = tape.layerNorm(projected, x, p[4], p[5], 1e-5f);
          tape.done(x);
          Var wide = tape.linear(middle, p[3], null);
          Var activated = tape.gelu(wide, p[8]);
          tape.done(wide);
          Var back = tape.linear(activated, p[9], null);
          tape.done(activated);
          Var y = tape.layerNorm(back, middle, p[4], p[5], 1e-5f);
          tape.done(middle);
          return y;
        },
        parameter(6, 6),
        parameter(6, 6),
        parameter(6, 6),
        parameter(8, 6),
        parameter(6),
        parameter(6),
        parameter(2, 6),
        parameter(6, 2),
        parameter(8),
        parameter(6, 8));
  }

  /** Lanes that write in place, that make something new, that pass on, and that learn nothing. */
  @Test
  void lanesOfOneMatrix() {
    Lanes lanes = Lanes.of(2, 1, 3, 2);
    check(
        p -> {
          Var x = tape.layerNorm(p[0], null, p[1], p[2], 1e-5f);
          Var product = tape.linear(x, p[3], null);
          Var[] xs = tape.split(x, lanes);
          Var[] products = tape.split(product, lanes);
          tape.done(product);
          products[0] = tape.addRow(tape.lowRank(products[0], xs[0], p[4], p[5], 2), p[6]);
          Var scaled = tape.multiplyRow(products[1], p[6]);
          tape.done(products[1]);
          products[1] = scaled;
          products[3] = tape.lowRank(products[3], xs[3], 0.3f, p[7], p[5], 1);
          for (Var part : xs) {
            tape.done(part);
          }
          Var y = tape.dropout(tape.join(products, lanes), 0.2f, lanes);
          Var again = tape.linear(x, p[3], p[6]);
          tape.done(x);
          return tape.addScaled(y, 1, again);
        },
        parameter(8, 4),
        parameter(4),
        parameter(4),
        parameter(4, 4),
        parameter(2, 4),
        parameter(4, 2),
        parameter(4),
        parameter(2, 4));
  }

  @Test
  void lanesThatAllWriteInPlaceCopyNothing() {
    Lanes lanes = Lanes.of(100, 28);
    Var w = parameter(128, 128);
    Var bias = parameter(128);
    long[] peaks = new long[2];
    for (int i = 0; i < 2; i++) {
      tape.startTraining(SEED, SEED);
      Var product = tape.linear(Var.constant(normal(128, 128)), w, null);
      if (i == 0) {
        HostKernels.meanSquaredError(tape, tape.addRow(product, bias), new float[128 * 128]);
      } else {
        Var[] parts = tape.split(product, lanes);
        tape.done(product);
        parts[0] = tape.addRow(parts[0], bias);
        parts[1] = tape.addRow(parts[1], bias);
        HostKernels.meanSquaredError(tape, tape.join(parts, lanes), new float[128 * 128]);
      }
      tape.backward();
      peaks[i] = tape.arena().peakBytes();
    }
    assertThat(peaks[1]).isEqualTo(peaks[0]);
  }

  @Test
  void theDropoutOfALaneIsItsOwn() {
    Lanes lanes = Lanes.of(3, 5);
    Tensor x = normal(8, 6);
    AttentionShape first = new AttentionShape(1, 3, 2, 2, 3, false, 0.4f);
    AttentionShape second = new AttentionShape(1, 5, 2, 2, 3, false, 0.4f);
    int[] all = {1, 1, 1, 1, 1};
    tape.startTraining(3, 4);
    Var dropped = tape.dropout(Var.constant(x), 0.5f, lanes);
    Var mixed =
        tape.attention(
            List.of(first, second),
            dropped,
            dropped,
            dropped,
            List.of(HostKernels.ints(backend, 1, 1, 1), HostKernels.ints(backend, all)));
    double[] together = host(mixed.value());

    tape.startTraining(4);
    Var alone = tape.dropout(Var.constant(x.slice(3, 5)), 0.5f);
    double[] second5 =
        host(tape.attention(second, alone, alone, alone, tape.ints(() -> all)).value());
    assertThat(Arrays.copyOfRange(together, 18, 48)).isEqualTo(second5);
  }

  @Test
  void gradientsAddUpUntilTheyAreCleared() {
    Var w = parameter(2, 3);
    float[] target = normals(8);
    Tensor x = normal(4, 3);
    for (int pass = 0; pass < 2; pass++) {
      tape.startTraining(SEED);
      HostKernels.meanSquaredError(tape, tape.linear(Var.constant(x), w, null), target);
      tape.backward();
    }
    double[] twice = host(w.gradient());
    w.clearGradient();
    assertThat(w.hasGradient()).isFalse();
    tape.startTraining(SEED);
    HostKernels.meanSquaredError(tape, tape.linear(Var.constant(x), w, null), target);
    tape.backward();
    for (int i = 0; i < twice.length; i++) {
      twice[i] /= 2;
    }
    assertClose("gradient", w.gradient(), twice, 1e-6);
  }

  @Test
  void whatDoesNotLearnGetsNoGradient() {
    Var frozen = parameter(4, 3);
    frozen.setLearns(false);
    Var learning = parameter(4);
    Var x = Var.constant(normal(5, 3));
    tape.startTraining(SEED);
    Var product = tape.linear(x, frozen, null);
    assertThat(product.learns()).isFalse();
    Var y = tape.addRow(product, learning);
    assertThat(y.learns()).isTrue();
    HostKernels.meanSquaredError(tape, y, normals(20));
    tape.backward();
    assertThat(frozen.hasGradient()).isFalse();
    assertThat(x.hasGradient()).isFalse();
    assertThat(learning.hasGradient()).isTrue();
  }

  @Test
  void evaluationRemembersNothingAndDropsNothing() {
    Var w = parameter(3, 3);
    Tensor x = normal(4, 3);
    tape.startEvaluation();
    Var y = tape.dropout(tape.linear(Var.constant(x), w, null), 0.9f);
    assertThat(y.learns()).isFalse();
    assertClose(
        "linear",
        y.value(),
        Reference.gemm(false, true, 1, host(x), host(w.value()), 4, 3, 3),
        1e-5);
    HostKernels.meanSquaredError(tape, y, normals(12));
    tape.backward();
    assertThat(w.hasGradient()).isFalse();
  }

  @Test
  void memoryOfEvaluationIsReusedFromLayerToLayer() {
    Var w = parameter(128, 128);
    tape.startEvaluation();
    Var x = Var.constant(normal(512, 128));
    for (int layer = 0; layer < 20; layer++) {
      Var y = tape.tanh(x);
      tape.done(x);
      x = tape.linear(y, w, null);
      tape.done(y);
    }
    assertThat(tape.arena().peakBytes()).isLessThanOrEqualTo(3 * 512 * 128 * Float.BYTES);
  }

  @Test
  void aTrainingStepGivesEverythingButItsResultBack() {
    Var w = parameter(128, 128);
    Var input = Var.constant(normal(512, 128));
    long bytes = 0;
    for (int step = 0; step < 4; step++) {
      tape.startTraining(step);
      Var x = input;
      for (int layer = 0; layer < 6; layer++) {
        Var y = tape.gelu(x, null);
        tape.done(x);
        x = tape.linear(y, w, null);
        tape.done(y);
      }
      HostKernels.meanSquaredError(tape, x, new float[512 * 128]);
      tape.backward();
      w.clearGradient();
      if (step == 1) {
        bytes = tape.arena().bytes();
      }
    }
    assertThat(tape.arena().bytes()).isEqualTo(bytes);
  }
}
