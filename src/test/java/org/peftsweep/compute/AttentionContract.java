package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What {@link Backend} promises of attention and rotary embeddings. */
abstract class AttentionContract extends BackendFixture {
  /** 8 bits of fraction, in products of what such products gave. */
  private static final double OF_HALVES = 5e-2;

  private static final long SEED = 0x0F1E_2D3C_4B5A_6978L;

  /** What products may round their factors to. */
  ElementType factors() {
    return ElementType.F32;
  }

  /** How far results may be from those of exact products, where these are of 32-bit floats. */
  private double bound(double exact) {
    return factors() == ElementType.F32 ? exact : OF_HALVES;
  }

  private Tensor ints(int... values) {
    return HostKernels.ints(backend, values);
  }

  private Tensor dropoutSeed() {
    return HostKernels.seed(backend, SEED);
  }

  /**
   * Sequence 0 is whole, where causal of several texts with a token before them that all see, 1 is
   * padded on the right, 2 on the left, 3 has no token at all.
   */
  private static int[] mask(AttentionShape s) {
    int[] mask = new int[s.batch() * s.tokens()];
    for (int b = 0; b < s.batch(); b++) {
      int padding = b == 3 ? s.tokens() : b == 0 ? 0 : s.tokens() / 2;
      for (int i = 0; i < s.tokens(); i++) {
        boolean padded = b == 2 ? i < padding : i >= s.tokens() - padding;
        int text = b > 0 || !s.causal() ? 1 : i == 0 && s.tokens() > 3 ? -1 : 1 + i / 2;
        mask[b * s.tokens() + i] = padded ? 0 : text;
      }
    }
    return mask;
  }

  @ParameterizedTest(
      name = "batch {0}, {7} of {1} tokens, {2}/{3} heads of {4}, causal {5}, dropout {6}")
  @CsvSource({
    "1,1,1,1,1,false,0,1",
    "1,1,2,1,4,true,0,1",
    "1,5,1,1,8,false,0,5",
    "4,4,3,3,5,false,0,4",
    "4,5,3,1,4,true,0,5",
    "4,6,4,2,3,true,0.3,6",
    "4,7,3,3,4,false,0.5,7",
    "2,17,2,2,3,false,0,17",
    "1,9,6,2,2,false,0.1,9",
    "4,3,1,1,16,true,0,3",
    "2,2,2,2,33,false,0.2,2",
    "4,6,2,2,5,false,0,1",
    "4,5,4,2,3,false,0.4,1",
    "3,7,2,1,4,false,0.2,3",
    "2,3,1,1,4,false,0,5"
  })
  void attentionAndItsGradientsMatchReference(
      int batch,
      int tokens,
      int heads,
      int keyHeads,
      int width,
      boolean causal,
      float dropout,
      int queries) {
    AttentionShape s =
        new AttentionShape(batch, queries, tokens, heads, keyHeads, width, causal, dropout)
            .withFactors(factors());
    int[] mask = mask(s);
    int asking = batch * queries;
    int rows = batch * tokens;
    Tensor q = normal(asking, heads * width);
    Tensor k = normal(rows, keyHeads * width);
    Tensor v = normal(rows, keyHeads * width);
    Tensor dOut = normal(asking, heads * width);
    double[] qs = host(q);
    double[] ks = host(k);
    double[] vs = host(v);
    double[] ds = host(dOut);
    double[] anchor = Reference.scores(s, qs, ks);
    double[] sums = new double[batch * heads * queries];
    double[] expected = Reference.attention(s, SEED, qs, ks, vs, mask, anchor, sums);
    Tensor out = output(asking, heads * width);
    Tensor logSum = output(batch * heads, queries);
    backend.attention(s, q, k, v, ints(mask), dropoutSeed(), out, logSum);
    assertClose("out", out, expected, bound(1e-5));
    float[] logSums = floats(logSum);
    for (int row = 0; row < sums.length; row++) {
      if (Reference.seesAny(s, mask, row / (heads * queries), row % queries)) {
        assertThat((double) logSums[row]).isCloseTo(sums[row], within(bound(1e-5)));
      }
    }

    double[] dq =
        Reference.gradient(
            x -> Reference.attention(s, SEED, x, ks, vs, mask, anchor, null), qs, ds);
    double[] dk =
        Reference.gradient(
            x -> Reference.attention(s, SEED, qs, x, vs, mask, anchor, null), ks, ds);
    double[] dv =
        Reference.gradient(
            x -> Reference.attention(s, SEED, qs, ks, x, mask, anchor, null), vs, ds);
    Tensor outQ = output(asking, heads * width);
    Tensor outK = output(rows, keyHeads * width);
    Tensor outV = output(rows, keyHeads * width);
    backend.attentionBackward(
        s, q, k, v, ints(mask), dropoutSeed(), out, logSum, dOut, outQ, outK, outV);
    assertClose("dq", outQ, dq, bound(2e-5));
    assertClose("dk", outK, dk, bound(2e-5));
    assertClose("dv", outV, dv, bound(2e-5));

    for (int wanted = 0; wanted < 7; wanted++) {
      Tensor onlyQ = (wanted & 1) == 0 ? null : output(asking, heads * width);
      Tensor onlyK = (wanted & 2) == 0 ? null : output(rows, keyHeads * width);
      Tensor onlyV = (wanted & 4) == 0 ? null : output(rows, keyHeads * width);
      backend.attentionBackward(
          s, q, k, v, ints(mask), dropoutSeed(), out, logSum, dOut, onlyQ, onlyK, onlyV);
      if (onlyQ != null) {
        assertClose("dq of " + wanted, onlyQ, dq, bound(2e-5));
      }
      if (onlyK != null) {
        assertClose("dk of " + wanted, onlyK, dk, bound(2e-5));
      }
      if (onlyV != null) {
        assertClose("dv of " + wanted, onlyV, dv, bound(2e-5));
      }
    }
    assertThat(host(q)).containsExactly(qs);
    assertThat(host(k)).containsExactly(ks);
    assertThat(host(v)).containsExactly(vs);
    assertThat(host(dOut)).containsExactly(ds);
  }

