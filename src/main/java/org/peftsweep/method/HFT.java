package org.peftsweep.method;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.Draws;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Half fine-tuning: in each layer half of the matrices learn, drawn once by category: of
 * attention's four two, of feed-forward's matrices half of them, in every second layer rounded up,
 * and of the norms half.
 *
 * <p>Hui et al., arXiv:2404.18466, §3.2, category-level selection. The half is drawn once a trial,
 * which is the paper's stage; whether runs of several epochs draw anew is unverified, as is use on
 * classification. Biases go with their matrices; embeddings stay frozen, where the paper trains
 * them.
 *
 * @param attention matrices of attention that learn in a layer, from 0 to 4
 * @param drawSeed draws the half; no trial's seed changes it
 */
@Id("hft")
public record HFT(int attention, long drawSeed) implements Untargeted {
  public HFT {
    Settings.between("attention", attention, 0, 4);
  }

  @Override
  public boolean sharesBase() {
    return false;
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Parameter parameter : chosen(to.model())) {
      parameter.train(to.backend());
    }
    return MethodHooks.PASSIVE;
  }

  private List<Parameter> chosen(Model model) {
    List<Parameter> chosen = new ArrayList<>();
    for (List<List<Parameter>> group : groups(model)) {
      SplittableRandom random = new Seeds(drawSeed).random("half of " + group.get(0).get(0).name());
      int[] order = Draws.order(random, group.size());
      int count = count(group);
      for (int i = 0; i < count; i++) {
        chosen.addAll(group.get(order[i]));
      }
    }
    return chosen;
  }

  private int count(List<List<Parameter>> group) {
    Parameter first = group.get(0).get(0);
    if (first.role() == Role.NORM) {
      return group.size() / 2;
    }
    return isOfAttention(first.role())
        ? Math.min(attention, group.size())
        : (group.size() + first.layer() % 2) / 2;
  }

  private static boolean isOfAttention(Role role) {
    return Set.of(Role.QUERY, Role.KEY, Role.VALUE, Role.OUTPUT).contains(role);
  }

  /** Matrices of attention, of feed-forward, and norms, each with its bias, of every layer. */
  private static List<List<List<Parameter>>> groups(Model model) {
    Map<String, List<List<Parameter>>> groups = new TreeMap<>();
    for (Linear linear : model.projections()) {
      if (linear.layer() >= 0) {
        List<Parameter> tensors = new ArrayList<>(List.of(linear.weight()));
        if (linear.bias() != null) {
          tensors.add(linear.bias());
        }
        String kind = isOfAttention(linear.role()) ? "attention" : "feed-forward";
        groups.computeIfAbsent(kind + " " + linear.layer(), key -> new ArrayList<>()).add(tensors);
      }
    }
    Map<String, List<Parameter>> norms = new LinkedHashMap<>();
    for (Parameter parameter : model.parameters()) {
      if (parameter.role() == Role.NORM && parameter.layer() >= 0) {
        norms.computeIfAbsent(parameter.module(), key -> new ArrayList<>()).add(parameter);
      }
    }
    norms.forEach(
        (module, tensors) ->
            groups
                .computeIfAbsent("norms " + tensors.get(0).layer(), key -> new ArrayList<>())
                .add(tensors));
    return List.copyOf(groups.values());
  }

  @Override
  public boolean learnsValues(Set<Role> targets) {
    return true;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    return chosen(outline).stream().mapToLong(Parameter::size).sum();
  }
}
