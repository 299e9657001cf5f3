package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.compute.cuda.EmulatedBackends;

/** Attention on a GPU whose products round their factors to halves. */
class AttentionOfHalvesTest {
  private static final int BATCH = 3;

  /** Tensors of one device, the same on each. */
  private static final class Inputs {
    private final Backend backend;
    private final AttentionShape shape;
    private final Random random = new Random(31);
    private final Tensor q;
    private final Tensor k;
    private final Tensor v;
    private final Tensor dOut;
    private final Tensor mask;

    Inputs(Backend backend, AttentionShape shape) {
      this.backend = backend;
      this.shape = shape;
      this.q = queries();
      this.k = keys();
      this.v = keys();
      this.dOut = queries();
      int[] seen = new int[shape.batch() * shape.tokens()];
      Arrays.setAll(seen, i -> i % shape.tokens() < shape.tokens() - i / shape.tokens() ? 1 : 0);
      this.mask = HostKernels.ints(backend, seen);
    }

    private Tensor queries() {
      return normal(shape.batch() * shape.queries(), shape.heads() * shape.headWidth());
    }

    private Tensor keys() {
      return normal(shape.batch() * shape.tokens(), shape.keyHeads() * shape.headWidth());
    }

    private Tensor normal(int rows, int columns) {
      Tensor tensor = new Tensor(backend.allocate((long) rows * columns), 0, rows, columns);
      float[] values = new float[rows * columns];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextGaussian();
      }
      backend.write(values, 0, tensor, 0, values.length);
      return tensor;
    }

    /** Returns the context and the gradients of queries, keys and values, in calls of examples. */
    List<float[]> run(ElementType factors, int examples) {
      Tensor out = queries();
      Tensor dq = queries();
      Tensor dk = keys();
      Tensor dv = keys();
      Tensor sums = normal(shape.batch() * shape.heads(), shape.queries());
      for (int from = 0; from < shape.batch(); from += examples) {
        AttentionShape part =
            new AttentionShape(
                    examples,
                    shape.queries(),
                    shape.tokens(),
                    shape.heads(),
                    shape.keyHeads(),
                    shape.headWidth(),
                    shape.causal(),
                    0)
                .withFactors(factors);
        Lanes asking = lanes(examples * shape.queries());
        Lanes seen = lanes(examples * shape.tokens());
        int at = from / examples;
        Tensor own = mask.reshape(shape.batch(), shape.tokens()).slice(from, examples);
        Tensor sumsOfPart = lanes(examples * shape.heads()).of(sums, at);
        backend.attention(
            part,
            asking.of(q, at),
            seen.of(k, at),
            seen.of(v, at),
            own,
            null,
            asking.of(out, at),
            sumsOfPart);
        backend.attentionBackward(
            part,
            asking.of(q, at),
            seen.of(k, at),
            seen.of(v, at),
            own,
            null,
            asking.of(out, at),
            sumsOfPart,
            asking.of(dOut, at),
            asking.of(dq, at),
            seen.of(dk, at),
            seen.of(dv, at));
      }
      List<float[]> results = new ArrayList<>();
      for (Tensor each : List.of(out, dq, dk, dv)) {
        float[] values = new float[(int) each.size()];
        backend.read(each, 0, values, 0, values.length);
        results.add(values);
      }
      return results;
    }

    private Lanes lanes(int rows) {
      int[] each = new int[BATCH];
      Arrays.fill(each, rows);
      return Lanes.of(each);
    }
  }

  private static AttentionShape shape(int tokens, int keyHeads, int width, boolean causal) {
    return new AttentionShape(BATCH, tokens, 4, keyHeads, width, causal, 0);
  }

  /** Widths that fill words, and that do not; heads of more columns than a block computes. */
  @ParameterizedTest(name = "{0} tokens, {1} heads of keys, {2} wide, causal {3}")
  @CsvSource({"70, 2, 36, false", "66, 4, 64, true", "9, 1, 33, true", "40, 4, 130, false"})
  void isTheSameBitsInEveryOrderOfThreadsAloneAndAmongOthers(
      int tokens, int keyHeads, int width, boolean causal) {
    AttentionShape shape = shape(tokens, keyHeads, width, causal);
    try (Backend first = EmulatedBackends.openWithTensorCores(41);
        Backend second = EmulatedBackends.openWithTensorCores(42)) {
      List<float[]> together = new Inputs(first, shape).run(ElementType.BF16, BATCH);
      List<float[]> alone = new Inputs(second, shape).run(ElementType.BF16, 1);
      assertSame(alone, together);
    }
  }

  private static void assertSame(List<float[]> found, List<float[]> expected) {
    for (int i = 0; i < expected.size(); i++) {
      assertThat(found.get(i)).as("result %d", i).isEqualTo(expected.get(i));
    }
  }

  /** Other precisions round nothing, and devices without such tensor cores do not in this one. */
  @Test
  void roundsWhereAskedAndAble() {
    AttentionShape shape = shape(20, 2, 16, false);
    try (Backend able = EmulatedBackends.openWithTensorCores(43);
        Backend unable = EmulatedBackends.open(44)) {
      Inputs inputs = new Inputs(able, shape);
      List<float[]> exact = inputs.run(ElementType.F32, BATCH);
      assertSame(inputs.run(ElementType.TF32, BATCH), exact);
      List<float[]> rounded = inputs.run(ElementType.BF16, BATCH);
      for (int i = 0; i < exact.size(); i++) {
        assertThat(rounded.get(i)).isNotEqualTo(exact.get(i));
      }
      Inputs others = new Inputs(unable, shape);
      assertSame(others.run(ElementType.BF16, BATCH), others.run(ElementType.F32, BATCH));
    }
  }
}
