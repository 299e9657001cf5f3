package org.peftsweep.model;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.DenseWeight;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.compute.Weight;

/**
 * A named tensor of a model or an adapter, frozen until {@link #train} is called.
 *
 * <p>A frozen value may be memory that other trials read too, stored in whatever way; training
 * works on a copy of its own, in 32-bit floats.
 */
public final class Parameter {
  private final String name;
  private final Role role;
  private final int layer;
  private Var var;
  private Weight origin;
  private Weight originCopy;
  private Weight own;
  private Memory gradient;
  private boolean trainable;
  private double rateFactor = 1;

  /**
   * @param name as in a Hugging Face checkpoint or PEFT adapter, {@code
   *     roberta.encoder.layer.0.attention.self.query.weight}
   * @param layer counted from 0, or −1 outside the layers
   */
  public Parameter(String name, Role role, int layer, Weight frozen) {
    this.name = name;
    this.role = role;
    this.layer = layer;
    this.var = Var.frozen(frozen);
  }

  /** The same with a value in 32-bit floats. */
  public Parameter(String name, Role role, int layer, Tensor frozen) {
    this(name, role, layer, new DenseWeight(frozen));
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
    own = var.weight();
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

  /**
   * Returns the value of a parameter that learns, or of one whose storage is 32-bit floats.
   *
   * @throws IllegalStateException for any other: see {@link #asWeight}
   */
  public Tensor value() {
    return var.value();
  }

  /** Returns the value by what can be done with it, learning or not, however it is stored. */
  public Weight asWeight() {
    return var.weight();
  }

  public int[] shape() {
    return asWeight().shape();
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
    Weight frozen = var.weight();
    if (own == null || own.type() != ElementType.F32) {
      Weight copy = copy(backend);
      if (own == null) {
        origin = frozen;
      } else {
        own.free(backend);
      }
      own = copy;
    }
    Tensor value = own.tensor();
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
      originCopy = copy(backend);
      origin = originCopy;
    }
  }

  private Weight copy(Backend backend) {
    Tensor copy = new Tensor(backend.allocate(size()), 0, shape());
    asWeight().copy(backend, copy);
    return new DenseWeight(copy);
  }

  /**
   * Returns the value before training.
   *
   * @throws IllegalStateException if it is trained in the only memory that held it, see {@link
   *     #keepOrigin}
   */
  public Weight origin() {
    if (trainable && origin == null) {
      throw new IllegalStateException("Cannot tell what " + name + " was: nothing kept it");
    }
    return trainable ? origin : asWeight();
  }

  /** Whether it is as its base has it, in memory that others read too. */
  boolean isOfBase() {
    return own == null;
  }

  /** Whether both are the same frozen memory. */
  boolean isSharedWith(Parameter other) {
    return this == other || !trainable && !other.trainable && asWeight().isSameAs(other.asWeight());
  }

  /** Returns the number of scalars. */
  public long size() {
    return asWeight().size();
  }

  /** Returns the memory that is its own, gradient included, in bytes. */
  public long ownBytes() {
    long gradientBytes = gradient == null ? 0 : ElementType.F32.bytes(size());
    return bytes(own) + gradientBytes + bytes(originCopy);
  }

  private static long bytes(Weight weight) {
    return weight == null ? 0 : weight.bytes();
  }

  /** Frees what is its own. */
  void free(Backend backend) {
    if (gradient != null) {
      backend.free(gradient);
      gradient = null;
    }
    if (own != null) {
      own.free(backend);
      own = null;
    }
    if (originCopy != null) {
      originCopy.free(backend);
      originCopy = null;
    }
  }

  @Override
  public String toString() {
    return name + " " + asWeight();
  }
}
