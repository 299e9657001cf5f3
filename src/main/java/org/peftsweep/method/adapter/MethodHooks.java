package org.peftsweep.method.adapter;

import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.UpdateRule;

/**
 * What a method does besides its forward pass while a trial trains; it overrides what it needs. A
 * step calls {@link #beforeStep}, {@link #regularisers} once a pass, and {@link #afterStep}, the
 * first of an epoch {@link #beforeEpoch} before; gradients are changed and used by the method's
 * {@link #updates}.
 */
public interface MethodHooks extends AutoCloseable {
  /** Does nothing. */
  MethodHooks PASSIVE = new MethodHooks() {};

  /**
   * One row of a method's scores of layers.
   *
   * @param step completed optimizer steps
   * @param score of the layer, the method's own
   * @param selected steps since the layer's row before in which it learned
   */
  record LayerScore(int step, int layer, double score, int selected) {}

  /** Chooses how parameters are updated; asked once a parameter, before the first step. */
  default UpdateRule updates() {
    return UpdateRule.STANDARD;
  }

  /** Returns how many scalars of a parameter that trains learn. */
  default long learning(Parameter parameter) {
    return parameter.size();
  }

  /**
   * Decides who learns in the epoch to come, or in what is left of it where a trial goes on in its
   * midst: what it decides depends on the epoch's number and on what {@link #restore} took up.
   *
   * @param epoch from 0
   */
  default void beforeEpoch(int epoch) {}

  /**
   * Decides who learns in the step to come.
   *
   * @param step completed optimizer steps
   * @param steps of the whole trial
   */
  default void beforeStep(int step, int steps, Probe probe) {}

  /** Adds losses of the method's own to a forward pass and returns where they will be. */
  default List<Tensor> regularisers(Tape tape) {
    return List.of();
  }

  /** Sees the updated values beside the clipped gradients; step is the one just done, from 0. */
  default void afterStep(int step, int steps) {}

  /** Writes what it remembers besides parameters and optimizer state. */
  default void save(StateWriter to) {}

  /** Takes up what {@link #save} wrote, on a model whose parameters are restored. */
  default void restore(StateReader from) {}

  /** Returns the memory that it holds besides parameters and optimizer state, in bytes. */
  default long stateBytes() {
    return 0;
  }

  /** Returns its scores of layers so far, in order of steps; called once, after the last step. */
  default List<LayerScore> layerScores(int steps) {
    return List.of();
  }

  /** Returns the rank of each adapted matrix by name, where the method shares ranks out. */
  default SortedMap<String, Integer> ranks() {
    return Collections.emptySortedMap();
  }

  @Override
  default void close() {}
}