  @ParameterizedTest(
      name = "{7} biases, cap {8}: batch {0}, {6} of {1} tokens, {2}/{3} heads, causal {4}")
  @CsvSource({
    "4,5,4,2,false,0,5,1,0",
    "4,5,4,2,false,0,3,4,0",
    "4,6,2,1,true,0,6,8,0",
    "4,6,2,2,true,0.3,6,2,0.7",
    "3,18,2,2,false,0.2,18,6,1.5",
    "4,5,4,2,false,0.2,1,16,0.4",
    "1,7,3,3,true,0,7,3,0",
    "4,4,2,2,true,0,4,0,0.5",
    "2,20,1,1,true,0,20,1,0.9"
  })
  void aBiasAndACapOfScoresMatchReference(
      int batch,
      int tokens,
      int heads,
      int keyHeads,
      boolean causal,
      float dropout,
      int queries,
      int groups,
      float cap) {
    int width = 5;
    AttentionShape s =
        new AttentionShape(batch, queries, tokens, heads, keyHeads, width, causal, dropout)
            .withCap(cap)
            .withFactors(factors());
    int[] mask = mask(s);
    Tensor q = normal(batch * queries, heads * width);
    Tensor k = normal(batch * tokens, keyHeads * width);
    Tensor v = normal(batch * tokens, keyHeads * width);
    Tensor dOut = normal(batch * queries, heads * width);
    Tensor bias = groups == 0 ? null : normal(groups * queries, tokens);
    double[] qs = host(q);
    double[] ks = host(k);
    double[] vs = host(v);
    double[] bs = bias == null ? new double[queries * tokens] : host(bias);
    double[] anchor = Reference.shifted(s, Reference.scores(s, qs, ks), bs);
    Tensor out = output(batch * queries, heads * width);
    Tensor logSum = output(batch * heads, queries);
    backend.attention(s, q, k, v, ints(mask), dropoutSeed(), bias, out, logSum);
    double[] expected = Reference.attention(s, SEED, qs, ks, vs, bs, mask, anchor, null);
    assertClose("out", out, expected, bound(1e-5));

    double[] ds = host(dOut);
    double[] dq =
        Reference.gradient(
            x -> Reference.attention(s, SEED, x, ks, vs, bs, mask, anchor, null), qs, ds);
    double[] dk =
        Reference.gradient(
            x -> Reference.attention(s, SEED, qs, x, vs, bs, mask, anchor, null), ks, ds);
    double[] dv =
        Reference.gradient(
            x -> Reference.attention(s, SEED, qs, ks, x, bs, mask, anchor, null), vs, ds);
    Tensor outQ = output(batch * queries, heads * width);
    Tensor outK = output(batch * tokens, keyHeads * width);
    Tensor outV = output(batch * tokens, keyHeads * width);
    Tensor outBias = bias == null ? null : output(heads * batch * queries, tokens);
    backend.attentionBackward(
        s, q, k, v, ints(mask), dropoutSeed(), bias, out, logSum, dOut, outQ, outK, outV, outBias);
    assertClose("dq", outQ, dq, bound(2e-5));
    assertClose("dk", outK, dk, bound(2e-5));
    assertClose("dv", outV, dv, bound(2e-5));
    if (bias == null) {
      return;
    }
    double[] each = new double[heads * batch * queries * tokens];
    for (int at = 0; at < each.length; at++) {
      int area = queries * tokens;
      int group = at / area;
      int own = groups == 1 ? 0 : groups == heads ? group / batch : group;
      each[at] = bs[own * area + at % area];
    }
    double[] dBias =
        Reference.gradient(
            x -> Reference.attention(s, SEED, qs, ks, vs, x, mask, anchor, null), each, ds);
    assertClose("dBias", outBias, dBias, bound(2e-5));
    backend.attentionBackward(
        s, q, k, v, ints(mask), dropoutSeed(), bias, out, logSum, dOut, null, null, null, outBias);
    assertClose("dBias alone", outBias, dBias, bound(2e-5));
  }

