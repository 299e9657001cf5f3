package org.peftsweep.method;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.peftsweep.data.Batch;
import org.peftsweep.method.adapter.ActivationSearch;
import org.peftsweep.method.adapter.ActivationStart;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.LowRank;
import org.peftsweep.method.adapter.LowRankAdapter;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.SharedRanks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * LoRA whose A starts as the principal components of its inputs on the task's first batches, with
 * ranks given to the targets by how much their components explain: {@code y = Wx +
 * (alpha/rank)·B·A·x + b}; B starts as zero.
 *
 * <p>Paischer et al., arXiv:2410.07170, §3. The sum of ranks stays rank times the number of
 * targets; a target may get up to {@code rank·rho}, or none, and then stays frozen. The scale is
 * the same for all.
 *
 * @param rank mean inner dimension of the targets, at least 1
 * @param alpha numerator of the scale
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 * @param rho components that a target is searched for, over rank; 1 gives all the same rank
 * @param tau cosine, in [0, 1), between a component before and after a batch from which on it is
 *     taken
 * @param batches forward passes at most
 */
@Id("eva")
public record EVA(int rank, double alpha, double dropout, double rho, double tau, int batches)
    implements Method {
  private record Key(List<String> targets, int rank, double rho, double tau, int batches) {}

  public EVA {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
    Settings.fraction("dropout", dropout);
    Settings.between("rho", rho, 1.0, 1000.0);
    Settings.fraction("tau", tau);
    Settings.between("batches", batches, 1, Settings.MOST);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    ActivationStart start = to.layout().isNone() ? searched(to) : ActivationStart.blank(to, rank);
    for (Linear linear : to.projections()) {
      ActivationStart.Of of = start.of(linear.name());
      if (of.rank() > 0) {
        LowRank update =
            LowRank.zeros(
                to.backend(),
                linear,
                ".weight",
                of.rank(),
                scale(to, linear, of.rank()),
                (float) dropout);
        to.backend().write(of.a(), 0, update.a().value(), 0, of.a().length);
        update.a().train(to.backend());
        update.b().train(to.backend());
        linear.attach(new LowRankAdapter(update));
      }
    }
    return new SharedRanks(start.ranks());
  }

  private ActivationStart searched(AttachContext to) {
    return to.preparations()
        .ofTask(
            new Key(to.projections().stream().map(Linear::name).toList(), rank, rho, tau, batches),
            () -> search(to),
            kept -> ActivationStart.of(kept, to.projections()),
            () -> ActivationStart.blank(to, rank),
            () -> new ActivationSearch(to, rank, components(), tau).rehearse(batches));
  }

  /** A search moves ranks but no scale; an adapter says both. */
  private float scale(AttachContext to, Linear linear, int own) {
    return (float) (to.layout().isNone() ? alpha / rank : to.alpha(linear, alpha) / own);
  }

  private ActivationStart search(AttachContext to) {
    requireBatches(to.preparations()::batches);
    return new ActivationSearch(to, rank, components(), tau).run(batches);
  }

  private int components() {
    return (int) Math.rint(rank * rho);
  }

  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    Method.super.requireFit(outline, targets);
    for (Linear linear : outline.projections()) {
      if (targets.contains(linear.role()) && components() > linear.in()) {
        throw new IllegalArgumentException(
            "Cannot search "
                + linear.name()
                + " for rank·rho = "
                + components()
                + " components: it has inputs of "
                + linear.in()
                + ", lower rank or rho");
      }
    }
  }

  @Override
  public void requireBatches(Supplier<List<Batch>> first) {
    List<Batch> given = first.get();
    Settings.someExamples("eva", given);
    if (given.stream().limit(batches).noneMatch(batch -> batch.realTokens() >= components())) {
      throw new ImpossibleSettingException(
          "Cannot start eva from batches of fewer than "
              + components()
              + " tokens: raise batch, or lower rank or rho");
    }
  }

  /** Exact where all targets have one shape or rho is 1; else data moves ranks between shapes. */
  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(ofRanks(model, rank, alpha, dropout));
  }

  /** LoRA with ranks of its targets, all of one scale. */
  static PeftForm ofRanks(Model model, int rank, double alpha, double dropout) {
    Map<String, Object> ranks = new TreeMap<>();
    Map<String, Object> alphas = new TreeMap<>();
    for (Linear linear : model.projections()) {
      if (linear.adapter() instanceof LowRankAdapter adapter) {
        int own = adapter.update().a().value().rows();
        if (own != rank) {
          ranks.put(linear.name(), own);
          alphas.put(linear.name(), alpha * own / rank);
        }
      }
    }
    return PeftForm.lora(rank, alpha, dropout)
        .other("rank_pattern", ranks)
        .other("alpha_pattern", alphas);
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * (out + in);
  }
}
