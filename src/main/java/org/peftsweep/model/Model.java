package org.peftsweep.model;

import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.peftsweep.checkpoint.Placement;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/** A transformer with a head: for classification, regression or masked tokens. */
public interface Model extends AutoCloseable {
  /** Returns every parameter of base and head, adapters not counted, in the model's order. */
  List<Parameter> parameters();

  /** Returns the projections of all layers that a method may adapt, from the lowest layer up. */
  List<Linear> projections();

  /** Returns the layer norms of backbone and layers; none where norms have no shift. */
  List<Norm> norms();

  /** Returns attention and feed-forward of all layers that a method may adapt. */
  List<Sublayer> sublayers();

  /** Returns where tokens become vectors. */
  Embeddings embeddings();

  /** Returns all that a method has added, in a fixed order. */
  default List<Addition> additions() {
    return Stream.of(
            projections().stream().map(Linear::adapter),
            norms().stream().map(Norm::adapter),
            sublayers().stream().flatMap(sublayer -> sublayer.additions().stream()),
            Stream.of(embeddings()).map(Embeddings::prompt))
        .flatMap(added -> added)
        .filter(Objects::nonNull)
        .map(Addition.class::cast)
        .toList();
  }

  /** Returns where the reference library has a tensor that the model calls by a name. */
  Placement placement(String name);

  /** Returns the number of layers. */
  int layers();

  /**
   * Returns the head's outputs for a batch at the positions that the head reads: {@code [rows,
   * outputs]} of a classifier.
   */
  default Var logits(Tape tape, Batch batch) {
    List<Model> lanes = List.of(this);
    Packed packed = pack(lanes, List.of(batch), Collections.singletonList(null));
    return logits(tape, lanes, packed).get(0);
  }

  /**
   * Returns the head's outputs at chosen positions {@code [positions.length, outputs]}.
   *
   * @param positions places in {@code [batch·tokens]}; null for all
   */
  Var logits(Tape tape, Batch batch, int[] positions);

  /**
   * Returns the head's outputs at one position of each row, {@code [rows, outputs]}, and keeps what
   * later tokens of the rows need: of the first batch all of it is computed, of those that follow
   * only the positions.
   *
   * @param batch the rows so far, the first as long as they are, all others with the room for what
   *     they may get
   * @param positions the last token of each row, as places in {@code [batch·tokens]}
   * @param kept empty with the first batch
   * @throws UnsupportedOperationException if it is no language model
   */
  Var next(Tape tape, Batch batch, int[] positions, KeyValues kept);

  /** Returns what the head reads of a batch, {@code [rows, width]} of a classifier. */
  Var states(Tape tape, Batch batch);

  /** Returns the head's outputs for what it reads, {@code [n, width]} to {@code [n, outputs]}. */
  Var outputs(Tape tape, Var states);

  /**
   * Puts the batches of several models together for one pass.
   *
   * @param lanes models that were built from this one's configuration, this one the first
   * @param positions places in each {@code [batch·tokens]}; null for those that the head reads
   */
  Packed pack(List<? extends Model> lanes, List<Batch> batches, List<int[]> positions);

  /**
   * Returns what {@link #logits(Tape, Batch)} does for several models, each with a batch of its
   * own, in one pass: what their frozen weights give is computed once over the rows of all.
   *
   * @param lanes those that the batches were put together for
   */
  List<Var> logits(Tape tape, List<? extends Model> lanes, Packed packed);

  /**
   * Returns how the reference library calls a model with this head: {@code
   * ForSequenceClassification}, {@code ForMaskedLM} or {@code ForCausalLM}, after the
   * architecture's name.
   */
  String task();

  /** Whether it tells next tokens. */
  default boolean isLanguageModel() {
    return task().equals(Head.LANGUAGE_MODEL);
  }

  /** Shows hidden states of all positions in the coming forward passes; null ends it. */
  void trace(Trace trace);

  /**
   * Returns this model as a method sees it that adapts some layers only: the others' projections
   * are not among its projections.
   *
   * @throws IllegalArgumentException if the model has fewer layers
   */
  default Model within(Layers layers) {
    if (layers.highest() >= layers()) {
      throw new IllegalArgumentException(
          "Cannot use layers = %s with a model of %d layers: give layers from 0 to %d"
              .formatted(layers, layers(), layers() - 1));
    }
    return layers.isAll() ? this : ChosenLayers.of(this, layers);
  }

  /** Returns all that learns: base, head and adapters, in a fixed order. */
  default List<Parameter> trainable() {
    return allParameters().stream().filter(Parameter::isTrainable).toList();
  }

  /** Returns every parameter of base, head and adapters. */
  default List<Parameter> allParameters() {
    return Stream.concat(
            parameters().stream(),
            additions().stream().flatMap(addition -> addition.parameters().stream()))
        .toList();
  }

  /** Frees what belongs to this trial; shared weights stay. */
  @Override
  void close();
}
