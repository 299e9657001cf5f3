package org.peftsweep.method;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.CoreAdapter;
import org.peftsweep.method.adapter.LowRank;
import org.peftsweep.method.adapter.Matrices;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * LoRA-XS whose inner matrix is a combination of fixed random ones: {@code ΔW = UΣ·(Σᵢ vᵢ·Pᵢ)·Vᵀ}
 * of the weight's largest singular values {@code W ≈ UΣVᵀ}, where only v {@code [size]} learns,
 * which {@code tied} neighbouring targets may share.
 *
 * <p>Morris et al., arXiv:2602.04118. v starts at zero, so that step 0 equals the base model. The
 * deviation 1/√rank of the entries of P is PEFT's, which divides Σ between both factors where the
 * paper does not. Which targets share a v is unverified, and so is the method on anything but
 * reinforcement learning: the paper finds that supervised training needs many more scalars.
 *
 * @param rank of the frozen factors, from 1 to the smaller side of each target
 * @param size entries of v, at least 1
 * @param tied targets, in the model's order, that share one v, at least 1
 * @param projectionSeed draws P; no trial's seed changes it
 */
@Id("tinylora")
public record TinyLoRA(int rank, int size, int tied, long projectionSeed) implements Method {
  public TinyLoRA {
    Settings.rank(rank);
    Settings.between("size", size, 1, Settings.MOST);
    Settings.between("tied", tied, 1, Settings.MOST);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    Parameter shared = null;
    List<Linear> targets = to.projections();
    for (int at = 0; at < targets.size(); at++) {
      Linear linear = targets.get(at);
      LowRank outer = CoreAdapter.principal(to, linear, rank, 1, 0);
      List<Parameter> kept = new ArrayList<>(outer.parameters());
      if (at % tied == 0) {
        List<Linear> sharing = targets.subList(at, Math.min(at + tied, targets.size()));
        shared = to.shared(sharing, "tinylora_v", 1, size);
        kept.add(shared);
      }
      Parameter projection = drawn(to, linear);
      List<Parameter> all = new ArrayList<>(kept);
      all.add(projection);
      Parameter own = shared;
      linear.attach(
          new CoreAdapter(outer, all, kept, tape -> inner(tape, own.var(), projection.var())));
    }
    return MethodHooks.PASSIVE;
  }

  private Var inner(Tape tape, Var v, Var projection) {
    Var flat = Matrices.product(tape, v, projection);
    Var square = tape.reshape(flat, rank, rank);
    tape.done(flat);
    return square;
  }

  /** P, a matrix a row. */
  private Parameter drawn(AttachContext to, Linear linear) {
    Parameter projection = to.zeros(linear, "tinylora_P", size, rank * rank);
    SplittableRandom random = new Seeds(projectionSeed).random("tinylora " + linear.name());
    float[] values = new float[size * rank * rank];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() / Math.sqrt(rank));
    }
    to.backend().write(values, 0, projection.value(), 0, values.length);
    return projection;
  }

  /** Where targets are tied, layers may share what learns. */
  @Override
  public boolean adaptsLayers() {
    return tied == 1;
  }

  @Override
  public int leastSide() {
    return rank;
  }

  /** As LoRA with {@code B·R} for B. */
  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(PeftForm.lora(rank, rank, 0).converted());
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return size;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    long count =
        outline.projections().stream().filter(linear -> targets.contains(linear.role())).count();
    return (count + tied - 1) / tied * size;
  }
}
