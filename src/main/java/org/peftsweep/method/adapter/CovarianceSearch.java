package org.peftsweep.method.adapter;

import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;

/**
 * Finds CorDA's start: runs the frozen model over batches, takes the covariance of each target's
 * inputs at real tokens, and decomposes the weight beside it. Targets that read the same input
 * share its covariance.
 */
public final class CovarianceSearch {
  private final Model model;
  private final List<Linear> targets;
  private final InitCache preparations;
  private final Backend backend;

  public CovarianceSearch(AttachContext to) {
    this.model = to.model();
    this.targets = to.projections();
    this.preparations = to.preparations();
    this.backend = to.backend();
  }

  /**
   * Runs through so many batches at most.
   *
   * @param scale of the adapters
   * @param isLargest whether the largest singular values are taken, else the smallest
   */
  public LowRankStarts run(int most, int rank, double scale, boolean isLargest) {
    Map<Linear, InputCovariance> covariances =
        covariances(preparations.batches().stream().limit(most).toList());
    return LowRankStarts.of(
        targets,
        linear ->
            covariances
                .get(linear)
                .start(
                    LowRankStart.weight(backend, linear.weight().asWeight()),
                    linear.out(),
                    rank,
                    scale,
                    isLargest));
  }

  /** Takes the memory of such a run. */
  public void rehearse(int most) {
    model.trace((index, hidden) -> {});
    try (Tape tape = new Tape(backend)) {
      targets.forEach(target -> target.watch(x -> {}));
      for (Batch batch : preparations.shapes(most)) {
        tape.startEvaluation();
        model.logits(tape, batch);
      }
    } finally {
      model.trace(null);
      targets.forEach(target -> target.watch(null));
    }
  }

  private Map<Linear, InputCovariance> covariances(List<Batch> batches) {
    Map<Linear, InputCovariance> byTarget = new LinkedHashMap<>();
    // All positions are to be seen, also where the head reads only some.
    model.trace((index, hidden) -> {});
    try (Tape tape = new Tape(backend)) {
      for (Batch batch : batches) {
        Map<Var, InputCovariance> seen = new IdentityHashMap<>();
        for (Linear target : targets) {
          target.watch(
              x -> {
                InputCovariance known = seen.get(x);
                if (known == null) {
                  known = byTarget.computeIfAbsent(target, t -> new InputCovariance(t.in()));
                  known.add(RealTokens.rows(backend, x.value(), batch), batch.realTokens());
                  seen.put(x, known);
                }
                byTarget.put(target, known);
              });
        }
        tape.startEvaluation();
        model.logits(tape, batch);
      }
    } finally {
      model.trace(null);
      targets.forEach(target -> target.watch(null));
    }
    return byTarget;
  }
}
