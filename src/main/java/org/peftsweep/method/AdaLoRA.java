package org.peftsweep.method;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SplittableRandom;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.LowRankStart;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.RankAllocator;
import org.peftsweep.method.adapter.TripletAdapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Adaptive low-rank adaptation: {@code y = Wx + k·B·diag(E)·A·x + b}, {@code k = alpha/(r₀ +
 * 1e-5)}, with A {@code [r₀, in]}, E {@code [r₀, 1]}, B {@code [out, r₀]}. All matrices start at
 * rank r₀ and share a budget that falls to {@code rank} a matrix; {@link RankAllocator} takes away
 * the triplets (row of A, entry of E, column of B) of least importance. A and B are kept near
 * orthogonal by a penalty.
 *
 * <p>Zhang et al., arXiv:2303.10512, §3. A and B are drawn from N(0, 0.02²), E is zero, so that
 * step 0 equals the base model. k never changes, as in the reference implementation.
 *
 * <p>Differs from the paper: the penalty is the mean of the Frobenius norms of {@code A·Aᵀ − I} and
 * {@code Bᵀ·B − I}, not of their squares, as in the reference implementation.
 *
 * @param rank mean rank of a matrix at the end, at least 1
 * @param alpha numerator of the scale
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 * @param initialFactor r₀ over rank, at least 1
 * @param warmFraction part of all steps, at the start, in which ranks stay
 * @param finalFraction part of all steps, at the end, in which ranks stay
 * @param every steps between two allocations
 * @param orthogonality weight of the penalty
 * @param smoothing β₁ and β₂ of importance and its uncertainty, in [0, 1)
 */
@Id("adalora")
public record AdaLoRA(
    int rank,
    double alpha,
    double dropout,
    double initialFactor,
    double warmFraction,
    double finalFraction,
    int every,
    double orthogonality,
    double smoothing)
    implements Method {
  private static final double DEVIATION = 0.02;

  public AdaLoRA {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
    Settings.fraction("dropout", dropout);
    Settings.between("initial-factor", initialFactor, 1.0, 1000.0);
    Settings.fraction("warm-fraction", warmFraction);
    Settings.fraction("final-fraction", finalFraction);
    if (warmFraction + finalFraction >= 1) {
      throw new IllegalArgumentException(
          "Cannot use final-fraction = "
              + finalFraction
              + ": give less than what warm-fraction leaves of 1");
    }
    Settings.between("every", every, 1, Settings.MOST_STEPS);
    Settings.notNegative("orthogonality", orthogonality);
    Settings.fraction("smoothing", smoothing);
  }

  /** Returns r₀, the rank at the start. */
  public int initialRank() {
    return (int) Math.round(rank * initialFactor);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    List<TripletAdapter> adapters = new ArrayList<>();
    for (Linear linear : to.projections()) {
      TripletAdapter triplets = triplets(to, linear);
      linear.attach(triplets);
      adapters.add(triplets);
    }
    return new Allocating(
        adapters, (float) orthogonality, new RankAllocator(budget(), adapters, to.backend()));
  }

  RankAllocator.Budget budget() {
    return new RankAllocator.Budget(
        initialRank(), rank, warmFraction, finalFraction, every, smoothing);
  }

  private TripletAdapter triplets(AttachContext to, Linear linear) {
    int r = initialRank();
    Parameter a = zeros(to.backend(), linear, "lora_A", r, linear.in());
    Parameter e = zeros(to.backend(), linear, "lora_E", r, 1);
    Parameter b = zeros(to.backend(), linear, "lora_B", linear.out(), r);
    draw(to.backend(), to.seeds(), a);
    draw(to.backend(), to.seeds(), b);
    return new TripletAdapter(
        linear.name(),
        a.train(to.backend()),
        e.train(to.backend()),
        b.train(to.backend()),
        (float) (alpha / (r + 1e-5)),
        (float) dropout);
  }

  private static Parameter zeros(Backend backend, Linear linear, String part, int... shape) {
    String name = linear.name() + "." + part;
    return Parameter.zeros(backend, name, linear.role(), linear.layer(), shape);
  }

  private static void draw(Backend backend, Seeds seeds, Parameter parameter) {
    SplittableRandom random = seeds.random("initialise " + parameter.name());
    float[] values = new float[Math.toIntExact(parameter.size())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (DEVIATION * random.nextGaussian());
    }
    backend.write(values, 0, parameter.value(), 0, values.length);
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(
        PeftForm.of("ADALORA")
            .deciding("init_r", initialRank())
            .deciding("lora_alpha", PeftForm.number(alpha))
            .other("target_r", rank)
            .other("lora_dropout", dropout)
            .other("init_lora_weights", true)
            .other("tinit", (int) Math.round(warmFraction * steps))
            .other("tfinal", (int) Math.round(finalFraction * steps))
            .other("deltaT", every)
            .other("beta1", smoothing)
            .other("beta2", smoothing)
            .other("orth_reg_weight", orthogonality)
            .other("total_step", Math.max(1, steps)));
  }

  /** Without steps at the end, the last step itself meets the budget. */
  @Override
  public int semanticsVersion() {
    return finalFraction == 0 ? 2 : 1;
  }

  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    Method.super.requireFit(outline, targets);
    LowRankStart.requireRank(outline, targets, "rank·initial-factor", initialRank());
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) initialRank() * (out + in + 1);
  }

  private record Allocating(List<TripletAdapter> adapters, float weight, RankAllocator allocator)
      implements MethodHooks {
    @Override
    public List<Tensor> regularisers(Tape tape) {
      List<Tensor> losses = new ArrayList<>();
      float share = weight / (2 * adapters.size());
      if (share > 0) {
        for (TripletAdapter triplets : adapters) {
          losses.add(tape.orthonormality(triplets.a().var(), true, share));
          losses.add(tape.orthonormality(triplets.b().var(), false, share));
        }
      }
      return losses;
    }

    @Override
    public void afterStep(int step, int steps) {
      allocator.allocate(step, steps);
    }

    @Override
    public void save(StateWriter to) {
      allocator.save(to);
    }

    @Override
    public void restore(StateReader from) {
      allocator.restore(from);
    }

    @Override
    public long stateBytes() {
      return allocator.stateBytes();
    }

    @Override
    public SortedMap<String, Integer> ranks() {
      return allocator.ranks();
    }
  }
}