  @Test
  void largeScoresDoNotOverflow() {
    AttentionShape s = new AttentionShape(1, 3, 1, 1, 2, false, 0).withFactors(factors());
    Tensor q = large();
    Tensor k = large();
    Tensor v = normal(3, 2);
    Tensor out = output(3, 2);
    backend.attention(s, q, k, v, ints(1, 1, 0), dropoutSeed(), out, output(1, 3));
    double[] scores = Reference.scores(s, host(q), host(k));
    double[] values = host(v);
    double[] expected = new double[6];
    for (int i = 0; i < 3; i++) {
      double first = 1 / (1 + Math.exp(scores[i * 3 + 1] - scores[i * 3]));
      expected[2 * i] = first * values[0] + (1 - first) * values[2];
      expected[2 * i + 1] = first * values[1] + (1 - first) * values[3];
    }
    assertClose("out", out, expected, bound(1e-3));
  }

  /** Numbers of which halves lose nothing, as scores that differ by a hundredth differ by much. */
  private Tensor large() {
    float[] values = normals(6);
    for (int i = 0; i < values.length; i++) {
      values[i] = BFloat16.toFloat(BFloat16.of(100 * values[i]));
    }
    return upload(values, 3, 2);
  }

  @Test
  void paddingDoesNotReachOtherTokens() {
    AttentionShape s = new AttentionShape(2, 6, 2, 2, 4, false, 0).withFactors(factors());
    int[] mask = {1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1};
    Tensor q = normal(12, 8);
    Tensor k = normal(12, 8);
    Tensor v = normal(12, 8);
    Tensor out = output(12, 8);
    backend.attention(s, q, k, v, ints(mask), dropoutSeed(), out, output(4, 6));
    float[] before = floats(out);
    for (int row : new int[] {4, 5, 6, 7}) {
      backend.fill(k.slice(row, 1), 50);
      backend.fill(v.slice(row, 1), -1e6f);
    }
    backend.attention(s, q, k, v, ints(mask), dropoutSeed(), out, output(4, 6));
    assertThat(floats(out)).containsExactly(before);
  }

  @ParameterizedTest(name = "{0} × {1} tokens, {2} heads of {3}")
  @CsvSource({"1,1,1,2", "2,5,3,4", "3,4,1,16", "2,7,2,34"})
  void rotaryTurnsPairsAndBack(int batch, int tokens, int heads, int width) {
    Tensor x = normal(batch * tokens, heads * width);
    float[] cos = new float[tokens * width / 2];
    float[] sin = new float[cos.length];
    for (int i = 0; i < cos.length; i++) {
      double angle = random.nextDouble() * 6;
      cos[i] = (float) Math.cos(angle);
      sin[i] = (float) Math.sin(angle);
    }
    Tensor c = upload(cos, tokens, width / 2);
    Tensor s = upload(sin, tokens, width / 2);
    double[] before = host(x);
    Tensor y = output(batch * tokens, heads * width);
    backend.rotary(x, c, s, width, false, y);
    double[] there = Reference.rotary(before, host(c), host(s), tokens, heads, width, 1);
    assertClose("rotary", y, there, 2e-6);
    backend.rotary(x, c, s, width, true, y);
    assertClose(
        "inverse", y, Reference.rotary(before, host(c), host(s), tokens, heads, width, -1), 2e-6);
    backend.rotary(x, c, s, width, false, x);
    assertClose("in place", x, there, 2e-6);
    backend.rotary(x, c, s, width, true, x);
    assertClose("there and back", x, before, 5e-6);
    assertThat(Arrays.equals(there, before)).isFalse();
  }
}
