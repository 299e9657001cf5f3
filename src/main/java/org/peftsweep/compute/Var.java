package org.peftsweep.compute;

/**
 * A tensor on the tape: its value, whether anything learns through it, and its gradient once the
 * tape has run back.
 */
public final class Var {
  /**
   * A value that was cut into the rows of lanes, and where the gradients of the parts come
   * together.
   *
   * <p>Parts that produce their gradients write them into one tensor, the whole's, so that nothing
   * is copied when they are handed over.
   */
  static final class Cut {
    private final Var whole;
    private final Lanes lanes;
    private final Var[] parts;
    private Tensor target;
    private boolean adding;

    Cut(Var whole, Lanes lanes, boolean learns) {
      this.whole = whole;
      this.lanes = lanes;
      this.parts = new Var[lanes.count()];
      for (int i = 0; i < parts.length; i++) {
        Tensor rows = whole.value().part(lanes.from(i), lanes.rows(i));
        parts[i] = Var.partOf(this, rows, learns);
      }
    }

    Var whole() {
      return whole;
    }

    Lanes lanes() {
      return lanes;
    }

    Var[] parts() {
      return parts.clone();
    }

    /** Returns what parts write their gradients into, null where none did. */
    Tensor target() {
      return target;
    }

    /** Whether that is a gradient which the whole had before. */
    boolean isAdding() {
      return adding;
    }

    /** Lets parts add to the whole's gradient. */
    void addTo(Tensor gradient) {
      target = gradient;
      adding = true;
    }

    /** Returns a part's rows of a tensor of the whole's shape. */
    Tensor partOf(Tensor gradient, Var part) {
      int lane = 0;
      while (parts[lane] != part) {
        lane++;
      }
      return gradient.part(lanes.from(lane), lanes.rows(lane));
    }

    /** Returns memory of any content for the gradient of the whole. */
    Tensor buffer(Arena arena) {
      if (target == null) {
        target = arena.take(whole.value().shape());
      }
      return target;
    }

    /** Whether a part may write to a gradient that it holds. */
    boolean owns(Tensor gradient) {
      return isWrittenTo(target, gradient) && gradient.isHeldOnce();
    }

    /** Whether a part's gradient is rows of a tensor of the whole. */
    static boolean isWrittenTo(Tensor whole, Tensor gradient) {
      return whole != null && gradient.isPartOf(whole);
    }

    boolean hasGradients() {
      for (Var part : parts) {
        if (part.hasGradient()) {
          return true;
        }
      }
      return false;
    }

    /** Returns the gradient of each part, null for none. */
    Tensor[] gradients() {
      Tensor[] gradients = new Tensor[parts.length];
      for (int i = 0; i < parts.length; i++) {
        gradients[i] = parts[i].hasGradient() ? parts[i].gradient() : null;
      }
      return gradients;
    }

    /** Lets go of all that it holds. */
    void release() {
      for (Var part : parts) {
        if (part.hasGradient()) {
          part.gradient().release();
          part.clearGradient();
        }
      }
      if (target != null && !adding) {
        target.release();
      }
      target = null;
    }
  }

  private final Tensor value;
  private final Weight weight;
  private final boolean leaf;
  private boolean learns;
  private Tensor gradient;
  private boolean gradientStale = true;
  private Cut cut;

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

  /** Some rows of a value that was cut. */
  static Var partOf(Cut cut, Tensor rows, boolean learns) {
    Var part = intermediate(rows, learns);
    part.cut = cut;
    return part;
  }

  /** Returns the cut that it is a part of, null for none. */
  Cut cut() {
    return cut;
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
