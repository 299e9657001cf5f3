package org.peftsweep.compute;

/**
 * A tensor on the tape: its value, whether anything learns through it, and its gradient once the
 * tape has run back.
 */
public final class Var {
  private final Tensor value;
  private final Weight weight;
  private final boolean leaf;
  private boolean learns;
  private Tensor gradient;
  private boolean gradientStale = true;

  private Var(Tensor value, Weight weight, boolean leaf, boolean learns) {
    this.value = value;
    this.weight = weight;
    this.leaf = leaf;
    this.learns = learns;
  }

  /** A value that nothing learns through: frozen weights, tables, inputs. */
  public static Var constant(Tensor value) {
    return new Var(value, null, true, false);
  }

  /** A frozen weight, however it is stored. */
  public static Var frozen(Weight weight) {
    return new Var(weight.type() == ElementType.F32 ? weight.tensor() : null, weight, true, false);
  }

  /**
   * A value that the optimizer changes.
   *
   * @param gradient of the value's shape; outlives steps and belongs to the caller
   */
  public static Var parameter(Tensor value, Tensor gradient) {
    Var parameter = new Var(value, null, true, true);
    parameter.gradient = gradient;
    return parameter;
  }

  static Var intermediate(Tensor value, boolean learns) {
    return new Var(value, null, false, learns);
  }

  /**
   * Returns its value.
   *
   * @throws IllegalStateException for a frozen weight that is stored otherwise than as 32-bit
   *     floats: see {@link #weight}
   */
  public Tensor value() {
    return value == null ? weight.tensor() : value;
  }

  /** Returns its value as something to multiply by and to take rows of, however it is stored. */
  public Weight weight() {
    return weight == null ? new DenseWeight(value) : weight;
  }

  /** Returns its value where that is 32-bit floats, else null: what a way back must keep. */
  Tensor kept() {
    return value;
  }

  /** Whether a gradient is computed for it. */
  public boolean learns() {
    return learns;
  }

  /**
   * Switches a parameter's learning on or off for the coming steps (importance sampling of layers).
   */
  public void setLearns(boolean learns) {
    if (!leaf || (learns && gradient == null)) {
      throw new IllegalStateException(
          "Cannot switch learning of " + weight() + ": it is no parameter");
    }
    this.learns = learns;
  }

  /** Stops learning and lets go of the gradient, whose memory its owner may free. */
  public void rest() {
    learns = false;
    gradient = null;
    gradientStale = true;
  }

  /** Learns again, with a gradient of the value's shape that is not written yet. */
  public void learn(Tensor memory) {
    learns = true;
    gradient = memory;
    gradientStale = true;
  }

  /**
   * Whether the last way back reached this parameter; without, its gradient holds nothing of use.
   */
  public boolean hasGradient() {
    return gradient != null && !gradientStale;
  }

  /** Returns the gradient of a parameter, of the value's shape. */
  public Tensor gradient() {
    return gradient;
  }

  /** Forgets a parameter's gradient; the next way back overwrites it. */
  public void clearGradient() {
    gradientStale = true;
  }

  boolean isLeaf() {
    return leaf;
  }

  void setGradient(Tensor gradient) {
    this.gradient = gradient;
    this.gradientStale = false;
  }

  /** Says that the gradient's memory holds this step's gradient, whoever wrote it. */
  public void markGradientFresh() {
    gradientStale = false;
  }
}
