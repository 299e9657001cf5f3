package org.peftsweep.method.adapter;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Adapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;

/** Finds LoRA-GA's start: the mean gradient of each target's weight over batches. */
public final class GradientSearch {
  /** A copy of a weight that has a gradient, in the place of the weight. */
  private record Learning(Var weight) implements Adapter {
    @Override
    public boolean usesProduct() {
      return false;
    }

    @Override
    public Var apply(Tape tape, Linear base, Var x, Var product) {
      return base.addBias(tape, tape.linear(x, weight, null));
    }

    @Override
    public List<Parameter> parameters() {
      return List.of();
    }

    @Override
    public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
      throw new UnsupportedOperationException("It changes nothing");
    }
  }

  private final AttachContext to;
  private final Backend backend;
  private final List<Memory> memory = new ArrayList<>();

  public GradientSearch(AttachContext to) {
    this.to = to;
    this.backend = to.backend();
  }

  /** Runs through so many batches at most. */
  public LowRankStarts run(int most, GradientStart.Settings settings) {
    Map<Linear, double[]> gradients = new LinkedHashMap<>();
    to.projections()
        .forEach(target -> gradients.put(target, new double[target.out() * target.in()]));
    List<Batch> batches = to.preparations().batches().stream().limit(most).toList();
    pass(
        batches,
        (target, weight) -> add(weight.gradient(), 1.0 / batches.size(), gradients.get(target)));
    return LowRankStarts.of(
        List.copyOf(gradients.keySet()),
        target ->
            GradientStart.of(
                gradients.get(target),
                LowRankStart.weight(backend, target.weight().asWeight()),
                target.out(),
                target.in(),
                settings));
  }

  /** Takes the memory of such a run. */
  public void rehearse(int most) {
    pass(to.preparations().shapes(most), (target, weight) -> {});
  }

  /**
   * Runs through batches.
   *
   * @param see is shown the gradient of every target for each of them
   */
  private void pass(List<Batch> batches, BiConsumer<Linear, Var> see) {
    try {
      Map<Linear, Var> weights = new LinkedHashMap<>();
      for (Linear target : to.projections()) {
        Var weight = learning(target);
        weights.put(target, weight);
        target.attach(new Learning(weight));
      }
      try (Tape tape = new Tape(backend)) {
        for (int i = 0; i < batches.size(); i++) {
          weights.values().forEach(Var::clearGradient);
          tape.startTraining(i);
          to.preparations().loss().of(tape, to.model(), batches.get(i));
          tape.backward();
          weights.forEach(see);
        }
      }
    } finally {
      to.projections().forEach(Linear::detach);
      memory.forEach(backend::free);
      to.model().trainable().forEach(parameter -> parameter.var().clearGradient());
    }
  }

  private Var learning(Linear target) {
    Tensor copy = allocated(target);
    target.weight().asWeight().copy(backend, copy);
    return Var.parameter(copy, allocated(target));
  }

  private Tensor allocated(Linear target) {
    Memory own = backend.allocate(target.weight().size());
    memory.add(own);
    return new Tensor(own, 0, target.out(), target.in());
  }

  private void add(Tensor gradient, double share, double[] sum) {
    float[] row = new float[gradient.columns()];
    for (int from = 0; from < sum.length; from += row.length) {
      backend.read(gradient, from, row, 0, row.length);
      for (int j = 0; j < row.length; j++) {
        sum[from + j] += share * row[j];
      }
    }
  }
}
