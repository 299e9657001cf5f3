package org.peftsweep.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.nn.core.Embedding;
import java.util.ArrayList;
import java.util.List;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.model.Weights.Fresh;

/** Llama, for sequence classification or as a language model, over libtorch's operators. */
final class LibtorchDecoder extends Libtorch {
  private record Layer(
      NDArray attentionNorm,
      Projection query,
      Projection key,
      Projection value,
      Projection output,
      NDArray feedForwardNorm,
      Projection gate,
      Projection up,
      Projection down) {}

  private final int rows;
  private final int tokens;
  private final boolean pruned;
  private final boolean writes;
  private final ModelConfig.Sizes sizes;
  private final NDArray words;
  private final NDArray cos;
  private final NDArray sin;
  private final NDArray causal;
  private final List<Layer> layers = new ArrayList<>();
  private final NDArray norm;
  private final Projection score;

  LibtorchDecoder(Workload workload, boolean pruned) {
    super(workload);
    this.rows = workload.shape().rows();
    this.tokens = workload.shape().tokens();
    this.pruned = pruned;
    this.sizes = workload.shape().config().sizes();
    int width = sizes.hidden();
    words = frozen("model.embed_tokens.weight", Fresh.NORMAL, sizes.vocabulary(), width);
    for (int i = 0; i < sizes.layers(); i++) {
      layers.add(layer("model.layers." + i + "."));
    }
    norm = frozen("model.norm.weight", Fresh.ONES, width);
    writes = workload.shape().writes();
    score =
        writes
            ? projection("lm_head", sizes.vocabulary(), width, false, false)
            : head("score", Workload.CLASSES, width, false);
    double theta = workload.shape().config().rope().orElseThrow().theta();
    cos = angles(theta, true);
    sin = angles(theta, false);
    causal = causal();
  }

  private Layer layer(String prefix) {
    int width = sizes.hidden();
    int keys = sizes.keyValueHeads() * sizes.headWidth();
    int inner = sizes.feedForward();
    String attention = prefix + "self_attn.";
    String mlp = prefix + "mlp.";
    return new Layer(
        frozen(prefix + "input_layernorm.weight", Fresh.ONES, width),
        projection(attention + "q_proj", width, width, false, true),
        projection(attention + "k_proj", keys, width, false, false),
        projection(attention + "v_proj", keys, width, false, true),
        projection(attention + "o_proj", width, width, false, false),
        frozen(prefix + "post_attention_layernorm.weight", Fresh.ONES, width),
        projection(mlp + "gate_proj", inner, width, false, false),
        projection(mlp + "up_proj", inner, width, false, false),
        projection(mlp + "down_proj", width, inner, false, false));
  }

  /** Cosines, or sines whose first half is negative, {@code [tokens, 1, headWidth]}. */
  private NDArray angles(double theta, boolean cosines) {
    int width = sizes.headWidth();
    float[] values = new float[tokens * width];
    for (int token = 0; token < tokens; token++) {
      for (int i = 0; i < width; i++) {
        double angle = token * Math.pow(theta, -2.0 * (i % (width / 2)) / width);
        double sine = i < width / 2 ? -Math.sin(angle) : Math.sin(angle);
        values[token * width + i] = (float) (cosines ? Math.cos(angle) : sine);
      }
    }
    return manager.create(values, new Shape(tokens, 1, width));
  }

  /** Lowest floats above the diagonal, {@code [group·tokens, tokens]}. */
  private NDArray causal() {
    int group = sizes.heads() / sizes.keyValueHeads();
    float[] values = new float[group * tokens * tokens];
    for (int i = 0; i < group * tokens; i++) {
      for (int j = i % tokens + 1; j < tokens; j++) {
        values[i * tokens + j] = -Float.MAX_VALUE;
      }
    }
    return manager.create(values, new Shape(group * tokens, tokens));
  }

