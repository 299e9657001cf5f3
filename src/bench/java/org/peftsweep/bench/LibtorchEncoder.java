package org.peftsweep.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.nn.Activation;
import ai.djl.nn.core.Embedding;
import ai.djl.nn.norm.LayerNorm;
import java.util.ArrayList;
import java.util.List;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.model.Weights.Fresh;

/** RoBERTa for sequence classification over libtorch's operators. */
final class LibtorchEncoder extends Libtorch {
  private record Norm(NDArray gamma, NDArray beta) {}

  private record Layer(
      Projection query,
      Projection key,
      Projection value,
      Projection output,
      Norm outputNorm,
      Projection up,
      Projection down,
      Norm norm) {}

  private final int rows;
  private final int tokens;
  private final boolean pruned;
  private final ModelConfig.Sizes sizes;
  private final NDArray words;
  private final NDArray places;
  private final Norm embeddingNorm;
  private final List<Layer> layers = new ArrayList<>();
  private final Projection dense;
  private final Projection projection;

  LibtorchEncoder(Workload workload, boolean pruned) {
    super(workload);
    this.rows = workload.shape().rows();
    this.tokens = workload.shape().tokens();
    this.pruned = pruned;
    ModelConfig config = workload.shape().config();
    this.sizes = config.sizes();
    int width = sizes.hidden();
    String embeddings = "roberta.embeddings.";
    words =
        frozen(
            embeddings + "word_embeddings.weight", Fresh.NORMAL, sizes.vocabulary(), width);
    NDArray positions =
        frozen(
            embeddings + "position_embeddings.weight", Fresh.NORMAL, sizes.positions(), width);
    NDArray types =
        frozen(embeddings + "token_type_embeddings.weight", Fresh.NORMAL, 1, width);
    int from = config.sizes().positions() - config.longestInput();
    places = positions.get(new NDIndex("{}:{}", from, from + tokens)).add(types);
    embeddingNorm = norm(embeddings + "LayerNorm");
    for (int i = 0; i < sizes.layers(); i++) {
      layers.add(layer("roberta.encoder.layer." + i + "."));
    }
    dense = head("classifier.dense", width, width, true);
    projection = head("classifier.out_proj", Workload.CLASSES, width, true);
  }

  private Layer layer(String prefix) {
    int width = sizes.hidden();
    int inner = sizes.feedForward();
    String attention = prefix + "attention.";
    return new Layer(
        projection(attention + "self.query", width, width, true, true),
        projection(attention + "self.key", width, width, true, false),
        projection(attention + "self.value", width, width, true, true),
        projection(attention + "output.dense", width, width, true, false),
        norm(attention + "output.LayerNorm"),
        projection(prefix + "intermediate.dense", inner, width, true, false),
        projection(prefix + "output.dense", width, inner, true, false),
        norm(prefix + "output.LayerNorm"));
  }

  private Norm norm(String name) {
    return new Norm(
        frozen(name + ".weight", Fresh.ONES, sizes.hidden()),
        frozen(name + ".bias", Fresh.ZEROS, sizes.hidden()));
  }

  @Override
  NDArray logits(NDArray ids) {
    int width = sizes.hidden();
    NDArray x = Embedding.embedding(ids, words, SparseFormat.DENSE).singletonOrThrow();
    x = x.reshape(rows, tokens, width).add(places).reshape(rows * tokens, width);
    x = norm(x, embeddingNorm);
    for (int i = 0; i < layers.size(); i++) {
      x = forward(layers.get(i), x, pruned && i == layers.size() - 1);
    }
    if (!pruned) {
      x = firsts(x);
    }
    return apply(apply(x, dense).tanh(), projection);
  }

  private NDArray forward(Layer layer, NDArray x, boolean firstOnly) {
    NDArray q = heads(apply(x, layer.query));
    NDArray k = heads(apply(x, layer.key));
    NDArray v = heads(apply(x, layer.value));
    NDArray mixed = attention(q, k, v, 1 / Math.sqrt(sizes.headWidth()), null);
    NDArray turned = mixed.swapAxes(1, 2);
    mixed.close();
    NDArray context = turned.reshape(rows * tokens, sizes.hidden());
    turned.close();
    if (firstOnly) {
      context = firsts(context);
      x = firsts(x);
    }
    NDArray attended = apply(context, layer.output);
    context.close();
    attended.addi(x);
    x.close();
    NDArray middle = norm(attended, layer.outputNorm);
    NDArray up = apply(middle, layer.up);
    NDArray inner = Activation.gelu(up);
    up.close();
    NDArray fed = apply(inner, layer.down);
    inner.close();
    fed.addi(middle);
    middle.close();
    return norm(fed, layer.norm);
  }

  private NDArray firsts(NDArray x) {
    return x.reshape(rows, tokens, sizes.hidden()).get(new NDIndex(":, 0"));
  }

  private NDArray heads(NDArray x) {
    NDArray split = x.reshape(rows, tokens, sizes.heads(), sizes.headWidth());
    x.close();
    NDArray turned = split.swapAxes(1, 2);
    split.close();
    return turned;
  }

  private NDArray norm(NDArray x, Norm norm) {
    NDArray y =
        LayerNorm.layerNorm(
                x,
                new Shape(sizes.hidden()),
                norm.gamma,
                norm.beta,
                (float) Workload.NORM_EPSILON)
            .singletonOrThrow();
    x.close();
    return y;
  }
}
