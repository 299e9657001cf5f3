package org.peftsweep.model;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;

/**
 * A named tensor of a model or an adapter, frozen until {@link #train} is called.
 *
 * <p>A frozen value may be memory that other trials read too; training works on a copy of its own.
 */
public final class Parameter {
  private final String name;
  private final Role role;
  private final int layer;
  private Var var;
  private Memory own;
  private Memory gradient;
  private double rateFactor = 1;

  /**
   * @param name as in a Hugging Face checkpoint or PEFT adapter, {@code
   *     roberta.encoder.layer.0.attention.self.query.weight}
   * @param layer counted from 0, or −1 outside the layers
   */
  public Parameter(String name, Role role, int layer, Tensor frozen) {
    this.name = name;
    this.role = role;
    this.layer = layer;
    this.var = Var.constant(frozen);
  }

  /** Makes a zeroed parameter with memory of its own. */
  public static Parameter zeros(Backend backend, String name, Role role, int layer, int... shape) {
    long size = 1;
    for (int extent : shape) {
      size *= extent;
    }
    Memory memory = backend.allocate(size);
    return new Parameter(name, role, layer, new Tensor(memory, 0, shape)).owned();
  }

  /** Takes over the memory of its value, which nobody else may use. */
  Parameter owned() {
    own = var.value().memory();
    return this;
  }

  public String name() {
    return name;
  }

  public Role role() {
    return role;
  }

  public int layer() {
    return layer;
  }

  public Var var() {
    return var;
  }

  public Tensor value() {
    return var.value();
  }

  /** Whether a method chose it to learn; it may still rest for some steps. */
  public boolean isTrainable() {
    return gradient != null;
  }

  /** Lets it learn from here on, in memory of its own. */
  public Parameter train(Backend backend) {
    if (isTrainable()) {
      return this;
    }
    Tensor value = var.value();
    if (own == null) {
      own = backend.allocate(value.size());
      Tensor copy = new Tensor(own, 0, value.shape());
      backend.copy(value, copy);
      value = copy;
    }
    gradient = backend.allocate(value.size());
    var = Var.parameter(value, new Tensor(gradient, 0, value.shape()));
    return this;
  }

  /**
   * Returns how many times the rate of its role it learns at; 1 unless its method says otherwise.
   */
  public double rateFactor() {
    return rateFactor;
  }

  /** Lets it learn at so many times the rate of its role. */
  public void scaleRate(double factor) {
    rateFactor *= factor;
  }

  /** Returns the number of scalars. */
  public long size() {
    return var.value().size();
  }

  /** Returns the memory that is its own, gradient included, in bytes. */
  public long ownBytes() {
    long floats = (own == null ? 0 : own.floats()) + (gradient == null ? 0 : gradient.floats());
    return Float.BYTES * floats;
  }

  /** Frees what is its own. */
  void free(Backend backend) {
    if (gradient != null) {
      backend.free(gradient);
      gradient = null;
    }
    if (own != null) {
      backend.free(own);
      own = null;
    }
  }

  @Override
  public String toString() {
    return name + " " + var.value();
  }
}
