package org.peftsweep.method.adapter;

import java.util.List;
import java.util.SortedMap;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.UpdateRule;

/** Lets another method do all; a plug-in overrides what it changes. */
public abstract class DelegatingHooks implements MethodHooks {
  private final MethodHooks inner;

  protected DelegatingHooks(MethodHooks inner) {
    this.inner = inner;
  }

  @Override
  public UpdateRule updates() {
    return inner.updates();
  }

  @Override
  public long learning(Parameter parameter) {
    return inner.learning(parameter);
  }

  @Override
  public void beforeEpoch(int epoch) {
    inner.beforeEpoch(epoch);
  }

  @Override
  public void beforeStep(int step, int steps, Probe probe) {
    inner.beforeStep(step, steps, probe);
  }

  @Override
  public List<Tensor> regularisers(Tape tape) {
    return inner.regularisers(tape);
  }

  @Override
  public void afterStep(int step, int steps) {
    inner.afterStep(step, steps);
  }

  @Override
  public void save(StateWriter to) {
    inner.save(to.under("inner"));
  }

  @Override
  public void restore(StateReader from) {
    inner.restore(from.under("inner"));
  }

  @Override
  public long stateBytes() {
    return inner.stateBytes();
  }

  @Override
  public List<LayerScore> layerScores(int steps) {
    return inner.layerScores(steps);
  }

  @Override
  public SortedMap<String, Integer> ranks() {
    return inner.ranks();
  }

  @Override
  public void close() {
    inner.close();
  }
}
