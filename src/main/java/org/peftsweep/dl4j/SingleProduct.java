package org.peftsweep.dl4j;

import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.peftsweep.checkpoint.Placement;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Addition;
import org.peftsweep.model.Embeddings;
import org.peftsweep.model.KeyValues;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Norm;
import org.peftsweep.model.Packed;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Sublayer;
import org.peftsweep.model.Trace;

/** A model that is one projection, for methods that ask for no more. */
record SingleProduct(Linear linear) implements Model {
  @Override
  public List<Parameter> parameters() {
    return Stream.of(linear.weight(), linear.bias()).filter(Objects::nonNull).toList();
  }

  @Override
  public List<Linear> projections() {
    return List.of(linear);
  }

  @Override
  public List<Addition> additions() {
    return Stream.of((Addition) linear.adapter()).filter(Objects::nonNull).toList();
  }

  @Override
  public List<Norm> norms() {
    return List.of();
  }

  @Override
  public List<Sublayer> sublayers() {
    return List.of();
  }

  @Override
  public Placement placement(String name) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int layers() {
    return 1;
  }

  @Override
  public Embeddings embeddings() {
    throw new UnsupportedOperationException();
  }

  @Override
  public Var logits(Tape tape, Batch batch, int[] positions) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Var states(Tape tape, Batch batch) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Var outputs(Tape tape, Var states) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Packed pack(List<? extends Model> lanes, List<Batch> batches, List<int[]> positions) {
    throw new UnsupportedOperationException();
  }

  @Override
  public List<Var> logits(Tape tape, List<? extends Model> lanes, Packed packed) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Var next(Tape tape, Batch batch, int[] positions, KeyValues kept) {
    throw new UnsupportedOperationException();
  }

  @Override
  public String task() {
    throw new UnsupportedOperationException();
  }

  @Override
  public void trace(Trace trace) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {
    // The backend frees what it gave.
  }
}
