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
  private Tensor origin;
  private Memory originCopy;
  private Memory own;
  private Memory gradient;
  private boolean trainable;
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

  /** Returns the name of its module: all before the last dot. */
  public String module() {
    return name.substring(0, name.lastIndexOf('.'));
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
    return trainable;
  }

  /** Whether it rests for now: it was chosen to learn, but holds no gradient. */
  public boolean isResting() {
    return trainable && gradient == null;
  }

  /** Lets it learn from here on, in memory of its own. */
  public Parameter train(Backend backend) {
    if (isTrainable()) {
      return this;
    }
    Tensor value = var.value();
    if (own == null) {
      origin = value;
      own = backend.allocate(value.size());
      Tensor copy = new Tensor(own, 0, value.shape());
      backend.copy(value, copy);
      value = copy;
    }
    trainable = true;
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

  /** Frees its gradient and does not learn until {@link #wake}. */
  public void rest(Backend backend) {
    if (gradient != null) {
      var.rest();
      backend.free(gradient);
      gradient = null;
    }
  }

  /** Learns again after {@link #rest}. */
  public void wake(Backend backend) {
    if (isResting()) {
      gradient = backend.allocate(size());
      var.learn(new Tensor(gradient, 0, value().shape()));
    }
  }

  /** Keeps the value as it is now for {@link #origin}, unless frozen memory holds it anyway. */
  public void keepOrigin(Backend backend) {
    if (trainable && origin == null) {
      originCopy = backend.allocate(size());
      origin = new Tensor(originCopy, 0, value().shape());
      backend.copy(value(), origin);
    }
  }

  /**
   * Returns the value before training.
   *
   * @throws IllegalStateException if it is trained in the only memory that held it, see {@link
   *     #keepOrigin}
   */
  public Tensor origin() {
    if (trainable && origin == null) {
      throw new IllegalStateException("Cannot tell what " + name + " was: nothing kept it");
    }
    return trainable ? origin : value();
  }

  /** Whether both are the same frozen memory. */
  boolean isSharedWith(Parameter other) {
    Tensor own = value();
    Tensor others = other.value();
    return this == other
        || !trainable
            && !other.trainable
            && own.memory() == others.memory()
            && own.offset() == others.offset();
  }

  /** Returns the number of scalars. */
  public long size() {
    return var.value().size();
  }

  /** Returns the memory that is its own, gradient included, in bytes. */
  public long ownBytes() {
    return Float.BYTES * (floats(own) + floats(gradient) + floats(originCopy));
  }

  private static long floats(Memory memory) {
    return memory == null ? 0 : memory.floats();
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
    if (originCopy != null) {
      backend.free(originCopy);
      originCopy = null;
    }
  }

  @Override
  public String toString() {
    return name + " " + var.value();
  }
}
