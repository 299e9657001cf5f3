package org.peftsweep.method;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.function.Supplier;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.ContributionSearch;
import org.peftsweep.method.adapter.LowRank;
import org.peftsweep.method.adapter.LowRankAdapter;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.SharedRanks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.optim.Id;

/**
 * Contribution-based LoRA: ranks are given to the targets in proportion to what each contributes to
 * learning the task, judged by a short training of the whole of it: {@code y = Wx +
 * (alpha/rank)·B·A·x + b}. {@link ContributionSearch} has the scores. Otherwise LoRA; step 0 equals
 * the base model.
 *
 * <p>Park et al., arXiv:2408.01099 (ECCV 2024), of image restoration. Unverified: the authors give
 * no code, and the paper no rule from contributions to ranks; this one is this project's, with a
 * sum of ranks of rank times the number of targets and the same scale for all. Contributions are
 * found from the trial's own head, so that they differ from seed to seed.
 *
 * @param rank mean inner dimension of the targets, at least 1
 * @param alpha numerator of the scale
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 * @param spread most rank of a target over rank, at least 1; 1 gives all the same rank
 * @param probeRate of the gradient descent that contributions are found by
 * @param batches that it takes a step on, at least 1
 */
@Id("colora")
public record CoLoRA(
    int rank, double alpha, double dropout, double spread, double probeRate, int batches)
    implements Method {
  private record Key(
      List<String> targets, int rank, double spread, double probeRate, int batches, Seeds seeds) {}

  public CoLoRA {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
    Settings.fraction("dropout", dropout);
    Settings.between("spread", spread, 1.0, 1000.0);
    Settings.positive("probe-rate", probeRate);
    Settings.between("batches", batches, 1, Settings.MOST);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    SharedRanks ranks = to.layout().isNone() ? searched(to) : SharedRanks.even(to, rank);
    for (Linear linear : to.projections()) {
      int own = ranks.ranks().get(linear.name());
      double scale = to.layout().isNone() ? alpha / rank : to.alpha(linear, alpha) / own;
      LowRank update = LowRank.fresh(to, linear, own, (float) scale, (float) dropout);
      linear.attach(new LowRankAdapter(update));
    }
    return ranks;
  }

  private SharedRanks searched(AttachContext to) {
    List<String> targets = to.projections().stream().map(Linear::name).toList();
    return to.preparations()
        .ofTask(
            new Key(targets, rank, spread, probeRate, batches, to.seeds()),
            () -> search(to),
            kept -> SharedRanks.of(kept, to.projections()),
            () -> SharedRanks.even(to, rank),
            () -> new ContributionSearch(to, batches, probeRate).rehearse());
  }

  private SharedRanks search(AttachContext to) {
    requireBatches(to.preparations()::batches);
    Map<String, Integer> most = new HashMap<>();
    for (Linear linear : to.projections()) {
      int side = Math.min(linear.out(), linear.in());
      most.put(linear.name(), Math.min(side, (int) Math.rint(rank * spread)));
    }
    SortedMap<String, Double> scores = new ContributionSearch(to, batches, probeRate).run();
    if (!scores.values().stream().allMatch(Double::isFinite)) {
      throw new ImpossibleSettingException(
          "Cannot share ranks out with probe-rate = "
              + probeRate
              + ": the steps that probe contributions diverge, give a smaller one");
    }
    return ContributionSearch.ranks(scores, rank, most);
  }

  @Override
  public void requireBatches(Supplier<List<Batch>> first) {
    Settings.someExamples("colora", first.get());
  }

  /** Exact where all targets have one shape or spread is 1; else ranks move between shapes. */
  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(EVA.ofRanks(model, rank, alpha, dropout));
  }

  @Override
  public int leastSide() {
    return rank;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * (out + in);
  }
}
