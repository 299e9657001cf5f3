package org.peftsweep.method;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.DeltaAdapter;
import org.peftsweep.method.adapter.Matrices;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Places;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Circular convolution: ΔW is cut into square blocks, each a circulant matrix of one learnt kernel
 * over the columns of W: {@code ΔW[i, j] = kernel[i/b, j/b][(j − i) mod b]/in}.
 *
 * <p>Chen et al., arXiv:2407.19342, §3. As PEFT scales it. Differs from both: the kernels start at
 * zero, so that step 0 equals the base model, which PEFT offers as {@code init_weights: true}; ΔW
 * is written out where they use Fourier transforms.
 *
 * @param blockSize b, which must divide the sides of each target
 * @param derivative whether gradients of inputs are the derivative; PEFT 0.21 takes the kernel the
 *     other way round there
 */
@Id("c3a")
public record C3A(int blockSize, boolean derivative) implements Method {
  public C3A {
    Settings.between("block-size", blockSize, 1, Settings.MOST);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    Map<List<Integer>, Places> shared = new HashMap<>();
    for (Linear linear : to.projections()) {
      Parameter kernel =
          to.learning(
              linear, "c3a_kernel", linear.out() / blockSize, linear.in() / blockSize, blockSize);
      List<Parameter> all = new ArrayList<>(List.of(kernel));
      Places places =
          shared.computeIfAbsent(
              List.of(linear.out(), linear.in()),
              key -> {
                Places own = Places.of(to.backend(), linear, "c3a_places", places(linear, 1));
                all.add(own.parameter());
                return own;
              });
      if (derivative) {
        linear.attach(
            new DeltaAdapter(
                all, List.of(kernel), (tape, base) -> block(tape, kernel, places, base)));
      } else {
        Places back = Places.of(to.backend(), linear, "c3a_back", places(linear, -1));
        all.add(back.parameter());
        linear.attach(
            new DeltaAdapter(
                all,
                List.of(kernel),
                (tape, base) -> block(tape, kernel, places, base),
                (tape, base) -> block(tape, kernel, back, base)));
      }
    }
    return MethodHooks.PASSIVE;
  }

  private static Var block(Tape tape, Parameter kernel, Places places, Linear base) {
    Var whole = Matrices.gather(tape, kernel.var(), places.numbers(), base.out(), base.in());
    Var delta = tape.scale(whole, 1f / base.in());
    tape.done(whole);
    return delta;
  }

  private int[] places(Linear linear, int sign) {
    int in = linear.in();
    int[] places = new int[linear.out() * in];
    for (int i = 0; i < places.length; i++) {
      int row = i / in;
      int column = i % in;
      int kernel = row / blockSize * (in / blockSize) + column / blockSize;
      places[i] = kernel * blockSize + Math.floorMod(column - sign * row, blockSize);
    }
    return places;
  }

  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    Method.super.requireFit(outline, targets);
    Blocks.require(outline, targets, "block-size", blockSize, true);
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(
        PeftForm.of("C3A").deciding("block_size", blockSize).other("init_weights", true));
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) out * in / blockSize;
  }
}
