package org.peftsweep.model;

import java.util.List;
import org.peftsweep.checkpoint.Placement;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/** A model that offers the projections of some layers alone; all else is the model's. */
record ChosenLayers(Model model, List<Linear> projections, List<Sublayer> sublayers)
    implements Model {
  static Model of(Model model, Layers layers) {
    return new ChosenLayers(
        model,
        model.projections().stream().filter(linear -> layers.contains(linear.layer())).toList(),
        model.sublayers().stream().filter(part -> layers.contains(part.layer())).toList());
  }

  @Override
  public List<Parameter> parameters() {
    return model.parameters();
  }

  @Override
  public List<Norm> norms() {
    return model.norms();
  }

  @Override
  public Embeddings embeddings() {
    return model.embeddings();
  }

  @Override
  public Placement placement(String name) {
    return model.placement(name);
  }

  @Override
  public int layers() {
    return model.layers();
  }

  @Override
  public Var next(Tape tape, Batch batch, int[] positions, KeyValues kept) {
    return model.next(tape, batch, positions, kept);
  }

  @Override
  public Packed pack(List<? extends Model> lanes, List<Batch> batches, List<int[]> positions) {
    return model.pack(whole(lanes), batches, positions);
  }

  @Override
  public List<Var> logits(Tape tape, List<? extends Model> lanes, Packed packed) {
    return model.logits(tape, whole(lanes), packed);
  }

  private static List<Model> whole(List<? extends Model> lanes) {
    return Pass.parts(lanes, lane -> lane instanceof ChosenLayers chosen ? chosen.model : lane);
  }

  @Override
  public Var logits(Tape tape, Batch batch, int[] positions) {
    return model.logits(tape, batch, positions);
  }

  @Override
  public Var states(Tape tape, Batch batch) {
    return model.states(tape, batch);
  }

  @Override
  public Var outputs(Tape tape, Var states) {
    return model.outputs(tape, states);
  }

  @Override
  public String task() {
    return model.task();
  }

  @Override
  public void trace(Trace trace) {
    model.trace(trace);
  }

  @Override
  public void close() {
    model.close();
  }
}
