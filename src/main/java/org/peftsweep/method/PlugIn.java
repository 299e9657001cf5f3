package org.peftsweep.method;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Optimizer;

/**
 * Changes how another method learns: which parameters do at a step, by what loss, or what is kept
 * of them. A sweep file names it beside the method: {@code {method: lora, plug-in: ist}}.
 *
 * <p>Its record has a component {@code over}, the other method; the rest are its settings.
 */
public sealed interface PlugIn extends Method permits DRTune, EMA, IST {
  /** Returns the method that it is plugged into. */
  Method over();

  /** Throws {@link IllegalArgumentException} where a method has no layers to choose from. */
  static void requireLayers(String plugIn, Method over) {
    requireLearning(plugIn, over);
    if (!over.adaptsLayers()) {
      throw refused(plugIn, over, "what it adds or trains does not lie in layers, each its own");
    }
  }

  /** Throws {@link IllegalArgumentException} where nothing learns, or something is plugged in. */
  static void requireLearning(String plugIn, Method over) {
    if (!over.learns() || over instanceof PlugIn) {
      throw refused(plugIn, over, "there is no learning of its own to change");
    }
  }

  private static IllegalArgumentException refused(String plugIn, Method over, String why) {
    return new IllegalArgumentException(
        "Cannot use plug-in = " + plugIn + ": choose none with method " + over.id() + ", " + why);
  }

  @Override
  default long trainable(int out, int in, boolean hasBias) {
    return over().trainable(out, in, hasBias);
  }

  @Override
  default long trainable(Model outline, Set<Role> targets) {
    return over().trainable(outline, targets);
  }

  @Override
  default long trainable(Model outline, Set<Role> targets, Seeds seeds) {
    return over().trainable(outline, targets, seeds);
  }

  @Override
  default void requireFit(Model outline, Set<Role> targets) {
    over().requireFit(outline, targets);
  }

  @Override
  default void requireBatches(Supplier<List<Batch>> batches) {
    over().requireBatches(batches);
  }

  @Override
  default Optional<PeftForm> peft(Model model, int steps) {
    return over().peft(model, steps);
  }

  @Override
  default String id() {
    return over().id() + "+" + MethodId.of(getClass());
  }

  @Override
  default boolean takes(Optimizer optimizer) {
    return over().takes(optimizer);
  }

  @Override
  default boolean sharesBase() {
    return over().sharesBase();
  }

  @Override
  default boolean startsAtBase() {
    return over().startsAtBase();
  }

  @Override
  default int positions() {
    return over().positions();
  }

  @Override
  default boolean learnsValues(Set<Role> targets) {
    return over().learnsValues(targets);
  }

  @Override
  default boolean usesTargets() {
    return over().usesTargets();
  }

  @Override
  default String label() {
    return over().label() + " + " + getClass().getSimpleName();
  }
}
