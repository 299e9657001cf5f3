package org.peftsweep.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.Pointer;
import org.nd4j.autodiff.samediff.SDIndex;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Weights.Fresh;

/** RoBERTa for sequence classification as a SameDiff graph, trained by its own loop. */
final class SameDiffContender implements Contender {
  private final SameDiff graph = SameDiff.create();
  private final Workload workload;
  private final ModelConfig.Sizes sizes;
  private final int rows;
  private final int tokens;
  private final INDArray ids;
  private final INDArray labels;

  SameDiffContender(Workload workload) {
    this.workload = workload;
    this.rows = workload.shape().rows();
    this.tokens = workload.shape().tokens();
    ModelConfig config = workload.shape().config();
    this.sizes = config.sizes();
    if (config.rope().isPresent() || workload.method() == Workload.Tuning.DORA) {
      throw new UnsupportedOperationException(
          "Cannot measure samediff with " + workload.id() + ": it has encoders, full and lora");
    }
    Batch batch = workload.batch();
    ids = Nd4j.createFromArray(batch.ids());
    labels = Nd4j.zeros(DataType.FLOAT, rows, Workload.CLASSES);
    for (int row = 0; row < rows; row++) {
      labels.putScalar(row, (int) batch.labels()[row], 1);
    }
    build(config);
    graph.setLossVariables("loss");
    graph.setTrainingConfig(
        new TrainingConfig.Builder()
            .updater(
                new Adam(
                    Workload.LEARNING_RATE,
                    Workload.BETA1,
                    Workload.BETA2,
                    Workload.ADAM_EPSILON))
            .weightDecay(Workload.WEIGHT_DECAY, true)
            .dataSetFeatureMapping("ids")
            .dataSetLabelMapping("labels")
            .build());
  }

  private void build(ModelConfig config) {
    int width = sizes.hidden();
    SDVariable input = graph.placeHolder("ids", DataType.INT, (long) rows * tokens);
    SDVariable wanted = graph.placeHolder("labels", DataType.FLOAT, rows, Workload.CLASSES);
    String embeddings = "roberta.embeddings.";
    SDVariable words =
        frozen(embeddings + "word_embeddings.weight", Fresh.NORMAL, sizes.vocabulary(), width);
    INDArray positions =
        Nd4j.createFromArray(
                Draws.values(
                    embeddings + "position_embeddings.weight",
                    Fresh.NORMAL,
                    sizes.positions(),
                    width))
            .reshape(sizes.positions(), width);
    INDArray types =
        Nd4j.createFromArray(
            Draws.values(
                embeddings + "token_type_embeddings.weight", Fresh.NORMAL, 1, width));
    int[] seen = new int[tokens];
    for (int i = 0; i < tokens; i++) {
      seen[i] = config.sizes().positions() - config.longestInput() + i;
    }
    INDArray sum = Nd4j.pullRows(positions, 1, seen).addiRowVector(types);
    SDVariable places = graph.constant("places", sum.reshape(1, tokens, width));
    SDVariable x = graph.gather(words, input, 0).reshape(rows, tokens, width).add(places);
    x = norm(x.reshape(rows * tokens, width), embeddings + "LayerNorm");
    for (int i = 0; i < sizes.layers(); i++) {
      x = layer(x, "roberta.encoder.layer." + i + ".");
    }
    SDVariable first =
        x.reshape(rows, tokens, width).get(SDIndex.all(), SDIndex.point(0), SDIndex.all());
    SDVariable inner = graph.math().tanh(head(first, "classifier.dense", width));
    SDVariable logits = head(inner, "classifier.out_proj", Workload.CLASSES);
    graph.loss().softmaxCrossEntropy("loss", wanted, logits, null);
  }

  private SDVariable layer(SDVariable x, String prefix) {
    int width = sizes.hidden();
    String attention = prefix + "attention.";
    SDVariable q = heads(projection(x, attention + "self.query", width, width, true));
    SDVariable k = heads(projection(x, attention + "self.key", width, width, false));
    SDVariable v = heads(projection(x, attention + "self.value", width, width, true));
    SDVariable scores =
        graph.mmul(q.mul(1 / Math.sqrt(sizes.headWidth())), k, false, true, false);
    SDVariable mixed = graph.mmul(graph.nn().softmax(scores, -1), v);
    SDVariable context = graph.permute(mixed, 0, 2, 1, 3).reshape(rows * tokens, width);
    SDVariable attended = projection(context, attention + "output.dense", width, width, false);
    SDVariable middle = norm(attended.add(x), attention + "output.LayerNorm");
    SDVariable up =
        projection(middle, prefix + "intermediate.dense", sizes.feedForward(), width, false);
    SDVariable fed =
        projection(
            graph.nn().preciseGelu(up),
            prefix + "output.dense",
            width,
            sizes.feedForward(),
            false);
    return norm(fed.add(middle), prefix + "output.LayerNorm");
  }

  private SDVariable heads(SDVariable x) {
    return graph.permute(
        x.reshape(rows, tokens, sizes.heads(), sizes.headWidth()), 0, 2, 1, 3);
  }

  private SDVariable norm(SDVariable x, String name) {
    return graph
        .nn()
        .layerNorm(
            x,
            frozen(name + ".weight", Fresh.ONES, sizes.hidden()),
            frozen(name + ".bias", Fresh.ZEROS, sizes.hidden()),
            false,
            1);
  }

  private SDVariable projection(SDVariable x, String name, int out, int in, boolean isTarget) {
    boolean full = isTarget && workload.method() == Workload.Tuning.FULL;
    SDVariable weight = tensor(full, name + ".weight", Fresh.NORMAL, out, in);
    SDVariable bias = tensor(full, name + ".bias", Fresh.ZEROS, out);
    SDVariable y = graph.mmul(x, weight, false, true, false).add(bias);
    if (!isTarget || full) {
      return y;
    }
    SDVariable a = tensor(true, name + ".lora_A.weight", Fresh.NORMAL, Workload.RANK, in);
    SDVariable b = tensor(true, name + ".lora_B.weight", Fresh.NORMAL, out, Workload.RANK);
    SDVariable inner = graph.mmul(x, a, false, true, false).mul(Workload.SCALE);
    return y.add(graph.mmul(inner, b, false, true, false));
  }

  private SDVariable head(SDVariable x, String name, int out) {
    SDVariable weight = tensor(true, name + ".weight", Fresh.NORMAL, out, sizes.hidden());
    SDVariable bias = tensor(true, name + ".bias", Fresh.ZEROS, out);
    return graph.mmul(x, weight, false, true, false).add(bias);
  }

  private SDVariable frozen(String name, Fresh fresh, int... shape) {
    return tensor(false, name, fresh, shape);
  }

  private SDVariable tensor(boolean learns, String name, Fresh fresh, int... shape) {
    long[] extents = new long[shape.length];
    for (int i = 0; i < shape.length; i++) {
      extents[i] = shape[i];
    }
    INDArray values = Nd4j.createFromArray(Draws.values(name, fresh, shape)).reshape(extents);
    return learns ? graph.var(name, values) : graph.constant(name, values);
  }

  @Override
  public void step() {
    graph.fit(new MultiDataSet(ids, labels));
  }

  @Override
  public double loss() {
    List<String> outputs = new ArrayList<>(List.of("loss"));
    return graph
        .output(Map.of("ids", ids, "labels", labels), outputs)
        .get("loss")
        .getDouble(0);
  }

  @Override
  public long nativeBytes() {
    return Pointer.totalBytes();
  }

  @Override
  public void close() {
    graph.clearPlaceholders(true);
  }
}
