package org.peftsweep.method;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToLongFunction;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.Draws;
import org.peftsweep.method.adapter.LowRank;
import org.peftsweep.method.adapter.LowRankAdapter;
import org.peftsweep.method.adapter.LowRankStart;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.SparseWeights;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Id;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.SparseAdam;

/**
 * Arbitrary parameters: what learns is drawn once from the trial's seed, entries at random places
 * of each chosen matrix or whole matrices up to a budget.
 *
 * <p>Su et al., arXiv:2306.02320, §3.2. The paper speaks of parameters at arbitrary positions; its
 * code draws whole tensors of the backbone with one half of the budget and whole modules, such as
 * LoRA's pairs, with the other.
 *
 * <p>Differs from the code: of a target the weight alone can be drawn, and a pair has the scale 1
 * and no dropout.
 *
 * @param rate part of the targets' entries that learn, above 0 and at most 1: of each matrix, or of
 *     all together
 * @param granularity what is drawn
 * @param pairsRank inner dimension of LoRA's pairs that are drawn beside whole matrices, each with
 *     half of the budget; 0 for no pairs
 */
@Id("apet")
public record APET(double rate, Granularity granularity, int pairsRank) implements Method {
  /** What is drawn. */
  public enum Granularity {
    /** {@code min(⌊rate·size⌋ + 1, size)} entries of each target. */
    ELEMENT,
    /**
     * Whole tensors: in a drawn order each that fits what is left of {@code ⌊rate·size⌋}, with the
     * size of all targets together.
     */
    TENSOR
  }

  private static final MathContext ENOUGH = new MathContext(3, RoundingMode.UP);

  /** What learns of a model: weights of projections, and pairs beside projections. */
  private record Drawn(List<Linear> weights, List<Linear> pairs) {}

  public APET {
    SparseAdam.requireRate(rate);
    Settings.between("pairs-rank", pairsRank, 0, Settings.MOST_RANK);
    if (pairsRank > 0 && granularity == Granularity.ELEMENT) {
      throw new IllegalArgumentException(
          "Cannot use pairs-rank = " + pairsRank + ": give 0 with granularity = element");
    }
  }

  @Override
  public boolean sharesBase() {
    return false;
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    if (granularity == Granularity.ELEMENT) {
      Map<Parameter, int[]> chosen = SparseWeights.random(to, rate);
      return new SparseWeights(
          chosen,
          (parameter, adam) -> new SparseAdam(parameter, (AdamW) adam, chosen.get(parameter)));
    }
    Drawn drawn = drawn(to.projections(), to.seeds());
    drawn.weights().forEach(linear -> SparseWeights.train(to, linear));
    for (Linear linear : drawn.pairs()) {
      linear.attach(new LowRankAdapter(LowRank.fresh(to, linear, pairsRank, 1, 0)));
    }
    return MethodHooks.PASSIVE;
  }

  private Drawn drawn(List<Linear> targets, Seeds seeds) {
    long budget = budget(targets);
    return new Drawn(
        drawn(targets, APET::size, budget, seeds, "whole weights"),
        pairsRank == 0 ? List.of() : drawn(targets, this::pairSize, budget, seeds, "whole pairs"));
  }

  private static List<Linear> drawn(
      List<Linear> from, ToLongFunction<Linear> size, long budget, Seeds seeds, String purpose) {
    List<Linear> drawn = new ArrayList<>();
    long left = budget;
    for (int place : Draws.order(seeds.random(purpose), from.size())) {
      Linear next = from.get(place);
      if (size.applyAsLong(next) <= left) {
        drawn.add(next);
        left -= size.applyAsLong(next);
      }
    }
    return drawn;
  }

  /** Returns how many scalars may learn in weights, and how many in pairs. */
  private long budget(List<Linear> targets) {
    // In decimals: 0.29 of 100 are 29.
    BigDecimal whole = BigDecimal.valueOf(rate).multiply(BigDecimal.valueOf(size(targets)));
    return whole.longValue() / (pairsRank == 0 ? 1 : 2);
  }

  private static long size(List<Linear> targets) {
    return targets.stream().mapToLong(APET::size).sum();
  }

  private static long size(Linear linear) {
    return (long) linear.out() * linear.in();
  }

  private long pairSize(Linear linear) {
    return (long) pairsRank * (linear.out() + linear.in());
  }

  private static List<Linear> targets(Model outline, Set<Role> roles) {
    return outline.projections().stream().filter(linear -> roles.contains(linear.role())).toList();
  }

  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    Method.super.requireFit(outline, targets);
    LowRankStart.requireRank(outline, targets, "pairs-rank", pairsRank);
    if (granularity == Granularity.TENSOR) {
      requireOne(targets(outline, targets));
    }
  }

  /** Refuses a budget that none of what could be drawn fits. */
  private void requireOne(List<Linear> targets) {
    long least = targets.stream().mapToLong(this::least).min().orElseThrow();
    if (least > budget(targets)) {
      long wanted = pairsRank == 0 ? least : 2 * least;
      BigDecimal enough =
          BigDecimal.valueOf(wanted).divide(BigDecimal.valueOf(size(targets)), ENOUGH);
      throw new IllegalArgumentException(
          ("Cannot use rate = %s with granularity = tensor: whole tensors of %d entries may learn,"
                  + " and the smallest has %d, %s")
              .formatted(
                  rate,
                  budget(targets),
                  least,
                  enough.compareTo(BigDecimal.ONE) > 0
                      ? "lower pairs-rank"
                      : "give at least " + enough.toPlainString()));
    }
  }

  private long least(Linear linear) {
    return pairsRank == 0 ? size(linear) : Math.min(size(linear), pairSize(linear));
  }

  /** Single entries have an Adam of their own. */
  @Override
  public boolean takes(Optimizer optimizer) {
    return granularity == Granularity.TENSOR || optimizer instanceof AdamW;
  }

  /** Counts the entries of a target that learn; of whole tensors, those of one that is drawn. */
  @Override
  public long trainable(int out, int in, boolean hasBias) {
    long size = (long) out * in;
    return granularity == Granularity.ELEMENT ? SparseAdam.kept(size, rate) : size;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    return trainable(outline, targets, new Seeds(0));
  }

  @Override
  public long trainable(Model outline, Set<Role> targets, Seeds seeds) {
    if (granularity == Granularity.ELEMENT) {
      return Method.super.trainable(outline, targets);
    }
    Drawn drawn = drawn(targets(outline, targets), seeds);
    return drawn.weights().stream().mapToLong(APET::size).sum()
        + drawn.pairs().stream().mapToLong(this::pairSize).sum();
  }
}
