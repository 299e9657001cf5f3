package org.peftsweep.compute.cuda;

import java.util.ArrayList;
import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Dropped;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Products;
import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.Sizes;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.cuda.SmallProducts.Place;

/**
 * Products of a device whose factors are taken in one number format, rounded or widened before
 * where they are stored in another; those with a factor narrower than {@value #LEAST} columns, as
 * low-rank updates have, in 32 bits, as on processors, those that are small by {@link
 * SmallProducts}. What several products round, or a kernel wrote rounded too, is not rounded anew.
 */
final class DeviceProducts implements Products {
  private static final int LEAST = 32;

  private final Launcher launcher;
  private final Elementwise elementwise;
  private final Rows rows;
  private final Quantised quantised;
  private final SmallProducts smallProducts;
  private final ElementType factors;

  /** Tells where a right factor lies in a number format. */
  private interface Right {
    long in(ElementType type);
  }

  DeviceProducts(
      Launcher launcher,
      Elementwise elementwise,
      Rows rows,
      Quantised quantised,
      SmallProducts smallProducts,
      ElementType factors) {
    this.launcher = launcher;
    this.elementwise = elementwise;
    this.rows = rows;
    this.quantised = quantised;
    this.smallProducts = smallProducts;
    this.factors = factors;
    if (factors == ElementType.BF16) {
      launcher.rounded().want();
    }
  }

  @Override
  public void gemm(
      boolean transposeA,
      boolean transposeB,
      float alpha,
      Tensor a,
      Tensor b,
      float beta,
      Tensor c) {
    int inner = transposeA ? a.rows() : a.columns();
    requireProduct("gemm", transposeA, transposeB, a, b, c);
    multiply(transposeA, transposeB, inner, alpha, a, type -> right(b, type), beta, null, c, null);
  }

  private static void requireProduct(
      String kernel, boolean transposeA, boolean transposeB, Tensor a, Tensor b, Tensor c) {
    int inner = transposeA ? a.rows() : a.columns();
    Sizes.require((transposeB ? b.columns() : b.rows()) == inner, kernel, b, "inner size " + inner);
    Sizes.require((transposeA ? a.columns() : a.rows()) == c.rows(), kernel, c, "op(a)'s rows");
    int columns = transposeB ? b.rows() : b.columns();
    Sizes.require(columns == c.columns(), kernel, c, columns + " columns");
  }

  /** Returns the shorter of the sides that do not depend on how many rows an input has. */
  private static int narrowest(boolean transposeA, int inner, Tensor c) {
    return transposeA ? Math.min(c.rows(), c.columns()) : Math.min(c.columns(), inner);
  }

  /**
   * Runs {@link Backend#gemmOfDropped} as one small product; returns whether it is one.
   *
   * @param p probability that an element is dropped
   */
  boolean multiplyDropped(
      Dropped dropped,
      float p,
      Tensor seed,
      boolean transposeB,
      float alpha,
      Tensor a,
      Tensor b,
      float beta,
      Tensor c) {
    boolean transposeA = dropped == Dropped.RIGHT;
    int inner = transposeA ? a.rows() : a.columns();
    requireProduct("gemmOfDropped", transposeA, transposeB, a, b, c);
    int narrowest = narrowest(transposeA, inner, c);
    if (narrowest >= LEAST || !SmallProducts.isSmall(c.rows(), c.columns(), inner)) {
      return false;
    }
    long address = DeviceMemory.address(launcher.device(), seed, ElementType.I64);
    SmallProducts.Drop drop = new SmallProducts.Drop(dropped, p, address);
    multiply(transposeA, transposeB, inner, alpha, a, type -> right(b, type), beta, null, c, drop);
    return true;
  }

  @Override
  public boolean areSmall(int rowCount, int columns, int inner) {
    return Math.min(columns, inner) < LEAST && SmallProducts.isSmall(rowCount, columns, inner);
  }

  @Override
  public void gemm(boolean transposeW, Tensor a, QuantisedMatrix w, float beta, Tensor c) {
    int inner = a.columns();
    Sizes.require((transposeW ? w.columns() : w.rows()) == inner, "gemm", w, "inner size " + inner);
    Sizes.require(a.rows() == c.rows(), "gemm", c, a.rows() + " rows");
    int columns = transposeW ? w.rows() : w.columns();
    Sizes.require(columns == c.columns(), "gemm", c, columns + " columns");
    multiply(
        false, transposeW, inner, 1, a, type -> quantised.values(w, type), beta, null, c, null);
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor bias, Tensor y) {
    Sizes.require(x.columns() == w.columns(), "linear", w, x.columns() + " columns");
    Sizes.require(x.rows() == y.rows(), "linear", y, x.rows() + " rows");
    Sizes.require(w.rows() == y.columns(), "linear", y, w.rows() + " columns");
    Sizes.count("linear", y.columns(), bias);
    multiply(false, true, x.columns(), 1, x, type -> right(w, type), 0, bias, y, null);
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor[] biases, Lanes lanes, Tensor y) {
    if (areOne(biases)) {
      linear(x, w, biases[0], y);
    } else {
      linear(x, w, null, y);
      addBiases(biases, lanes, y);
    }
  }

