package org.peftsweep.method.adapter;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;

/**
 * Finds EVA's start: runs the frozen model over batches, keeps principal components of each
 * target's inputs at real tokens, and shares out ranks after every batch (arXiv:2410.07170,
 * algorithm 1).
 *
 * <p>Targets that read the same input (query, key, value of a layer) share its components; the
 * first of them gets the largest of their ranks. Components of a target rest once those that its
 * rank needs have settled, and wake if its rank grows. The search ends when all rest.
 */
public final class ActivationSearch {
  private record Share(Linear target, double explained) {}

  private final Model model;
  private final List<Linear> targets;
  private final InitCache preparations;
  private final Tape tape;
  private final int rank;
  private final int components;
  private final double tau;

  /** By target, the first targets of each input before those that share it. */
  private final Map<Linear, ActivationPca> searches = new LinkedHashMap<>();

  private final Map<Linear, Integer> ranks = new LinkedHashMap<>();

  public ActivationSearch(AttachContext to, int rank, int components, double tau) {
    this.model = to.model();
    this.targets = to.projections();
    this.preparations = to.preparations();
    this.tape = new Tape(to.backend());
    this.rank = rank;
    this.components = components;
    this.tau = tau;
  }

  /**
   * Searches through so many batches at most, beginning again with the first after the last; one of
   * them has at least as many real tokens as there are components.
   */
  public ActivationStart run(int most) {
    List<Batch> batches = preparations.batches();
    // All positions are to be seen, also where the head reads only some.
    model.trace((index, hidden) -> {});
    try (tape) {
      shareInputs(batches.get(0));
      for (int i = 0; i < most && !isSettled(); i++) {
        pass(batches.get(i % batches.size()));
        if (searches.values().stream().allMatch(ActivationPca::hasComponents)) {
          shareOutRanks();
        }
      }
    } finally {
      model.trace(null);
      targets.forEach(target -> target.watch(null));
    }
    return start();
  }

  /** Takes the memory of such a run. */
  public void rehearse(int most) {
    model.trace((index, hidden) -> {});
    try (tape) {
      targets.forEach(target -> target.watch(x -> {}));
      preparations.shapes(most).forEach(this::forward);
    } finally {
      model.trace(null);
      targets.forEach(target -> target.watch(null));
    }
  }

  private void shareInputs(Batch first) {
    Map<Var, ActivationPca> byInput = new IdentityHashMap<>();
    Map<Linear, ActivationPca> sharing = new LinkedHashMap<>();
    for (Linear target : targets) {
      target.watch(
          x -> {
            ActivationPca known = byInput.get(x);
            if (known == null) {
              byInput.put(x, new ActivationPca(components, target.in()));
              searches.put(target, byInput.get(x));
            } else {
              sharing.put(target, known);
            }
          });
    }
    forward(first);
    searches.putAll(sharing);
    searches.keySet().forEach(target -> ranks.put(target, components));
  }

  private boolean isSettled() {
    return searches.entrySet().stream()
        .allMatch(entry -> entry.getValue().isSettled(ranks.get(entry.getKey())));
  }

  private void pass(Batch batch) {
    Map<ActivationPca, Linear> owners = new IdentityHashMap<>();
    for (Map.Entry<Linear, ActivationPca> entry : searches.entrySet()) {
      Linear target = entry.getKey();
      ActivationPca search = entry.getValue();
      boolean owns = owners.putIfAbsent(search, target) == null;
      boolean rests = search.isSettled(ranks.get(target));
      target.watch(owns && !rests ? x -> look(search, x.value(), batch) : null);
    }
    forward(batch);
  }

  private void look(ActivationPca search, Tensor x, Batch batch) {
    int count = batch.realTokens();
    if (count < components) {
      return;
    }
    search.add(RealTokens.rows(tape.backend(), x, batch), count, tau);
  }

  private void forward(Batch batch) {
    tape.startEvaluation();
    model.logits(tape, batch);
  }

  private void shareOutRanks() {
    List<Share> shares = new ArrayList<>();
    searches.forEach(
        (target, search) -> {
          for (int i = 0; i < components; i++) {
            shares.add(new Share(target, search.explained(i)));
          }
        });
    // Stable: of equals, the targets that own an input come first.
    shares.sort(Comparator.comparingDouble(Share::explained).reversed());
    ranks.replaceAll((target, old) -> 0);
    for (Share share : shares.subList(0, rank * targets.size())) {
      ranks.merge(share.target, 1, Integer::sum);
    }
  }

  private ActivationStart start() {
    TreeMap<String, ActivationStart.Of> byModule = new TreeMap<>();
    searches.forEach(
        (target, search) -> {
          int given = ranks.get(target);
          byModule.put(target.name(), new ActivationStart.Of(given, search.first(given)));
        });
    return new ActivationStart(byModule);
  }
}
