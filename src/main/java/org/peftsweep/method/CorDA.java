package org.peftsweep.method;

import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.peftsweep.data.Batch;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.CovarianceSearch;
import org.peftsweep.method.adapter.LowRankStarts;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.ResidualAdapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.optim.Id;

/**
 * LoRA that trains a part of the weight that the task's inputs choose: with C the covariance of a
 * target's inputs on the first batches, {@code WC = UΣVᵀ} and {@code s = alpha/rank}, B starts as
 * {@code U√(Σ/s)} and A as {@code √(Σ/s)VᵀC⁻¹} of rank singular values, and {@code y = Wx + s·(B·A
 * − B₀·A₀)·x + b}.
 *
 * <p>Yang et al., arXiv:2406.05223, §3. As in PEFT each batch is divided by its largest input, C is
 * the mean of {@code XᵀX} over batches, and its diagonal is raised by a part of its mean, 0.01 or
 * more, until it can be inverted. A target of many inputs takes long: two decompositions of its
 * sides.
 *
 * <p>Differs from PEFT: padding is left out of C, and a batch may have several rows.
 *
 * @param rank inner dimension, from 1 to the smaller side of each target
 * @param alpha numerator of the scale
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 * @param subspace which singular values
 * @param batches that C is taken from at most
 */
@Id("corda")
public record CorDA(int rank, double alpha, double dropout, Subspace subspace, int batches)
    implements Method {
  /** Which part of the weight is trained. */
  public enum Subspace {
    /** The part that the task uses most: the largest singular values. */
    INSTRUCTION,
    /** The part that it uses least, so that what inputs like these know stays. */
    KNOWLEDGE
  }

  private record Key(
      List<String> targets, int rank, double scale, Subspace subspace, int batches) {}

  public CorDA {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
    Settings.fraction("dropout", dropout);
    Settings.between("batches", batches, 1, Settings.MOST);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    double scale = alpha / rank;
    List<Linear> targets = to.projections();
    LowRankStarts starts =
        to.preparations()
            .ofTask(
                new Key(
                    targets.stream().map(Linear::name).toList(), rank, scale, subspace, batches),
                () -> search(to, scale),
                kept -> LowRankStarts.of(kept, targets),
                () -> LowRankStarts.blank(targets, rank),
                () -> new CovarianceSearch(to).rehearse(batches));
    for (Linear linear : targets) {
      linear.attach(
          ResidualAdapter.of(to, linear, starts.of(linear.name()), (float) scale, (float) dropout));
    }
    return MethodHooks.PASSIVE;
  }

  private LowRankStarts search(AttachContext to, double scale) {
    requireBatches(to.preparations()::batches);
    return new CovarianceSearch(to).run(batches, rank, scale, subspace == Subspace.INSTRUCTION);
  }

  @Override
  public void requireBatches(Supplier<List<Batch>> first) {
    Settings.someExamples("corda", first.get());
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
}
