package org.peftsweep.method;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.DeltaAdapter;
import org.peftsweep.method.adapter.Matrices;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Places;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.Id;

/**
 * Full-rank update from frozen random bases: {@code ΔW = (alpha/rank)·Σᵢ Bᵢ·Λᵢ·A·Γᵢ}, as many terms
 * as make up full rank, with frozen {@code Bᵢ [larger side, rank]} and {@code A [rank, smaller
 * side]} that all targets of one shape share; the diagonals Λ and Γ learn. A wide target has the
 * transpose.
 *
 * <p>Albert et al., arXiv:2502.00987, §4. A and B are uniform and scaled to a deviation of 1, Λ is
 * zero, so that step 0 equals the base model. As in PEFT columns of B and rows of A are paired by
 * their places, which go by term in one and by rank in the other.
 *
 * @param rank of a term, at least 1
 * @param alpha numerator of the scale
 * @param projectionSeed draws the bases; no trial's seed changes them
 */
@Id("randlora")
public record RandLoRA(int rank, double alpha, long projectionSeed) implements Method {
  public RandLoRA {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
  }

  /** What all targets of one shape share. */
  private record Bases(Parameter a, Parameter b, Places ofA, Places ofTerms) {}

  @Override
  public MethodHooks attach(AttachContext to) {
    Map<List<Integer>, Bases> shared = new HashMap<>();
    for (Linear linear : to.projections()) {
      int least = Math.min(linear.out(), linear.in());
      int most = Math.max(linear.out(), linear.in());
      int terms = terms(least);
      Parameter lambda = to.learning(linear, "randlora_lambda", rank, terms);
      Parameter gamma = to.learning(linear, "randlora_gamma", terms, least);
      to.backend().fill(gamma.value(), 1f / Math.max(terms, least));
      List<Parameter> all = new ArrayList<>(List.of(lambda, gamma));
      Bases bases =
          shared.computeIfAbsent(
              List.of(most, least),
              key -> {
                Bases own = bases(to, linear, most, least);
                all.addAll(List.of(own.a, own.b, own.ofA.parameter(), own.ofTerms.parameter()));
                return own;
              });
      linear.attach(
          new DeltaAdapter(
              all,
              List.of(lambda, gamma),
              (tape, base) -> delta(tape, base, lambda.var(), gamma.var(), bases)));
    }
    return MethodHooks.PASSIVE;
  }

  private int terms(int least) {
    return (least + rank - 1) / rank;
  }

  private Bases bases(AttachContext to, Linear linear, int most, int least) {
    int terms = terms(least);
    Parameter a = to.zeros(linear, "randlora_A", rank, least);
    Parameter b = to.zeros(linear, "randlora_B", most, terms * rank);
    draw(to, a);
    draw(to, b);
    int[] ofA = new int[rank * terms];
    int[] ofTerms = new int[rank * terms];
    for (int i = 0; i < ofA.length; i++) {
      ofA[i] = i / terms;
      ofTerms[i] = i % terms;
    }
    return new Bases(
        a,
        b,
        Places.of(to.backend(), linear, "randlora_rows", ofA),
        Places.of(to.backend(), linear, "randlora_terms", ofTerms));
  }

  private void draw(AttachContext to, Parameter basis) {
    SplittableRandom random =
        new Seeds(projectionSeed).random(basis.name().substring(basis.name().lastIndexOf('.') + 1));
    float[] values = new float[Math.toIntExact(basis.size())];
    for (int i = 0; i < values.length; i++) {
      // A uniform number in ±√3 has a deviation of 1.
      values[i] = (float) ((2 * random.nextDouble() - 1) * Math.sqrt(3));
    }
    to.backend().write(values, 0, basis.value(), 0, values.length);
  }

  private Var delta(Tape tape, Linear base, Var lambda, Var gamma, Bases bases) {
    Var rows = tape.gather(bases.a.var(), bases.ofA.numbers());
    Var columnScales = tape.gather(gamma, bases.ofTerms.numbers());
    Var scaled = tape.multiply(rows, columnScales);
    tape.done(rows);
    tape.done(columnScales);
    Var update = tape.multiplyColumn(scaled, lambda);
    tape.done(scaled);
    float scale = (float) (alpha / rank);
    Var delta =
        base.in() <= base.out()
            ? Matrices.product(tape, bases.b.var(), false, update, false, scale)
            : Matrices.product(tape, update, true, bases.b.var(), true, scale);
    tape.done(update);
    return delta;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    int least = Math.min(out, in);
    return (long) terms(least) * (rank + least);
  }
}
