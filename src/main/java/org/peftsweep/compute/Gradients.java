package org.peftsweep.compute;

import java.util.function.Consumer;

/** Collects the gradients of values while a tape runs back: the first is stored, others added. */
final class Gradients {
  private final Backend backend;
  private final Arena arena;
  private Products products;

  Gradients(Backend backend, Arena arena) {
    this.backend = backend;
    this.arena = arena;
    this.products = backend;
  }

  /** Says what the products to come are computed by. */
  void multiplyWith(Products other) {
    products = other;
  }

  interface Accumulating {
    void run(Tensor target, float beta);
  }

  /** Lets a kernel with a beta write or add x's gradient. */
  void accumulate(Var x, Accumulating kernel) {
    if (!x.learns()) {
      return;
    }
    if (has(x)) {
      kernel.run(own(x), 1);
    } else {
      kernel.run(fresh(x), 0);
    }
  }

  /** Lets a kernel that overwrites produce x's gradient, and adds it to what is there. */
  void give(Var x, Consumer<Tensor> kernel) {
    if (!x.learns()) {
      return;
    }
    if (has(x)) {
      Tensor more = arena.take(x.value().shape());
      kernel.accept(more);
      backend.addScaled(1, more, own(x));
      more.release();
    } else {
      kernel.accept(fresh(x));
    }
  }

  /** Adds an existing tensor to x's gradient, without copying it where x has none yet. */
  void share(Var x, Tensor dx) {
    if (!x.learns()) {
      return;
    }
    if (has(x)) {
      backend.addScaled(1, dx, own(x));
    } else if (x.isLeaf()) {
      backend.copy(dx, fresh(x));
    } else {
      x.setGradient(dx.retain());
    }
  }

  void shareAndRelease(Var x, Tensor dx) {
    if (dx != null) {
      share(x, dx);
      dx.release();
    }
  }

  /** Returns memory of any content for x's gradient, null if x does not learn. */
  Tensor gradientOrNull(Var x) {
    return x.learns() ? arena.take(x.value().shape()) : null;
  }

  void product(Var x, boolean transposeA, Tensor a, boolean transposeB, Tensor b, float alpha) {
    accumulate(x, (dx, beta) -> products.gemm(transposeA, transposeB, alpha, a, b, beta, dx));
  }

  void sum(Var x, Tensor dy) {
    accumulate(x, (dx, beta) -> backend.sumRows(dy, beta, dx));
  }

  void scatter(Var table, Tensor dy, Tensor ids) {
    if (table.learns()) {
      backend.scatterAdd(dy, ids, zeroed(table));
    }
  }

  /** Returns x's gradient to add to, null if x does not learn. */
  Tensor zeroed(Var x) {
    if (!x.learns()) {
      return null;
    }
    if (!has(x)) {
      backend.fill(fresh(x), 0);
    }
    return own(x);
  }

  Tensor fresh(Var x) {
    if (x.isLeaf()) {
      x.markGradientFresh();
    } else if (x.cut() != null) {
      x.setGradient(x.cut().partOf(x.cut().buffer(arena), x));
    } else {
      x.setGradient(arena.take(x.value().shape()));
    }
    return x.gradient();
  }

  /** Returns x's gradient, made its own if another holder shares it. */
  Tensor own(Var x) {
    Tensor gradient = x.gradient();
    boolean isOwn = x.isLeaf() || gradient.isSolelyHeld();
    if (!isOwn && !(x.cut() != null && x.cut().owns(gradient))) {
      Tensor copy = arena.take(gradient.shape());
      backend.copy(gradient, copy);
      gradient.release();
      x.setGradient(copy);
      return copy;
    }
    return gradient;
  }

  /** Whether x has a gradient; a part of what has one begins with its rows of that. */
  private boolean has(Var x) {
    Var.Cut cut = x.cut();
    if (!x.hasGradient() && cut != null && has(cut.whole())) {
      x.setGradient(cut.partOf(own(cut), x));
    }
    return x.hasGradient();
  }

  private Tensor own(Var.Cut cut) {
    if (!cut.isAdding()) {
      cut.addTo(own(cut.whole()));
    }
    return cut.target();
  }

  /** Hands the gradients of parts to the whole that they were cut from. */
  void gather(Var.Cut cut) {
    Var whole = cut.whole();
    Tensor[] parts = cut.gradients();
    Tensor joined = cut.target() == null && !has(whole) ? Tensor.joined(parts) : null;
    if (joined != null && !whole.isLeaf()) {
      whole.setGradient(joined.retain());
    } else if (cut.hasGradients()) {
      boolean adds = has(whole);
      Tensor target = adds ? own(whole, cut) : whole.isLeaf() ? fresh(whole) : cut.buffer(arena);
      for (int i = 0; i < parts.length; i++) {
        Tensor rows = cut.lanes().of(target, i);
        if (parts[i] == null) {
          if (!adds) {
            backend.fill(rows, 0);
          }
        } else if (!Var.Cut.isWrittenTo(target, parts[i])) {
          if (adds) {
            backend.addScaled(1, parts[i], rows);
          } else {
            backend.copy(parts[i], rows);
          }
        }
      }
      if (!adds && !whole.isLeaf()) {
        whole.setGradient(target.retain());
      }
    }
    cut.release();
  }

  private Tensor own(Var whole, Var.Cut cut) {
    return cut.isAdding() ? cut.target() : own(whole);
  }
}
