package org.peftsweep.method;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
 * Half fine-tuning: in each layer half of the matrices learn, drawn by category: of attention's
 * four two, of feed-forward's matrices half of them, and of the norms half. Where feed-forward has
 * an odd number of matrices, one more of them rests in a drawn half of the layers, rounded up.
 *
 * <p>Hui et al., arXiv:2404.18466, §3.2, category-level selection. The paper draws for each stage
 * of training; {@link Resample} has that, and what others make of it. Biases go with their
 * matrices; embeddings stay frozen, where the paper trains them. Use on classification is
 * unverified.
 *
 * @param attention matrices of attention that learn in a layer, from 0 to 4
 * @param drawSeed draws the half, beside the trial's seed where {@code resample} says so
 * @param resample when a half is drawn
 */
@Id("hft")
public record HFT(int attention, long drawSeed, Resample resample) implements Untargeted {
  /** When a half is drawn. */
  public enum Resample {
    /** Once, by the seed of the draw alone: all trials have the same half. */
    NEVER,
    /** Once a trial, which is one stage of training: trials of other seeds have other halves. */
    STAGE,
    /**
     * At the start of each epoch, by the trial's seed too. Tensors that are not of the half rest:
     * they hold no gradient and neither move nor decay. Their optimizer state is kept in ordinary
     * memory and goes on when they are drawn again, which the paper leaves open. All that can be
     * drawn is copied before the first step; counted as learning is the half of the first epoch.
     */
    EPOCH
  }

  /**
   * What there is of one kind in a layer.
   *
   * @param modules each with its tensors, the weight first
   * @param learning how many modules learn, in layers where one more rests
   * @param isOdd whether there are layers where one more learns
   */
  private record Category(List<List<Parameter>> modules, int learning, boolean isOdd) {
    List<Parameter> drawn(int count, Seeds draws) {
      String first = modules.get(0).get(0).name();
      int[] order = Draws.order(draws.random("half of " + first), modules.size());
      List<Parameter> drawn = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        drawn.addAll(modules.get(order[i]));
      }
      return drawn;
    }
  }

  public HFT {
    Settings.between("attention", attention, 0, 4);
  }

  @Override
  public boolean sharesBase() {
    return false;
  }

  /** The layers in which one more rests are drawn. */
  @Override
  public int semanticsVersion() {
    return 2;
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    Set<Parameter> half = half(to.model(), to.seeds(), 0);
    if (resample != Resample.EPOCH) {
      half.forEach(parameter -> parameter.train(to.backend()));
      return MethodHooks.PASSIVE;
    }
    List<Parameter> candidates = candidates(to.model());
    for (Parameter parameter : candidates) {
      parameter.train(to.backend());
      if (!half.contains(parameter)) {
        parameter.rest(to.backend());
      }
    }
    return new TakingTurns(this, to, candidates, half);
  }

  /** Returns the tensors that learn in an epoch. */
  private Set<Parameter> half(Model model, Seeds trial, int epoch) {
    Seeds draws = draws(trial, epoch);
    List<Category> categories = categories(model);
    List<Category> odd = categories.stream().filter(Category::isOdd).toList();
    int[] order = Draws.order(draws.random("layers where one more learns"), odd.size());
    Set<Category> fuller = new LinkedHashSet<>();
    for (int i = 0; i < odd.size() / 2; i++) {
      fuller.add(odd.get(order[i]));
    }
    Set<Parameter> half = new LinkedHashSet<>();
    for (Category category : categories) {
      int count = category.learning() + (fuller.contains(category) ? 1 : 0);
      half.addAll(category.drawn(count, draws));
    }
    return half;
  }

  private Seeds draws(Seeds trial, int epoch) {
    Seeds own = new Seeds(drawSeed);
    if (resample == Resample.NEVER) {
      return own;
    }
    Seeds stage = new Seeds(own.of("half of trial", trial.seed()));
    return resample == Resample.STAGE ? stage : new Seeds(stage.of("half of epoch", epoch));
  }

  /** Returns all tensors that some draw chooses. */
  private List<Parameter> candidates(Model model) {
    return categories(model).stream()
        .filter(category -> category.learning() > 0 || category.isOdd())
        .flatMap(category -> category.modules().stream())
        .flatMap(List::stream)
        .toList();
  }

  /** Matrices of attention, of feed-forward, and norms, each with its bias, of every layer. */
  private List<Category> categories(Model model) {
    Map<Integer, List<List<Parameter>>> attentions = new TreeMap<>();
    Map<Integer, List<List<Parameter>>> feedForwards = new TreeMap<>();
    for (Linear linear : model.projections()) {
      if (linear.layer() >= 0) {
        List<Parameter> tensors = new ArrayList<>(List.of(linear.weight()));
        if (linear.bias() != null) {
          tensors.add(linear.bias());
        }
        (isOfAttention(linear.role()) ? attentions : feedForwards)
            .computeIfAbsent(linear.layer(), layer -> new ArrayList<>())
            .add(tensors);
      }
    }
    Map<String, List<Parameter>> byModule = new LinkedHashMap<>();
    for (Parameter parameter : model.parameters()) {
      if (parameter.role() == Role.NORM && parameter.layer() >= 0) {
        byModule.computeIfAbsent(parameter.module(), module -> new ArrayList<>()).add(parameter);
      }
    }
    Map<Integer, List<List<Parameter>>> norms = new TreeMap<>();
    byModule
        .values()
        .forEach(
            tensors ->
                norms
                    .computeIfAbsent(tensors.get(0).layer(), layer -> new ArrayList<>())
                    .add(tensors));
    List<Category> categories = new ArrayList<>();
    attentions
        .values()
        .forEach(of -> categories.add(new Category(of, Math.min(attention, of.size()), false)));
    feedForwards
        .values()
        .forEach(of -> categories.add(new Category(of, of.size() / 2, of.size() % 2 > 0)));
    norms.values().forEach(of -> categories.add(new Category(of, of.size() / 2, false)));
    return categories;
  }

  private static boolean isOfAttention(Role role) {
    return Set.of(Role.QUERY, Role.KEY, Role.VALUE, Role.OUTPUT).contains(role);
  }

  @Override
  public boolean learnsValues(Set<Role> targets) {
    return true;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    return trainable(outline, targets, new Seeds(0));
  }

  @Override
  public long trainable(Model outline, Set<Role> targets, Seeds seeds) {
    return half(outline, seeds, 0).stream().mapToLong(Parameter::size).sum();
  }

  /** Halves of the epochs of one trial. */
  private record TakingTurns(
      HFT settings, AttachContext to, List<Parameter> candidates, Set<Parameter> first)
      implements MethodHooks {
    @Override
    public long learning(Parameter parameter) {
      boolean waits = candidates.contains(parameter) && !first.contains(parameter);
      return waits ? 0 : MethodHooks.super.learning(parameter);
    }

    @Override
    public void beforeEpoch(int epoch) {
      Set<Parameter> half = settings.half(to.model(), to.seeds(), epoch);
      for (Parameter parameter : candidates) {
        if (!half.contains(parameter)) {
          parameter.rest(to.backend());
        }
      }
      half.forEach(parameter -> parameter.wake(to.backend()));
    }
  }
}
