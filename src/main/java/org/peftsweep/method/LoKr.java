package org.peftsweep.method;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.DeltaAdapter;
import org.peftsweep.method.adapter.Kronecker;
import org.peftsweep.method.adapter.Matrices;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Places;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.Id;

/**
 * Kronecker product: {@code ΔW = (alpha/rank)·C ⊗ D} with a small C and a D that is the product of
 * two factors of the rank, or whole where that would not be smaller.
 *
 * <p>Yeh et al., arXiv:2309.14859 (LyCORIS), §3; Edalati et al., arXiv:2212.10650 (KronA). As in
 * PEFT each side is cut into two divisors, as near to one another as can be or the first of a given
 * size; C is zero, so that step 0 equals the base model, D uniform in ±1/√columns.
 *
 * @param rank of D, at least 1
 * @param alpha numerator of the scale
 * @param factor rows and columns of C where they divide a side; 0 for the nearest divisors
 */
@Id("lokr")
public record LoKr(int rank, double alpha, int factor) implements Method {
  public LoKr {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
    Settings.between("factor", factor, 0, Settings.MOST);
  }

  /** How a matrix is cut: C {@code [c, d]}, D {@code [out/c, in/d]}. */
  private record Cut(int c, int d, int rows, int columns) {
    int[] order() {
      return Kronecker.order(c, d, rows, columns);
    }

    boolean isWhole(int rank) {
      return rank >= Math.max(rows, columns) / 2.0;
    }
  }

  private Cut cut(int out, int in) {
    int c = divisor(out);
    int d = divisor(in);
    return new Cut(c, d, out / c, in / d);
  }

  /** Returns the smaller of two divisors of a side. */
  private int divisor(int side) {
    if (factor > 0 && side % factor == 0) {
      return factor;
    }
    int most = factor == 0 ? side : factor;
    int small = 1;
    for (int next = 2; next <= most && next <= side / next; next++) {
      small = side % next == 0 ? next : small;
    }
    return small;
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    Map<List<Integer>, Places> places = new HashMap<>();
    for (Linear linear : to.projections()) {
      int rank = to.rank(linear, this.rank);
      float scale = (float) (to.alpha(linear, alpha) / rank);
      Cut cut = cut(linear.out(), linear.in());
      List<Parameter> kept = new ArrayList<>();
      Parameter c = to.learning(linear, "lokr_w1", cut.c, cut.d);
      kept.add(c);
      boolean isWhole = cut.isWhole(rank);
      if (isWhole) {
        Parameter d = to.learning(linear, "lokr_w2", cut.rows, cut.columns);
        kept.add(to.uniform(d, 1 / Math.sqrt(cut.columns)));
      } else {
        Parameter a = to.learning(linear, "lokr_w2_a", cut.rows, rank);
        Parameter b = to.learning(linear, "lokr_w2_b", rank, cut.columns);
        kept.add(to.uniform(a, 1 / Math.sqrt(rank)));
        kept.add(to.uniform(b, 1 / Math.sqrt(cut.columns)));
      }
      List<Parameter> all = new ArrayList<>(kept);
      Places order =
          places.computeIfAbsent(
              List.of(linear.out(), linear.in()),
              key -> {
                Places own = Places.of(to.backend(), linear, "lokr_places", cut.order());
                all.add(own.parameter());
                return own;
              });
      linear.attach(
          new DeltaAdapter(
              all, kept, (tape, base) -> delta(tape, base, kept, cut, scale, order.numbers())));
    }
    return MethodHooks.PASSIVE;
  }

  private static Var delta(
      Tape tape, Linear base, List<Parameter> parts, Cut cut, float scale, Tensor order) {
    Var whole =
        parts.size() == 2
            ? parts.get(1).var()
            : Matrices.product(tape, parts.get(1).var(), parts.get(2).var());
    Var c = tape.reshape(parts.get(0).var(), cut.c * cut.d, 1);
    Var d = tape.reshape(whole, 1, cut.rows * cut.columns);
    Var products = Matrices.product(tape, c, false, d, false, scale);
    tape.done(c);
    tape.done(d);
    tape.done(whole);
    Var delta = Matrices.gather(tape, products, order, base.out(), base.in());
    tape.done(products);
    return delta;
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(
        PeftForm.of("LOKR")
            .deciding("r", rank)
            .deciding("alpha", PeftForm.number(alpha))
            .deciding("decompose_factor", factor == 0 ? -1 : factor)
            .other("init_weights", true));
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    Cut cut = cut(out, in);
    long ofD =
        cut.isWhole(rank) ? (long) cut.rows * cut.columns : (long) rank * (cut.rows + cut.columns);
    return (long) cut.c * cut.d + ofD;
  }
}
