package org.peftsweep.compute.cuda;

import java.util.List;
import org.peftsweep.compute.ActivationKernels;
import org.peftsweep.compute.Dropout;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Sizes;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.cuda.SmallProducts.Place;

/** Launches of {@code elementwise.cu}. */
final class Elementwise {
  private static final String FAMILY = "elementwise";

  private final Launcher launcher;
  private final SmallProducts products;

  /**
   * @param products which may wait while adapters' inputs are copied and dropped
   */
  Elementwise(Launcher launcher, SmallProducts products) {
    this.launcher = launcher;
    this.products = products;
  }

  /** Launches a kernel of 32-bit floats that may wait with small products. */
  private void launch(Runnable held, Tensor x, Tensor y) {
    products.launch(held, List.of(place(x)), place(y));
  }

  private Place place(Tensor x) {
    return Place.of(DeviceMemory.address(launcher.device(), x, ElementType.F32), x.size());
  }

  private Launcher call(String name) {
    return launcher.call(FAMILY, name);
  }

  void fill(Tensor x, float value) {
    if (x.type() == ElementType.F64) {
      call("fill_doubles").value((double) value).doubles(x).value(x.size()).run(fours(x));
    } else {
      call("fill").value(value).floats(x).value(x.size()).run(fours(x));
    }
  }

  void copy(Tensor from, Tensor to) {
    Sizes.count("copy", from.size(), to);
    boolean isHalf = from.type() == ElementType.BF16;
    if (isHalf && to.type() == ElementType.BF16) {
      call("copy_halves").halves(from).halves(to).value(from.size()).run(fours(from));
    } else if (isHalf) {
      call("widen_all").halves(from).floats(to).value(from.size()).run(fours(from));
    } else if (to.type() == ElementType.BF16) {
      call("narrow_all").floats(from).halves(to).value(from.size()).run(fours(from));
    } else {
      scale(1, from, to);
    }
  }

  /** Rounds the floats of a tensor to halves at an address of a room. */
  void narrow(Tensor from, long to) {
    Launcher call = launcher.begin(FAMILY, "narrow_all").floats(from).address(to);
    Place halves = Place.ofBytes(to, ElementType.BF16.bytes(from.size()));
    products.launch(call.value(from.size()).held(fours(from)), List.of(place(from)), halves);
  }

  /** Copies the halves of a tensor to floats at an address of a room. */
  void widen(Tensor from, long to) {
    call("widen_all").halves(from).address(to).value(from.size()).runWriting(fours(from));
  }

  void addScaled(float alpha, Tensor x, Tensor y) {
    Sizes.count("addScaled", x.size(), y);
    Launcher call = launcher.begin(FAMILY, "add_scaled").value(alpha).floats(x).floats(y);
    launch(call.value(x.size()).held(fours(x)), x, y);
  }

  void scale(float alpha, Tensor x, Tensor y) {
    Sizes.count("scale", x.size(), y);
    Launcher call = launcher.begin(FAMILY, "scale").value(alpha).floats(x).floats(y);
    launch(call.value(x.size()).held(fours(x)), x, y);
  }

  /** Multiplies by a float that another kernel leaves. */
  void scaleBy(long factor, Tensor x) {
    call("scale_by").address(factor).floats(x).value(x.size()).run(fours(x));
  }

  void multiply(Tensor a, Tensor b, Tensor y) {
    Sizes.count("multiply", a.size(), b, y);
    call("multiply").floats(a).floats(b).floats(y).value(a.size()).run(fours(a));
  }

  void reciprocal(Tensor x, Tensor y) {
    Sizes.count("reciprocal", x.size(), y);
    call("reciprocal").floats(x).floats(y).value(x.size()).run(fours(x));
  }

  void tanh(Tensor x, Tensor y) {
    Sizes.count("tanh", x.size(), y);
    call("tanh_forward").floats(x).floats(y).value(x.size()).run(fours(x));
  }

