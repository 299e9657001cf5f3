package org.peftsweep.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Weights.Fresh;

/**
 * The decoder of Llama (arXiv:2302.13971, 2407.21783): RMS norm before each block and after the
 * last, rotary positions, grouped-query attention and SwiGLU.
 *
 * <p>Positions count from 0 in every row, padding included, as in the reference implementation.
 */
final class Llama implements Backbone {
  private record Layer(
      Parameter attentionNorm,
      Linear query,
      Linear key,
      Linear value,
      Linear output,
      Parameter feedForwardNorm,
      Linear gate,
      Linear up,
      Linear down) {}

  private final ModelConfig config;
  private final Builder builder;
  private final RotaryTables rotary;
  private final Parameter words;
  private final List<Layer> layers = new ArrayList<>();
  private final Parameter norm;
  private Trace trace;

  Llama(ModelConfig config, Builder builder) {
    this.config = config;
    this.builder = builder;
    this.rotary =
        new RotaryTables(
            builder.backend(), config.rope().orElseThrow(), config.sizes().headWidth());
    ModelConfig.Sizes sizes = config.sizes();
    int width = sizes.hidden();
    words =
        builder.base(
            "model.embed_tokens.weight",
            Role.EMBEDDING,
            -1,
            Fresh.NORMAL,
            sizes.vocabulary(),
            width);
    for (int i = 0; i < sizes.layers(); i++) {
      layers.add(layer("model.layers." + i + ".", i));
    }
    norm = builder.base("model.norm.weight", Role.NORM, -1, Fresh.ONES, width);
  }

  private Layer layer(String prefix, int index) {
    ModelConfig.Sizes sizes = config.sizes();
    int width = sizes.hidden();
    int queries = sizes.heads() * sizes.headWidth();
    int keys = sizes.keyValueHeads() * sizes.headWidth();
    int inner = sizes.feedForward();
    boolean bias = config.attentionBias();
    boolean mlpBias = config.mlpBias();
    String attention = prefix + "self_attn.";
    String mlp = prefix + "mlp.";
    return new Layer(
        gamma(prefix + "input_layernorm", index),
        builder.linear(attention + "q_proj", Role.QUERY, index, queries, width, bias),
        builder.linear(attention + "k_proj", Role.KEY, index, keys, width, bias),
        builder.linear(attention + "v_proj", Role.VALUE, index, keys, width, bias),
        builder.linear(attention + "o_proj", Role.OUTPUT, index, width, queries, bias),
        gamma(prefix + "post_attention_layernorm", index),
        builder.linear(mlp + "gate_proj", Role.FFN_GATE, index, inner, width, mlpBias),
        builder.linear(mlp + "up_proj", Role.FFN_UP, index, inner, width, mlpBias),
        builder.linear(mlp + "down_proj", Role.FFN_DOWN, index, width, inner, mlpBias));
  }

  private Parameter gamma(String name, int layer) {
    return builder.base(name + ".weight", Role.NORM, layer, Fresh.ONES, config.sizes().hidden());
  }

  @Override
  public Var hidden(Tape tape, Batch batch, int[] rows) {
    int[] learning = batch.ids().clone();
    for (int i = 0; i < learning.length; i++) {
      learning[i] = batch.mask()[i] == 0 ? -1 : learning[i];
    }
    Var x = tape.gather(words.var(), batch.ids(), learning);
    see(0, x);
    for (int i = 0; i < layers.size(); i++) {
      boolean last = i == layers.size() - 1;
      x = forward(tape, batch, layers.get(i), x, last && trace == null ? rows : null);
      if (!last) {
        see(i + 1, x);
      }
    }
    Var y = tape.rmsNorm(x, norm.var(), (float) config.normEpsilon());
    see(layers.size(), y);
    return rows == null || trace == null ? y : tape.gather(y, rows);
  }

  private void see(int index, Var x) {
    if (trace != null) {
      trace.hidden(index, x.value());
    }
  }

  private Var forward(Tape tape, Batch batch, Layer layer, Var x, int[] rows) {
    float epsilon = (float) config.normEpsilon();
    Var normed = tape.rmsNorm(x, layer.attentionNorm.var(), epsilon);
    boolean oneAsks = rows != null && Pooling.isOneOfEach(batch, rows);
    Var asking = oneAsks ? tape.gather(normed, rows) : normed;
    Var q = layer.query.forward(tape, asking);
    q =
        oneAsks
            ? rotary.turnAt(tape, q, Pooling.places(batch, rows))
            : rotary.turn(tape, q, batch.tokens());
    if (oneAsks) {
      tape.done(asking);
    }
    Var k = rotary.turn(tape, layer.key.forward(tape, normed), batch.tokens());
    Var v = layer.value.forward(tape, normed);
    tape.done(normed);
    Var context = tape.attention(attention(batch, oneAsks), q, k, v, mask(batch, oneAsks, rows));
    tape.done(q);
    tape.done(k);
    tape.done(v);
    if (rows != null) {
      context = oneAsks ? context : chosen(tape, context, rows);
      x = chosen(tape, x, rows);
    }
    Var middle = tape.addScaled(layer.output.forward(tape, context), 1, x);
    tape.done(context);
    tape.done(x);
    normed = tape.rmsNorm(middle, layer.feedForwardNorm.var(), epsilon);
    Var gate = layer.gate.forward(tape, normed);
    Var up = layer.up.forward(tape, normed);
    tape.done(normed);
    Var inner = tape.swiglu(gate, up);
    tape.done(gate);
    tape.done(up);
    Var y = tape.addScaled(layer.down.forward(tape, inner), 1, middle);
    tape.done(inner);
    tape.done(middle);
    return y;
  }

  private static Var chosen(Tape tape, Var x, int[] rows) {
    Var some = tape.gather(x, rows);
    tape.done(x);
    return some;
  }

  private AttentionShape attention(Batch batch, boolean oneAsks) {
    ModelConfig.Sizes sizes = config.sizes();
    return new AttentionShape(
        batch.rows(),
        oneAsks ? 1 : batch.tokens(),
        batch.tokens(),
        sizes.heads(),
        sizes.keyValueHeads(),
        sizes.headWidth(),
        !oneAsks,
        (float) config.dropout().attention(),
        0);
  }

  /** Where one position of each row asks, the mask hides what comes after it. */
  private static int[] mask(Batch batch, boolean oneAsks, int[] rows) {
    if (!oneAsks) {
      return batch.mask();
    }
    int[] mask = batch.mask().clone();
    for (int i = 0; i < rows.length; i++) {
      Arrays.fill(mask, rows[i] + 1, (i + 1) * batch.tokens(), 0);
    }
    return mask;
  }

  @Override
  public void trace(Trace trace) {
    this.trace = trace;
  }

  @Override
  public Parameter words() {
    return words;
  }

  @Override
  public void close() {
    rotary.close();
  }
}
