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
import org.peftsweep.method.adapter.Cayley;
import org.peftsweep.method.adapter.Matrices;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Places;
import org.peftsweep.method.adapter.RotationAdapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Butterfly orthogonal fine-tuning: {@code y = s ⊙ W(x·R) + b} with {@code R = Rₘ…R₁}, each factor
 * block-diagonal of rotations in an order of its own, and a learnt s that starts as ones.
 *
 * <p>Liu et al., arXiv:2311.06243, §4. The orders are those of PEFT. Blocks start at zero, so that
 * step 0 equals the base model.
 *
 * @param blockSize sides of a block, at least 2, which must divide the columns of each target; even
 *     where there are several factors
 * @param factors number of factors, at least 1; {@code blockSize·2^(factors − 1)} must divide the
 *     columns of each target
 */
@Id("boft")
public record BOFT(int blockSize, int factors) implements Method {
  public BOFT {
    Settings.between("block-size", blockSize, 2, Settings.MOST_RANK);
    Settings.between("factors", factors, 1, 20);
    if (factors > 1 && blockSize % 2 != 0) {
      throw new IllegalArgumentException(
          "Cannot use block-size = " + blockSize + ": give an even number with several factors");
    }
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    Map<Integer, List<Places>> shared = new HashMap<>();
    for (Linear linear : to.projections()) {
      int in = linear.in();
      int blocks = in / blockSize;
      Parameter learnt = to.learning(linear, "boft_R", factors, blocks, blockSize, blockSize);
      Parameter scale = to.learning(linear, "boft_s", linear.out(), 1);
      to.backend().fill(scale.value(), 1);
      List<Parameter> all = new ArrayList<>(List.of(learnt, scale));
      List<Places> places =
          shared.computeIfAbsent(
              in,
              width -> {
                List<Places> own = new ArrayList<>();
                for (int i = 0; i < factors; i++) {
                  int[] order = order(width, blocks >> i);
                  own.add(
                      Places.of(
                          to.backend(),
                          linear,
                          "boft_places_" + i,
                          OFT.diagonal(blocks, blockSize, order)));
                }
                own.forEach(place -> all.add(place.parameter()));
                return own;
              });
      Cayley cayley = new Cayley(learnt, factors * blocks, blockSize, null);
      linear.attach(
          new RotationAdapter(
              all,
              List.of(learnt, scale),
              (tape, x) -> turned(tape, x, cayley.rotations(tape), places),
              scale));
    }
    return MethodHooks.PASSIVE;
  }

  private static Var turned(Tape tape, Var x, Var rotations, List<Places> places) {
    int width = x.value().columns();
    int side = rotations.value().columns();
    Var y = x;
    // The last factor acts first on rows.
    for (int i = places.size() - 1; i >= 0; i--) {
      Var own = slice(tape, rotations, i * width, width, side);
      Var whole = Matrices.scatter(tape, own, places.get(i).numbers(), width, width);
      tape.done(own);
      Var next = Matrices.product(tape, y, whole);
      tape.done(whole);
      if (y != x) {
        tape.done(y);
      }
      y = next;
    }
    tape.done(rotations);
    return y;
  }

  /** Some rows of a value, copied. */
  private static Var slice(Tape tape, Var x, int from, int rows, int columns) {
    var y = tape.arena().take(rows, columns);
    tape.backend().copy(x.value().slice(from, rows), y);
    return tape.operation(
        y,
        dy ->
            tape.give(
                x,
                dx -> {
                  tape.backend().fill(dx, 0);
                  tape.backend().copy(dy, dx.slice(from, rows));
                }),
        List.of(),
        x);
  }

  /**
   * Returns the order of a factor: within each of its parts the halves of blocks at even places
   * come before those at odd ones.
   *
   * @param parts that the width is cut into
   */
  private int[] order(int width, int parts) {
    int[] order = new int[width];
    int part = width / parts;
    int half = Math.max(1, blockSize / 2);
    int halves = part / half;
    for (int i = 0; i < width; i++) {
      int within = i % part;
      int place = within / half;
      int evens = (halves + 1) / 2;
      int from = place < evens ? 2 * place : 2 * (place - evens) + 1;
      order[i] = factors == 1 ? i : i - within + from * half + within % half;
    }
    return order;
  }

  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    Method.super.requireFit(outline, targets);
    Blocks.require(outline, targets, "block-size", blockSize, false);
    if (factors > 1) {
      int all = (int) Math.min(Integer.MAX_VALUE, (long) blockSize << factors - 1);
      Blocks.require(outline, targets, "block-size times 2^(factors - 1)", all, false);
    }
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(
        PeftForm.of("BOFT")
            .deciding("boft_block_size", blockSize)
            .deciding("boft_block_num", 0)
            .deciding("boft_n_butterfly_factor", factors)
            .other("init_weights", true));
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) factors * in * blockSize + out;
  }
}
