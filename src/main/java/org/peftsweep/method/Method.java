package org.peftsweep.method;

/**
 * A fine-tuning method: what learns besides the head, and how the output of a projection changes.
 *
 * <p>Each method is a record; its components are its settings, by the same names in sweep files
 * (camelCase there becomes kebab-case). The permits clause is the registry.
 */
public sealed interface Method
    permits AdaLoRA, DoRA, Full, GaLore, HeadOnly, LoRA, PlugIn, SIFT, Untrained {
  /**
   * Sets the model up for training; called once on a fresh model whose head already learns.
   *
   * @return what the method does besides its forward pass; {@link Attached#PASSIVE} for nothing
   */
  Attached attach(Attachment to);

  /**
   * Returns how many scalars learn for one target {@code W [out, in]}, its bias counted where it
   * learns.
   */
  long trainable(int out, int in, boolean hasBias);

  /** Whether the method works on chosen matrices; without, a sweep file must not name targets. */
  default boolean usesTargets() {
    return true;
  }

  /** Whether it adds or trains something in each layer, which a plug-in can choose from. */
  default boolean adaptsLayers() {
    return usesTargets();
  }

  /** Whether anything learns, if only the head; without, a trial takes no steps. */
  default boolean learns() {
    return true;
  }

  /** The name in tables, as the papers write it. */
  default String label() {
    return getClass().getSimpleName();
  }

  /** Raised whenever the same settings would give other numbers; part of a trial's identity. */
  default int semanticsVersion() {
    return 1;
  }
}