  @Override
  NDArray logits(NDArray ids) {
    NDArray x = Embedding.embedding(ids, words, SparseFormat.DENSE).singletonOrThrow();
    for (int i = 0; i < layers.size(); i++) {
      x = forward(layers.get(i), x, pruned && !writes && i == layers.size() - 1);
    }
    if (writes) {
      NDArray all = x.reshape(rows, tokens, sizes.hidden()).get(new NDIndex(":, :-1"));
      x = all.reshape(rows * (tokens - 1), sizes.hidden());
    } else if (!pruned) {
      x = lasts(x);
    }
    return apply(rmsNorm(x, norm), score);
  }

  private NDArray forward(Layer layer, NDArray x, boolean lastOnly) {
    NDArray normed = rmsNorm(x, layer.attentionNorm);
    NDArray q = queries(turned(apply(normed, layer.query)));
    NDArray k = keys(turned(apply(normed, layer.key)));
    NDArray v = keys(split(apply(normed, layer.value)));
    normed.close();
    NDArray context = context(attention(q, k, v, 1 / Math.sqrt(sizes.headWidth()), causal));
    if (lastOnly) {
      context = lasts(context);
      x = lasts(x);
    }
    NDArray middle = apply(context, layer.output);
    context.close();
    middle.addi(x);
    x.close();
    normed = rmsNorm(middle, layer.feedForwardNorm);
    NDArray gate = apply(normed, layer.gate);
    NDArray up = apply(normed, layer.up);
    normed.close();
    NDArray sigmoid = gate.getNDArrayInternal().sigmoid();
    NDArray silu = gate.mul(sigmoid);
    gate.close();
    sigmoid.close();
    NDArray inner = silu.mul(up);
    silu.close();
    up.close();
    NDArray y = apply(inner, layer.down);
    inner.close();
    y.addi(middle);
    middle.close();
    return y;
  }

  private NDArray lasts(NDArray x) {
    return x.reshape(rows, tokens, sizes.hidden()).get(new NDIndex(":, {}", tokens - 1));
  }

  private static NDArray rmsNorm(NDArray x, NDArray gamma) {
    NDArray square = x.square();
    NDArray mean = square.mean(new int[] {-1}, true);
    square.close();
    NDArray factor = mean.add(Workload.NORM_EPSILON).pow(-0.5);
    mean.close();
    NDArray scaled = x.mul(factor);
    factor.close();
    NDArray y = scaled.mul(gamma);
    scaled.close();
    return y;
  }

  /** {@code [rows·tokens, heads·width]} to {@code [rows, tokens, heads, width]}. */
  private NDArray split(NDArray x) {
    NDArray y = x.reshape(rows, tokens, -1, sizes.headWidth());
    x.close();
    return y;
  }

  private NDArray turned(NDArray flat) {
    NDArray x = split(flat);
    int half = sizes.headWidth() / 2;
    NDArray first = x.get(new NDIndex("..., :{}", half));
    NDArray second = x.get(new NDIndex("..., {}:", half));
    NDArray swapped = second.concat(first, -1);
    first.close();
    second.close();
    NDArray y = x.mul(cos);
    NDArray other = swapped.mul(sin);
    y.addi(other);
    x.close();
    swapped.close();
    other.close();
    return y;
  }

  /** Queries that share a key head lie behind each other: no key is repeated. */
  private NDArray queries(NDArray x) {
    int keyHeads = sizes.keyValueHeads();
    int group = sizes.heads() / keyHeads;
    NDArray split = x.reshape(rows, tokens, keyHeads, group, sizes.headWidth());
    x.close();
    NDArray turned = split.transpose(0, 2, 3, 1, 4);
    split.close();
    NDArray y = turned.reshape(rows, keyHeads, group * tokens, sizes.headWidth());
    turned.close();
    return y;
  }

  private static NDArray keys(NDArray x) {
    NDArray y = x.swapAxes(1, 2);
    x.close();
    return y;
  }

  private NDArray context(NDArray x) {
    int keyHeads = sizes.keyValueHeads();
    int group = sizes.heads() / keyHeads;
    NDArray split = x.reshape(rows, keyHeads, group, tokens, sizes.headWidth());
    x.close();
    NDArray turned = split.transpose(0, 3, 1, 2, 4);
    split.close();
    NDArray y = turned.reshape(rows * tokens, sizes.hidden());
    turned.close();
    return y;
  }
}
