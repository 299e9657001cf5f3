package org.peftsweep.spec;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.peftsweep.method.Methods;

/**
 * A sweep file, checked: every recipe on every task with every seed.
 *
 * @param name of the folder of results, {@code [a-z0-9-]+}
 * @param model location of the base model
 * @param recipes in the order of the file, each once
 * @param tasks in the order of the file
 * @param execution what it runs on; no part of a trial
 */
public record Sweep(
    String name,
    String model,
    List<Recipe> recipes,
    List<TaskPlan> tasks,
    List<Long> seeds,
    Execution execution) {
  public Sweep {
    recipes = List.copyOf(recipes);
    tasks = List.copyOf(tasks);
    seeds = List.copyOf(seeds);
  }

  /** Returns the number of trials. */
  public int size() {
    return Math.multiplyExact(Math.multiplyExact(recipes.size(), tasks.size()), seeds.size());
  }

  /**
   * Returns the same with other names for the places of model and data, such as absolute ones:
   * executors have working directories of their own.
   */
  public Sweep relocated(UnaryOperator<String> place) {
    List<TaskPlan> moved =
        tasks.stream()
            .map(task -> new TaskPlan(task.source().relocated(place), task.training()))
            .toList();
    String base = model.startsWith(ModelSource.BUILT_IN) ? model : place.apply(model);
    List<Recipe> recipesThere = recipes.stream().map(recipe -> recipe.relocated(place)).toList();
    return new Sweep(name, base, recipesThere, moved, seeds, execution);
  }

  /**
   * Returns all trials, by recipe, then task, then seed.
   *
   * @param modelHash content hash of the model or adapter at a location; called once for each
   * @param taskHash content hash of a task's examples; called once a task
   */
  public List<Trial> expand(
      Function<String, String> modelHash, Function<TaskSource, String> taskHash) {
    String hash = modelHash.apply(model);
    Map<String, AdapterSource> adapters = new TreeMap<>();
    List<TaskSource> sources =
        tasks.stream()
            .map(task -> task.source().withContentHash(taskHash.apply(task.source())))
            .toList();
    List<Trial> trials = new ArrayList<>(size());
    for (Recipe recipe : recipes) {
      AdapterSource adapter =
          AdapterSource.isNone(recipe.adapter())
              ? AdapterSource.NONE
              : adapters.computeIfAbsent(
                  recipe.adapter(), place -> new AdapterSource(place, modelHash.apply(place)));
      ModelSource base = new ModelSource(model, hash, recipe.randomInit(), adapter);
      for (int i = 0; i < tasks.size(); i++) {
        Training training = tasks.get(i).training();
        if (!recipe.method().learns()) {
          training = training.withoutSteps();
        }
        for (long seed : seeds) {
          trials.add(
              new Trial(
                  base,
                  sources.get(i),
                  recipe.method(),
                  recipe.targets(),
                  recipe.rates(),
                  training,
                  seed));
        }
      }
    }
    return List.copyOf(trials);
  }

  /**
   * Returns a trial's title with every setting in which recipes of its method differ: {@code qqp ·
   * lora r=8 qkv λ=4 η=2e-5 · seed 0}. No two trials of a sweep have the same.
   */
  public String title(Trial trial) {
    SortedMap<String, String> mine = recipe(trial).untitled();
    List<SortedMap<String, String>> others =
        recipes.stream()
            .filter(recipe -> Methods.id(recipe.method()).equals(trial.methodId()))
            .map(Recipe::untitled)
            .toList();
    List<String> words = new ArrayList<>();
    mine.forEach(
        (key, value) -> {
          if (others.stream().anyMatch(other -> !value.equals(other.get(key)))) {
            words.add((key.equals("learning-rate") ? "η" : key) + "=" + value);
          }
        });
    return trial.title(words);
  }

  private static Recipe recipe(Trial trial) {
    return new Recipe(
        trial.method(),
        trial.targets(),
        trial.rates(),
        trial.model().randomInit(),
        trial.model().adapter().location());
  }
}