  void tanhBackward(Tensor y, Tensor dy, Tensor dx) {
    Sizes.count("tanhBackward", y.size(), dy, dx);
    call("tanh_backward").floats(y).floats(dy).floats(dx).value(y.size()).run(fours(y));
  }

  void gelu(Tensor x, Tensor bias, Tensor y) {
    Sizes.same("gelu", x, y);
    Sizes.count("gelu", x.columns(), bias);
    call("gelu")
        .floats(x)
        .floats(bias)
        .floats(y)
        .value(x.rows())
        .value(x.columns())
        .run(Grid.warps(x.rows()));
  }

  void geluBackward(Tensor x, Tensor bias, Tensor dy, Tensor dx) {
    Sizes.same("geluBackward", x, dy, dx);
    Sizes.count("geluBackward", x.columns(), bias);
    call("gelu_backward")
        .floats(x)
        .floats(bias)
        .floats(dy)
        .floats(dx)
        .value(x.rows())
        .value(x.columns())
        .run(Grid.warps(x.rows()));
  }

  void swiglu(Tensor gate, Tensor up, Tensor y) {
    Sizes.count("swiglu", gate.size(), up, y);
    call("swiglu").floats(gate).floats(up).floats(y).value(gate.size()).run(fours(gate));
  }

  void swigluBackward(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) {
    Sizes.count("swigluBackward", gate.size(), up, dy, dGate, dUp);
    call("swiglu_backward")
        .floats(gate)
        .floats(up)
        .floats(dy)
        .floats(dGate)
        .floats(dUp)
        .value(gate.size())
        .run(fours(gate));
  }

  /** See {@link ActivationKernels#geluToHalves}. */
  void geluToHalves(Tensor x, Tensor bias, Tensor kept, Tensor y) {
    Sizes.same("geluToHalves", x, kept, y);
    Sizes.count("geluToHalves", x.columns(), bias);
    call("gelu_to_halves")
        .floats(x)
        .floats(bias)
        .halves(kept)
        .halves(y)
        .value(x.rows())
        .value(x.columns())
        .run(Grid.warps(x.rows()));
  }

  /** See {@link ActivationKernels#geluBackwardOfHalves}. */
  void geluBackwardOfHalves(Tensor x, Tensor bias, Tensor dy, Tensor dx) {
    Sizes.same("geluBackwardOfHalves", x, dy, dx);
    Sizes.count("geluBackwardOfHalves", x.columns(), bias);
    call("gelu_backward_of_halves")
        .halves(x)
        .floats(bias)
        .floats(dy)
        .halves(dx)
        .value(x.rows())
        .value(x.columns())
        .run(Grid.warps(x.rows()));
  }

  /** See {@link ActivationKernels#swigluToHalves}. */
  void swigluToHalves(Tensor gate, Tensor up, Tensor keptGate, Tensor keptUp, Tensor y) {
    Sizes.count("swigluToHalves", gate.size(), up, keptGate, keptUp, y);
    call("swiglu_to_halves")
        .floats(gate)
        .floats(up)
        .halves(keptGate)
        .halves(keptUp)
        .halves(y)
        .value(gate.size())
        .run(fours(gate));
  }

  /** See {@link ActivationKernels#swigluBackwardOfHalves}. */
  void swigluBackwardOfHalves(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) {
    Sizes.count("swigluBackwardOfHalves", gate.size(), up, dy, dGate, dUp);
    call("swiglu_backward_of_halves")
        .halves(gate)
        .halves(up)
        .floats(dy)
        .halves(dGate)
        .halves(dUp)
        .value(gate.size())
        .run(fours(gate));
  }

  void dropout(Tensor x, float p, Tensor seed, Tensor y) {
    Sizes.count("dropout", x.size(), y);
    Runnable held =
        launcher
            .begin(FAMILY, "dropout")
            .floats(x)
            .seed(seed)
            .value(Dropout.threshold(p))
            .value(1 / (1 - p))
            .floats(y)
            .value(x.size())
            .held(fours(x));
    launch(held, x, y);
  }

  private static Grid fours(Tensor x) {
    return Grid.fours(x.size());
  }
}