  /** Whether all lanes have the same bias. */
  private static boolean areOne(Tensor... biases) {
    for (Tensor each : biases) {
      if (each == null
          || each.memory() != biases[0].memory()
          || each.offset() != biases[0].offset()) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void linear(Tensor x, QuantisedMatrix w, Tensor[] biases, Lanes lanes, Tensor y) {
    Tensor bias = areOne(biases) ? biases[0] : null;
    Sizes.require(x.columns() == w.columns(), "linear", w, x.columns() + " columns");
    Sizes.require(x.rows() == y.rows(), "linear", y, x.rows() + " rows");
    Sizes.require(w.rows() == y.columns(), "linear", y, w.rows() + " columns");
    multiply(false, true, x.columns(), 1, x, type -> quantised.values(w, type), 0, bias, y, null);
    if (bias == null) {
      addBiases(biases, lanes, y);
    }
  }

  private void addBiases(Tensor[] biases, Lanes lanes, Tensor y) {
    for (int i = 0; i < biases.length; i++) {
      if (biases[i] != null) {
        Tensor own = y.slice(lanes.from(i), lanes.rows(i));
        rows.addRow(own, biases[i], own);
      }
    }
  }

  /** See {@link MatrixPlans}. */
  @Override
  public boolean sumsRowsAlike(int rowCount, int columns, int inner) {
    return true;
  }

  @Override
  public boolean addsBiasInPassing() {
    return true;
  }

  @Override
  public boolean takesHalves(int columns, int inner) {
    return factors == ElementType.BF16 && Math.min(columns, inner) >= LEAST;
  }

  private void multiply(
      boolean transposeA,
      boolean transposeB,
      int inner,
      float alpha,
      Tensor a,
      Right b,
      float beta,
      Tensor bias,
      Tensor c,
      SmallProducts.Drop drop) {
    long target = DeviceMemory.address(launcher.device(), c, ElementType.F32);
    long added = DeviceMemory.address(launcher.device(), bias, ElementType.F32);
    int narrowest = narrowest(transposeA, inner, c);
    ElementType type = narrowest < LEAST ? ElementType.F32 : factors;
    ElementType stored = type == ElementType.BF16 ? ElementType.BF16 : ElementType.F32;
    long left = left(a, stored);
    long right = b.in(stored);
    launcher.rounded().overwritten(target, target + c.size() * Float.BYTES);
    Product product =
        new Product(
            transposeA,
            transposeB,
            c.rows(),
            c.columns(),
            inner,
            alpha,
            beta,
            stored,
            type == ElementType.TF32,
            bias != null);
    if (narrowest < LEAST && SmallProducts.areOf(product)) {
      smallProducts.multiply(product, drop, left, right, target);
    } else {
      Device device = launcher.device();
      List<Place> read = new ArrayList<>();
      read.add(Place.ofBytes(left, stored.bytes((long) product.m() * inner)));
      read.add(Place.ofBytes(right, stored.bytes((long) product.n() * inner)));
      if (bias != null) {
        read.add(Place.of(added, bias.size()));
      }
      smallProducts.launch(
          () -> device.multiply(product, left, right, added, target),
          read,
          Place.of(target, c.size()));
    }
  }

  /** Returns where a left factor lies in the number format of factors. */
  private long left(Tensor a, ElementType type) {
    if (a.type() == ElementType.BF16) {
      return halves(a, type);
    }
    long from = DeviceMemory.address(launcher.device(), a, ElementType.F32);
    if (type == ElementType.F32) {
      return from;
    }
    long to = from + a.size() * Float.BYTES;
    long there = launcher.rounded().find(from, to);
    if (there != 0) {
      return there;
    }
    long room = launcher.rounded().forProduct(from, to);
    elementwise.narrow(a, room);
    return room;
  }

  private long halves(Tensor a, ElementType type) {
    if (type != ElementType.BF16) {
      throw new IllegalArgumentException(
          "Cannot multiply " + a + " by a narrow matrix: copy it to 32-bit floats first");
    }
    return DeviceMemory.address(launcher.device(), a, type);
  }

  /** Returns where a right factor lies in the number format of factors. */
  private long right(Tensor b, ElementType type) {
    if (b.type() == type) {
      return DeviceMemory.address(launcher.device(), b, type);
    }
    long room = launcher.rooms().at(Rooms.Room.RIGHT_FACTOR, type.bytes(b.size()));
    if (type == ElementType.F32) {
      elementwise.widen(b, room);
    } else {
      elementwise.narrow(b, room);
    }
    return room;
  }
}
