package org.peftsweep.model;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Weights.Fresh;

/**
 * The bidirectional encoder that RoBERTa (arXiv:1907.11692) and BERT (arXiv:1810.04805) share:
 * learnt positions, layer norm after each residual sum. They differ in how positions are counted.
 */
final class Encoder implements Backbone {
  private record Layer(
      Linear query,
      Linear key,
      Linear value,
      Linear output,
      Norm outputNorm,
      Linear up,
      Linear down,
      Norm norm) {}

  private final ModelConfig config;
  private final Parameter words;
  private final Parameter positions;
  private final Parameter tokenTypes;
  private final Norm embeddingNorm;
  private final List<Layer> layers = new ArrayList<>();
  private final Function<Batch, PositionIds> positionIds;
  private Trace trace;

  Encoder(ModelConfig config, Builder builder, Function<Batch, PositionIds> positionIds) {
    this.config = config;
    this.positionIds = positionIds;
    String prefix = config.architecture().prefix();
    ModelConfig.Sizes sizes = config.sizes();
    String embeddings = prefix + "embeddings.";
    words = table(builder, embeddings + "word_embeddings", sizes.vocabulary());
    positions = table(builder, embeddings + "position_embeddings", sizes.positions());
    tokenTypes = table(builder, embeddings + "token_type_embeddings", sizes.tokenTypes());
    embeddingNorm =
        builder.norm(embeddings + "LayerNorm", -1, sizes.hidden(), config.normEpsilon());
    for (int i = 0; i < sizes.layers(); i++) {
      layers.add(layer(builder, prefix + "encoder.layer." + i + ".", i));
    }
  }

  private Parameter table(Builder builder, String name, int rows) {
    return builder.base(
        name + ".weight", Role.EMBEDDING, -1, Fresh.NORMAL, rows, config.sizes().hidden());
  }

  private Layer layer(Builder builder, String prefix, int index) {
    int width = config.sizes().hidden();
    int inner = config.sizes().feedForward();
    String attention = prefix + "attention.";
    return new Layer(
        builder.linear(attention + "self.query", Role.QUERY, index, width, width, true),
        builder.linear(attention + "self.key", Role.KEY, index, width, width, true),
        builder.linear(attention + "self.value", Role.VALUE, index, width, width, true),
        builder.linear(attention + "output.dense", Role.OUTPUT, index, width, width, true),
        builder.norm(attention + "output.LayerNorm", index, width, config.normEpsilon()),
        builder.linear(prefix + "intermediate.dense", Role.FFN_UP, index, inner, width, true),
        builder.linear(prefix + "output.dense", Role.FFN_DOWN, index, width, inner, true),
        builder.norm(prefix + "output.LayerNorm", index, width, config.normEpsilon()));
  }

  @Override
  public Parameter words() {
    return words;
  }

  @Override
  public void trace(Trace trace) {
    this.trace = trace;
  }

  @Override
  public Var hidden(Tape tape, Batch batch, int[] rows) {
    Var x = embed(tape, batch);
    see(0, x);
    for (int i = 0; i < layers.size(); i++) {
      boolean last = i == layers.size() - 1;
      // Above the last attention positions are independent: what nobody reads is not computed.
      x = forward(tape, batch, layers.get(i), x, last && trace == null ? rows : null);
      see(i + 1, x);
    }
    return rows == null || trace == null ? x : tape.gather(x, rows);
  }

  private void see(int index, Var x) {
    if (trace != null) {
      trace.hidden(index, x.value());
    }
  }

  private Var embed(Tape tape, Batch batch) {
    int[] learning = batch.ids().clone();
    for (int i = 0; i < learning.length; i++) {
      // nn.Embedding's padding_idx: that row keeps its values.
      learning[i] = batch.mask()[i] == 0 ? -1 : learning[i];
    }
    PositionIds places = positionIds.apply(batch);
    Var x = tape.gather(words.var(), batch.ids(), learning);
    x = tape.addGathered(x, positions.var(), places.ids(), places.learning());
    x = tape.addGathered(x, tokenTypes.var(), batch.typeIds(), batch.typeIds());
    Var normed = embeddingNorm.of(tape, x);
    tape.done(x);
    return tape.dropout(normed, (float) config.dropout().hidden());
  }

  private Var forward(Tape tape, Batch batch, Layer layer, Var x, int[] rows) {
    boolean oneAsks = rows != null && Pooling.isOneOfEach(batch, rows);
    Var asking = oneAsks ? tape.gather(x, rows) : x;
    Var q = layer.query.forward(tape, asking);
    Var k = layer.key.forward(tape, x);
    Var v = layer.value.forward(tape, x);
    AttentionShape shape = attention(batch, oneAsks ? 1 : batch.tokens());
    Var context = tape.attention(shape, q, k, v, batch.mask());
    tape.done(q);
    tape.done(k);
    tape.done(v);
    if (oneAsks) {
      tape.done(x);
      x = asking;
    } else if (rows != null) {
      context = chosen(tape, context, rows);
      x = chosen(tape, x, rows);
    }
    float dropout = (float) config.dropout().hidden();
    Var attended = tape.dropout(layer.output.forward(tape, context), dropout);
    tape.done(context);
    Var middle = layer.outputNorm.ofSum(tape, attended, x);
    tape.done(x);
    Var inner = layer.up.forwardGelu(tape, middle);
    Var fed = tape.dropout(layer.down.forward(tape, inner), dropout);
    tape.done(inner);
    Var y = layer.norm.ofSum(tape, fed, middle);
    tape.done(middle);
    return y;
  }

  private static Var chosen(Tape tape, Var x, int[] rows) {
    Var some = tape.gather(x, rows);
    tape.done(x);
    return some;
  }

  private AttentionShape attention(Batch batch, int queries) {
    ModelConfig.Sizes sizes = config.sizes();
    return new AttentionShape(
        batch.rows(),
        queries,
        batch.tokens(),
        sizes.heads(),
        sizes.keyValueHeads(),
        sizes.headWidth(),
        false,
        (float) config.dropout().attention(),
        0);
  }
}
