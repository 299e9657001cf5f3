package org.peftsweep.method.adapter;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
    try {
      Map<Linear, Var> weights = new LinkedHashMap<>();
      for (Linear target : to.projections()) {
        Var weight = learning(target);
        weights.put(target, weight);
        gradients.put(target, new double[target.out() * target.in()]);
        target.attach(new Learning(weight));
      }
      List<Batch> batches = to.preparations().batches();
      int count = Math.min(most, batches.size());
      try (Tape tape = new Tape(backend)) {
        for (int i = 0; i < count; i++) {
          weights.values().forEach(Var::clearGradient);
          tape.startTraining(i);
          Batch batch = batches.get(i);
          to.preparations().loss().of(tape, to.model(), batch);
          tape.backward();
          weights.forEach(
              (target, weight) -> add(weight.gradient(), 1.0 / count, gradients.get(target)));
        }
      }
    } finally {
      to.projections().forEach(Linear::detach);
      memory.forEach(backend::free);
      to.model().trainable().forEach(parameter -> parameter.var().clearGradient());
    }
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
