package org.peftsweep.model;

import java.util.function.Consumer;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;

/** A projection {@code y = x·Wᵀ + b} of a model, frozen or not, with at most one adapter. */
public final class Linear {
  private final String name;
  private final Parameter weight;
  private final Parameter bias;
  private Adapter adapter;
  private Consumer<Var> watcher;
  private float response = 1;

  /**
   * @param name of the module: the weight's name without {@code .weight}
   * @param weight {@code [out, in]}
   * @param bias {@code [out]}, or null
   */
  public Linear(String name, Parameter weight, Parameter bias) {
    this.name = name;
    this.weight = weight;
    this.bias = bias;
  }

  public String name() {
    return name;
  }

  public Parameter weight() {
    return weight;
  }

  /** Returns the bias, or null. */
  public Parameter bias() {
    return bias;
  }

  public Role role() {
    return weight.role();
  }

  public int layer() {
    return weight.layer();
  }

  public int out() {
    return weight.asWeight().rows();
  }

  public int in() {
    return weight.asWeight().columns();
  }

  /** Returns the adapter, or null. */
  public Adapter adapter() {
    return adapter;
  }

  /** Attaches an adapter; there can be one. */
  public void attach(Adapter adapter) {
    if (this.adapter != null) {
      throw new IllegalStateException("Cannot attach a second adapter to " + name);
    }
    this.adapter = adapter;
  }

  /** Takes the adapter off again, whose tensors are the caller's to free. */
  public void detach() {
    adapter = null;
  }

  /**
   * Shows the inputs {@code [n, in]} of coming forward passes, which must be read at once; null
   * ends it.
   */
  public void watch(Consumer<Var> watcher) {
    this.watcher = watcher;
  }

  /**
   * Sets how much of what training added to the projection is felt: {@code y₀ + response·(y − y₀)},
   * with y₀ the output before training. 1 is all of it; else there is no way back.
   */
  public void respond(float response) {
    this.response = response;
  }

  /** {@code x [n, in]} to {@code [n, out]}. */
  public Var forward(Tape tape, Var x) {
    if (watcher != null) {
      watcher.accept(x);
    }
    return unseen(tape, x);
  }

  /** The same of rows that are no tokens', which nobody is shown. */
  Var unseen(Tape tape, Var x) {
    return response == 1 ? full(tape, x) : suppressed(tape, x);
  }

  private Var suppressed(Tape tape, Var x) {
    if (tape.isTraining()) {
      throw new IllegalStateException("Cannot train through " + name + ": its response is reduced");
    }
    Var y = full(tape, x);
    Var before =
        tape.linear(
            x, Var.frozen(weight.origin()), bias == null ? null : Var.frozen(bias.origin()));
    tape.backend().scale(response, y.value(), y.value());
    Var sum = tape.addScaled(y, 1 - response, before);
    tape.done(before);
    return sum;
  }

  private Var full(Tape tape, Var x) {
    if (adapter == null) {
      return tape.linear(x, weight.var(), bias == null ? null : bias.var());
    }
    return adapted(tape, x, usesProduct() ? product(tape, x) : null);
  }

  /** {@code x·Wᵀ}, without the bias unless it {@link #isInProduct}. */
  Var product(Tape tape, Var x) {
    return tape.linear(x, weight.var(), isInProduct(tape) ? bias.var() : null);
  }

  /** Whether what {@link #adapted} is given has the bias among it. */
  boolean isInProduct(Tape tape) {
    return bias != null
        && adapter != null
        && adapter.addsToProduct()
        && tape.products().addsBiasInPassing();
  }

  /** Whether {@link #adapted} reads the product. */
  boolean usesProduct() {
    return adapter == null || adapter.usesProduct();
  }

  /** Returns the output of an input and its {@link #product}, which it consumes. */
  Var adapted(Tape tape, Var x, Var product) {
    return adapter == null ? addBias(tape, product) : adapter.apply(tape, this, x, product);
  }

  /** Whether nothing adapts it, and nobody looks on or asks for less. */
  boolean isPlain() {
    return adapter == null && watcher == null && response == 1;
  }

  /** Whether it gives what its base does. */
  boolean isOfBase() {
    return isPlain() && weight.isOfBase() && (bias == null || bias.isOfBase());
  }

  /** Whether one product serves both. */
  boolean sharesWeight(Linear other) {
    return watcher == null && response == 1 && weight.isSharedWith(other.weight);
  }

  /** Whether both add the same. */
  boolean sharesBias(Linear other) {
    return bias == null ? other.bias == null : bias.isSharedWith(other.bias);
  }

  /** {@code GELU(forward(x))}, the bias added on the way where nothing adapts the projection. */
  Var forwardGelu(Tape tape, Var x) {
    Var inner = isPlain() ? product(tape, x) : forward(tape, x);
    Var y = gelu(tape, inner);
    tape.done(inner);
    return y;
  }

  /** GELU of a {@link #product} where nothing adapts the projection, else of its output. */
  Var gelu(Tape tape, Var inner) {
    return tape.gelu(inner, isPlain() && bias != null ? bias.var() : null);
  }

  /** Adds the bias, if there is one that the product does not have yet; consumes y. */
  public Var addBias(Tape tape, Var y) {
    return bias == null || isInProduct(tape) ? y : tape.addRow(y, bias.var());
  }
}
