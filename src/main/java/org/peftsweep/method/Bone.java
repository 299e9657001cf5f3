package org.peftsweep.method;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
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
 * Block affine transformation of weights: each square block of W in block row i changes by {@code
 * W·Bᵢ + Bᵢ} with one {@code Bᵢ [rank, rank]} a block row.
 *
 * <p>Kang, arXiv:2409.15371, §3 of its first version ("Bone", Bat). B starts at zero, so that step
 * 0 equals the base model.
 *
 * @param rank sides of a block, which must divide the sides of each target
 */
@Id("bone")
public record Bone(int rank) implements Method {
  public Bone {
    Settings.rank(rank);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    Map<List<Integer>, Places> shared = new HashMap<>();
    for (Linear linear : to.projections()) {
      Parameter blocks = to.learning(linear, "miss_block", linear.out() / rank, rank, rank);
      List<Parameter> all = new ArrayList<>(List.of(blocks));
      Places rows =
          shared.computeIfAbsent(
              List.of(linear.out(), linear.in()),
              key -> {
                Places own = Places.of(to.backend(), linear, "miss_rows", rows(linear));
                all.add(own.parameter());
                return own;
              });
      linear.attach(
          new DeltaAdapter(
              all,
              List.of(blocks),
              (tape, base) -> delta(tape, base, blocks.var(), rows.numbers())));
    }
    return MethodHooks.PASSIVE;
  }

  /** The row of B under each part of a row of W, {@code [out, in/rank]}. */
  private int[] rows(Linear linear) {
    int parts = linear.in() / rank;
    int[] rows = new int[linear.out() * parts];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = i / parts;
    }
    return rows;
  }

  private Var delta(Tape tape, Linear base, Var blocks, Tensor rows) {
    Backend backend = tape.backend();
    tape.learns(blocks);
    Tensor weight = Matrices.values(tape, base.weight().var(), base.out(), base.in()).value();
    Tensor y = tape.arena().take(base.out(), base.in());
    int parts = Math.toIntExact(rows.size());
    Tensor cut = y.reshape(parts, rank);
    Tensor b = blocks.value().reshape(base.out(), rank);
    Tensor w = weight.reshape(parts, rank);
    int perBlock = parts * rank / base.out();
    backend.gather(b, rows, false, cut);
    for (int i = 0; i < base.out() / rank; i++) {
      Tensor block = b.slice(i * rank, rank);
      Tensor part = w.slice(i * perBlock, perBlock);
      backend.gemm(false, false, 1, part, block, 1, cut.slice(i * perBlock, perBlock));
    }
    Var delta =
        tape.operation(
            y,
            dy ->
                tape.give(
                    blocks,
                    to -> {
                      Tensor db = to.reshape(base.out(), rank);
                      Tensor dCut = dy.reshape(parts, rank);
                      for (int i = 0; i < base.out() / rank; i++) {
                        backend.gemm(
                            true,
                            false,
                            1,
                            w.slice(i * perBlock, perBlock),
                            dCut.slice(i * perBlock, perBlock),
                            0,
                            db.slice(i * rank, rank));
                      }
                      backend.scatterAdd(dCut, rows, db);
                    }),
            List.of(weight),
            blocks);
    tape.done(weight);
    return delta;
  }

  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    Method.super.requireFit(outline, targets);
    Blocks.require(outline, targets, "rank", rank, true);
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(PeftForm.of("MISS").deciding("r", rank).deciding("init_weights", "bat"));
  }

  @Override
  public int leastSide() {
    return rank;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * out;
  }
}
