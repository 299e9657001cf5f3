package org.peftsweep.model;

import java.util.ArrayList;
import java.util.List;
import org.peftsweep.checkpoint.Family;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Weights.Fresh;

/**
 * The bidirectional encoder that RoBERTa (arXiv:1907.11692) and BERT (arXiv:1810.04805) share:
 * learnt positions, layer norm after each residual sum. They differ in how positions are counted.
 */
final class Encoder {
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
  private Trace trace;

  Encoder(ModelConfig config, Builder builder) {
    this.config = config;
    String prefix = config.family().prefix();
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

  Parameter words() {
    return words;
  }

  private List<Parameter> tables() {
    return List.of(words, positions, tokenTypes);
  }

  void trace(Trace trace) {
    this.trace = trace;
  }

  /**
   * Returns the last layer's output {@code [n, width]} for the positions that are asked for.
   *
   * @param lanes encoders of this one's configuration over the same frozen weights
   */
  static Var hidden(Tape tape, List<Encoder> lanes, Packed packed) {
    Encoder first = lanes.get(0);
    Pass pass = new Pass(tape);
    Var x = embed(pass, lanes, packed);
    first.see(0, x);
    int depth = first.layers.size();
    for (int i = 0; i < depth; i++) {
      int layer = i;
      boolean last = i == depth - 1;
      // Above the last attention positions are independent: what nobody reads is not computed.
      boolean chooses = last && first.trace == null && !packed.asksForAll();
      List<Layer> parts = Pass.parts(lanes, encoder -> encoder.layers.get(layer));
      x = forward(first.config, pass, packed, parts, x, chooses);
      first.see(i + 1, x);
    }
    return packed.asksForAll() || first.trace == null ? x : tape.gather(x, packed.places());
  }

  private void see(int index, Var x) {
    if (trace != null) {
      trace.hidden(index, x.value());
    }
  }

  private static Var embed(Pass pass, List<Encoder> lanes, Packed packed) {
    Tape tape = pass.tape();
    Encoder first = lanes.get(0);
    int[] places =
        packed.positions(batch -> first.places(batch, first.config.positionOffset() - 1));
    int[] learningPlaces = packed.positions(batch -> first.places(batch, -1));
    int[] types = packed.positions(Batch::typeIds);
    Var x = tape.gather(first.words.var(), packed.positions(Batch::ids), packed.learningIds());
    x = tape.addGathered(x, first.positions.var(), places, learningPlaces);
    x = tape.addGathered(x, first.tokenTypes.var(), types, types);
    Var normed = pass.norm(Pass.parts(lanes, e -> e.embeddingNorm), x, packed.all());
    tape.done(x);
    return tape.dropout(normed, (float) first.config.dropout().hidden(), packed.all());
  }

  /** Returns the position that each token of a batch has, RoBERTa's padding that given. */
  private int[] places(Batch batch, int ofPadding) {
    int offset = config.positionOffset();
    int[] places = new int[batch.ids().length];
    for (int row = 0; row < batch.rows(); row++) {
      int seen = 0;
      for (int token = 0; token < batch.tokens(); token++) {
        int at = row * batch.tokens() + token;
        if (config.family() == Family.ROBERTA) {
          places[at] = batch.mask()[at] == 0 ? ofPadding : offset + seen++;
        } else {
          places[at] = token;
        }
      }
    }
    return places;
  }

  private static Var forward(
      ModelConfig config, Pass pass, Packed packed, List<Layer> lanes, Var x, boolean chooses) {
    Tape tape = pass.tape();
    Lanes all = packed.all();
    Lanes rows = chooses ? packed.chosen() : all;
    boolean oneAsks = chooses && packed.isOneOfEach();
    Var asking = oneAsks ? tape.gather(x, packed.places()) : x;
    Var q = pass.linear(Pass.parts(lanes, Layer::query), asking, oneAsks ? rows : all);
    Var k = pass.linear(Pass.parts(lanes, Layer::key), x, all);
    Var v = pass.linear(Pass.parts(lanes, Layer::value), x, all);
    Var context = tape.attention(packed.attention(config, false, oneAsks), q, k, v, packed.masks());
    tape.done(q);
    tape.done(k);
    tape.done(v);
    if (oneAsks) {
      tape.done(x);
      x = asking;
    } else if (chooses) {
      int[] places = packed.places();
      context = chosen(tape, context, places);
      x = chosen(tape, x, places);
    }
    float dropout = (float) config.dropout().hidden();
    Var output = pass.linear(Pass.parts(lanes, Layer::output), context, rows);
    Var attended = tape.dropout(output, dropout, rows);
    tape.done(context);
    Var middle = pass.normOfSum(Pass.parts(lanes, Layer::outputNorm), attended, x, rows);
    tape.done(x);
    Var inner = pass.linearGelu(Pass.parts(lanes, Layer::up), middle, rows);
    Var down = pass.linear(Pass.parts(lanes, Layer::down), inner, rows);
    Var fed = tape.dropout(down, dropout, rows);
    tape.done(inner);
    Var y = pass.normOfSum(Pass.parts(lanes, Layer::norm), fed, middle, rows);
    tape.done(middle);
    return y;
  }

  private static Var chosen(Tape tape, Var x, int[] rows) {
    Var some = tape.gather(x, rows);
    tape.done(x);
    return some;
  }
}
