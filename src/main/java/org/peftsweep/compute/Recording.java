package org.peftsweep.compute;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Queue;
import java.util.Set;

/** What the operations of a step leave for the way back, and the memory that holds it. */
final class Recording implements AutoCloseable {
  /** The way back of one operation, given the gradient of its output. */
  interface Back {
    void run(Tensor dy);
  }

  private record Node(Var out, Back back, Tensor... saved) {}

  /** Narrow results that are kept: those of two matrices of as many lanes as passes have. */
  private static final int MOST_LINGERING = 64;

  private final Recorder recorder;
  private final Backend target;
  private final Backend backend;

  /** What computes and derives in place of kernels; null for nothing. */
  private final Graph graph;

  /** Parameters that learn and were read in this step. */
  private final Set<Var> learning = Collections.newSetFromMap(new IdentityHashMap<>());

  private final Arena arena;
  private final Gradients gradients;
  private final List<Node> nodes = new ArrayList<>();

  /** Scratch that nobody reads any more, first what is to go first. */
  private final Queue<Tensor> lingering = new ArrayDeque<>();

  private Products products;
  private ElementType factors = ElementType.F32;
  private boolean training;

  Recording(Recorder recorder, Backend target, Graph graph) {
    this.recorder = recorder;
    this.target = target;
    this.graph = graph;
    this.backend = recorder.backend();
    this.arena = new Arena(target);
    this.gradients = new Gradients(backend, arena);
    this.products = backend;
  }

  void multiplyIn(ElementType format) {
    factors = format;
    products = recorder.products(format);
    gradients.multiplyWith(products);
  }

  ElementType factors() {
    return factors;
  }

  Products products() {
    return products;
  }

  Backend backend() {
    return backend;
  }

  /** See {@link Backend#passRows}. */
  int passRows() {
    return target.passRows();
  }

  Arena arena() {
    return arena;
  }

  Gradients gradients() {
    return gradients;
  }

  boolean isTraining() {
    return training;
  }

  boolean isGraph() {
    return graph != null;
  }

  /** Begins a step; values of the one before are gone. */
  void start(boolean trains) {
    nodes.clear();
    lingering.clear();
    arena.reset();
    if (graph != null) {
      graph.begin();
      learning.clear();
    }
    training = trains;
  }

  /** Plays the recorded operations back. */
  void backward() {
    if (graph != null) {
      derive();
      return;
    }
    for (int i = nodes.size() - 1; i >= 0; i--) {
      Node node = nodes.get(i);
      if (node.out == null) {
        node.back.run(null);
      } else if (node.out.hasGradient()) {
        Tensor dy = node.out.gradient();
        node.back.run(dy);
        dy.release();
      }
      for (Tensor saved : node.saved) {
        if (saved != null) {
          saved.release();
        }
      }
    }
    lingering.forEach(Tensor::release);
    lingering.clear();
    nodes.clear();
  }

  private void derive() {
    nodes.clear();
    List<Var> parameters = List.copyOf(learning);
    List<float[]> all = graph.gradients(parameters.stream().map(Var::value).toList());
    for (int i = 0; i < all.size(); i++) {
      float[] own = all.get(i);
      gradients.give(parameters.get(i), to -> target.write(own, 0, to, 0, own.length));
    }
  }

  /** See {@link Tape#learns}. */
  boolean learns(Var... inputs) {
    boolean learns = false;
    if (training) {
      for (Var input : inputs) {
        if (input != null && input.learns()) {
          learns = true;
          if (graph != null && input.isLeaf() && learning.add(input)) {
            graph.learn(input.value());
          }
        }
      }
    }
    return learns;
  }

  /** Returns a result as a value that learns if any input does. */
  Var output(Tensor value, Var... inputs) {
    return output(value, learns(inputs));
  }

  /** The same where inputs were consumed since it was asked whether they learn. */
  Var output(Tensor value, boolean learns) {
    return Var.intermediate(value, learns);
  }

  /** Holds what an operation's way back reads until that has run; nothing where nothing learns. */
  void record(Var out, Back back, Tensor... saved) {
    if (out.learns()) {
      for (Tensor tensor : saved) {
        if (tensor != null) {
          tensor.retain();
        }
      }
      nodes.add(new Node(out, back, saved));
    }
  }

  /** Records what runs back without a gradient: where these begin, or are gathered from parts. */
  void always(Back back, Tensor... owned) {
    nodes.add(new Node(null, back, owned));
  }

  /** Returns a tensor with x's values to write into: x's own memory if nobody else needs it. */
  Tensor consume(Var x) {
    if (!x.isLeaf() && x.value().isSolelyHeld()) {
      return x.value();
    }
    Tensor copy = arena.take(x.value().shape());
    backend.copy(x.value(), copy);
    done(x);
    return copy;
  }

  /** See {@link Tape#done(Var)}. */
  void done(Var x) {
    if (!x.isLeaf()) {
      x.value().release();
    }
  }

  /** Releases scratch once as much came after it as may run together with what wrote it. */
  void releaseLater(Tensor scratch) {
    lingering.add(scratch);
    if (lingering.size() > MOST_LINGERING) {
      lingering.remove().release();
    }
  }

  @Override
  public void close() {
    nodes.clear();
    arena.close();
  }
}
