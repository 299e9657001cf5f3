package org.peftsweep.method;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.peftsweep.data.Batch;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.GradientSearch;
import org.peftsweep.method.adapter.GradientStart;
import org.peftsweep.method.adapter.LowRankStart;
import org.peftsweep.method.adapter.LowRankStarts;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.ResidualAdapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * LoRA that starts along the gradient of full fine-tuning: with {@code G = UΣVᵀ} the mean gradient
 * of a target on the first batches, A starts as rank rows of Vᵀ and B as rank other columns of UΣ,
 * scaled, and {@code y = Wx + (alpha/rank)·(B·A − B₀·A₀)·x + b}.
 *
 * <p>Wang et al., arXiv:2407.05000, §3, in the form that PEFT gives it: B keeps the singular
 * values, which the paper leaves out. The head that the gradient goes through is the trial's own,
 * and dropout acts.
 *
 * <p>Differs from PEFT: the decomposition is exact. The search holds a copy and a gradient of every
 * target at once.
 *
 * @param rank inner dimension, at least 1; twice of it at most the smaller side of each target
 * @param alpha numerator of the scale
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 * @param direction which singular vectors A and B take
 * @param scale of the start
 * @param gamma of a stable scale, above 0
 * @param batches that the gradient is taken from at most
 */
@Id("loraga")
public record LoRAGA(
    int rank,
    double alpha,
    double dropout,
    GradientStart.Direction direction,
    GradientStart.Scale scale,
    double gamma,
    int batches)
    implements Method {
  /** The head, which is drawn from the seed, decides the gradient too. */
  private record Key(
      List<String> targets, int batches, GradientStart.Settings settings, long seed) {}

  public LoRAGA {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
    Settings.fraction("dropout", dropout);
    Settings.positive("gamma", gamma);
    Settings.between("batches", batches, 1, Settings.MOST);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    GradientStart.Settings settings =
        new GradientStart.Settings(rank, alpha / rank, direction, scale, gamma);
    List<Linear> targets = to.projections();
    LowRankStarts starts =
        to.preparations()
            .ofTask(
                new Key(
                    targets.stream().map(Linear::name).toList(),
                    batches,
                    settings,
                    to.seeds().seed()),
                () -> search(to, settings),
                kept -> LowRankStarts.of(kept, targets),
                () -> LowRankStarts.blank(targets, rank),
                () -> new GradientSearch(to).rehearse(batches));
    for (Linear linear : targets) {
      linear.attach(
          ResidualAdapter.of(
              to, linear, starts.of(linear.name()), (float) (alpha / rank), (float) dropout));
    }
    return MethodHooks.PASSIVE;
  }

  private LowRankStarts search(AttachContext to, GradientStart.Settings settings) {
    requireBatches(to.preparations()::batches);
    return new GradientSearch(to).run(batches, settings);
  }

  @Override
  public void requireBatches(Supplier<List<Batch>> first) {
    Settings.someExamples("loraga", first.get());
  }

  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    Method.super.requireFit(outline, targets);
    LowRankStart.requireRank(outline, targets, "twice rank", 2 * rank);
  }

  @Override
  public int leastSide() {
    return rank;
  }

  /** Its start cannot be found again without the data. */
  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(PeftForm.lora(2 * rank, 2 * alpha, dropout).converted());
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * (out + in);
  }

  @Override
  public String label() {
    return "LoRA-GA";
  }
}
