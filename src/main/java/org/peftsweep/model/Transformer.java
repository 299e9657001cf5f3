package org.peftsweep.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.Placement;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/** A backbone and a head that were built together. */
record Transformer(
    ModelConfig config, Builder builder, Backbone backbone, FrozenPrefix prefix, Head head)
    implements Model {
  Transformer(ModelConfig config, Builder builder, Backbone backbone, Head head) {
    this(config, builder, backbone, new FrozenPrefix(config, builder.prefixes()), head);
  }

  @Override
  public Var logits(Tape tape, Batch batch, int[] positions) {
    List<int[]> asked = new ArrayList<>(Collections.singletonList(positions));
    Batch prepared = prepared(batch);
    asked.set(0, shifted(asked.get(0), batch, prepared));
    return logits(tape, List.of(this), Packed.of(List.of(prepared), asked)).get(0);
  }

  @Override
  public Var next(Tape tape, Batch batch, int[] positions, KeyValues kept) {
    if (!isLanguageModel()) {
      throw new UnsupportedOperationException("Cannot write text with a head " + head.task());
    }
    List<int[]> asked = Collections.singletonList(positions);
    Packed packed = pack(List.of(this), List.of(batch), asked).with(kept);
    int depth = config.sizes().layers();
    return head.outputs(tape, backbone.run(tape, List.of(backbone), packed, null, 0, depth));
  }

  @Override
  public Var states(Tape tape, Batch batch) {
    Packed packed = pack(List.of(this), List.of(batch), Collections.singletonList(null));
    Var states = prefix.hidden(tape, List.of(backbone), List.of(prefix), packed);
    return packed.asksForAll() ? head.pooled(tape, states, packed, 0) : states;
  }

  @Override
  public Var outputs(Tape tape, Var states) {
    return head.outputs(tape, states);
  }

  /** Makes room for what a method puts before the tokens. */
  private Batch prepared(Batch batch) {
    Prompt prompt = backbone.embeddings().prompt();
    int past =
        backbone.sublayers().stream()
            .filter(sublayer -> sublayer.prefix() != null)
            .mapToInt(sublayer -> sublayer.prefix().tokens())
            .max()
            .orElse(0);
    Batch prompted =
        prompt == null || prompt.tokens() == 0 ? batch : batch.withPrompt(prompt.tokens());
    return past == 0 ? prompted : prompted.after(past);
  }

  @Override
  public Packed pack(List<? extends Model> models, List<Batch> batches, List<int[]> positions) {
    List<int[]> asked = new ArrayList<>(positions);
    List<Batch> prepared = new ArrayList<>();
    for (int lane = 0; lane < batches.size(); lane++) {
      prepared.add(((Transformer) models.get(lane)).prepared(batches.get(lane)));
    }
    for (int lane = 0; lane < asked.size(); lane++) {
      if (asked.get(lane) == null) {
        Head of = ((Transformer) models.get(lane)).head;
        asked.set(lane, of.positions(prepared.get(lane)));
      } else {
        asked.set(lane, shifted(asked.get(lane), batches.get(lane), prepared.get(lane)));
      }
    }
    return Packed.of(prepared, asked);
  }

  /** Counts places among rows that have a prompt before them. */
  private static int[] shifted(int[] positions, Batch batch, Batch prepared) {
    int more = prepared.tokens() - batch.tokens();
    return positions == null || more == 0
        ? positions
        : Arrays.stream(positions).map(at -> at + (at / batch.tokens() + 1) * more).toArray();
  }

  @Override
  public List<Var> logits(Tape tape, List<? extends Model> models, Packed packed) {
    List<Transformer> lanes = Pass.parts(models, Transformer.class::cast);
    Var states =
        prefix.hidden(
            tape,
            Pass.parts(lanes, Transformer::backbone),
            Pass.parts(lanes, Transformer::prefix),
            packed);
    Var[] rows = tape.split(states, packed.chosen());
    List<Var> outputs = new ArrayList<>();
    for (int lane = 0; lane < rows.length; lane++) {
      tape.lane(lane);
      Head of = lanes.get(lane).head;
      Var read = packed.asksForAll() ? of.pooled(tape, rows[lane], packed, lane) : rows[lane];
      outputs.add(of.outputs(tape, read));
    }
    tape.lane(0);
    return outputs;
  }

  @Override
  public String task() {
    return head.task();
  }

  @Override
  public void trace(Trace trace) {
    backbone.trace(trace);
  }

  @Override
  public List<Parameter> parameters() {
    return builder.parameters();
  }

  @Override
  public List<Linear> projections() {
    return builder.projections();
  }

  @Override
  public List<Norm> norms() {
    return backbone.norms();
  }

  @Override
  public List<Sublayer> sublayers() {
    return backbone.sublayers();
  }

  @Override
  public Embeddings embeddings() {
    return backbone.embeddings();
  }

  @Override
  public Placement placement(String name) {
    return config.architecture().placement(name);
  }

  @Override
  public int layers() {
    return config.sizes().layers();
  }

  @Override
  public void close() {
    prefix.close();
    backbone.close();
    for (Addition addition : additions()) {
      addition.parameters().forEach(parameter -> parameter.free(builder.backend()));
    }
    builder.close();
  }
}
