package org.peftsweep.method.adapter;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;

/**
 * How much each target contributes to learning a task: a layer at a time, its targets are trained
 * as a whole for a step of plain gradient descent a batch, and score {@code |⟨ΔW, g⟩|} with the
 * mean gradient g along that way (integrated gradients, as FAIG has them). Nothing of it stays.
 */
public final class ContributionSearch {
  private final AttachContext to;
  private final Model model;
  private final Backend backend;
  private final int most;
  private final double rate;

  /** One target's change, its gradient, and the sum of gradients so far, each of its size. */
  private record Probed(Linear linear, Memory memory, Var change, Tensor sum) {}

  /**
   * @param most batches at most
   * @param rate of gradient descent
   */
  public ContributionSearch(AttachContext to, int most, double rate) {
    this.to = to;
    this.model = to.model();
    this.backend = to.backend();
    this.most = most;
    this.rate = rate;
  }

  /** Returns the score of each target by name. */
  public SortedMap<String, Double> run() {
    SortedMap<String, Double> scores = new TreeMap<>();
    List<Batch> batches = to.preparations().batches().stream().limit(most).toList();
    probe(
        batches, each -> scores.put(each.linear.name(), Math.abs(product(each)) / batches.size()));
    return scores;
  }

  /** Takes the memory of such a run. */
  public void rehearse() {
    probe(to.preparations().shapes(most), each -> {});
  }

  /**
   * Trains a layer at a time on batches.
   *
   * @param see is shown each target at the end of its layer's training
   */
  private void probe(List<Batch> batches, Consumer<Probed> see) {
    Map<Integer, List<Linear>> layers =
        to.projections().stream()
            .collect(Collectors.groupingBy(Linear::layer, TreeMap::new, Collectors.toList()));
    try (Tape tape = new Tape(backend)) {
      layers.values().forEach(targets -> train(tape, batches, targets, see));
    } finally {
      model.trainable().forEach(parameter -> parameter.var().clearGradient());
    }
  }

  private void train(Tape tape, List<Batch> batches, List<Linear> targets, Consumer<Probed> see) {
    List<Probed> probed = targets.stream().map(this::attached).toList();
    try {
      for (int i = 0; i < batches.size(); i++) {
        step(tape, batches.get(i), i, probed);
      }
      probed.forEach(see);
    } finally {
      for (Probed each : probed) {
        each.linear.detach();
        backend.free(each.memory);
      }
    }
  }

  private Probed attached(Linear linear) {
    long size = (long) linear.out() * linear.in();
    Memory memory = backend.allocate(3 * size);
    Tensor value = new Tensor(memory, 0, linear.out(), linear.in());
    Tensor gradient = new Tensor(memory, size, linear.out(), linear.in());
    Var change = Var.parameter(value, gradient);
    linear.attach(new DeltaAdapter(List.of(), (tape, base) -> change));
    return new Probed(
        linear, memory, change, new Tensor(memory, 2 * size, linear.out(), linear.in()));
  }

  private void step(Tape tape, Batch batch, int seed, List<Probed> probed) {
    model.trainable().forEach(parameter -> parameter.var().clearGradient());
    probed.forEach(each -> each.change.clearGradient());
    tape.startTraining(seed);
    to.preparations().loss().of(tape, model, batch);
    tape.backward();
    for (Probed each : probed) {
      Tensor gradient = each.change.gradient();
      backend.addScaled(1, gradient, each.sum);
      backend.addScaled((float) -rate, gradient, each.change.value());
    }
  }

  private double product(Probed probed) {
    float[] change = read(probed.change.value());
    float[] sum = read(probed.sum);
    double product = 0;
    for (int i = 0; i < change.length; i++) {
      product += (double) change[i] * sum[i];
    }
    return product;
  }

  private float[] read(Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }

  /**
   * Shares ranks out in proportion to scores, {@code rank} a target on average and at least 1 each,
   * one after the other to whoever is furthest below its share (Webster's method).
   *
   * @param scores finite
   * @param most of a target by name, at least rank
   */
  public static SharedRanks ranks(
      SortedMap<String, Double> scores, int rank, Map<String, Integer> most) {
    SortedMap<String, Integer> ranks = new TreeMap<>();
    scores.keySet().forEach(name -> ranks.put(name, 1));
    for (int left = (rank - 1) * scores.size(); left > 0; left--) {
      String next = null;
      double largest = -1;
      for (Map.Entry<String, Integer> of : ranks.entrySet()) {
        double claim = scores.get(of.getKey()) / (of.getValue() + 0.5);
        if (of.getValue() < most.get(of.getKey()) && claim > largest) {
          largest = claim;
          next = of.getKey();
        }
      }
      ranks.merge(next, 1, Integer::sum);
    }
    return new SharedRanks(ranks);
  }
}
