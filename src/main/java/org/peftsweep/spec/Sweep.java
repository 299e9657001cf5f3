package org.peftsweep.spec;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import org.peftsweep.method.Methods;

/**
 * A sweep file, checked: every recipe on every task with every seed.
 *
 * @param name of the folder of results, {@code [a-z0-9-]+}
 * @param model location of the base model
 * @param recipes in the order of the file, each once
 * @param tasks in the order of the file
 * @param seeds with which trials are evaluated
 * @param protocol how recipes are chosen for that
 * @param execution what it runs on; no part of a trial
 */
public record Sweep(
    String name,
    String model,
    List<Recipe> recipes,
    List<TaskPlan> tasks,
    List<Long> seeds,
    Protocol protocol,
    Execution execution) {
  public Sweep {
    recipes = List.copyOf(recipes);
    tasks = List.copyOf(tasks);
    seeds = List.copyOf(seeds);
  }

  /**
   * Returns all trials that need no other's result, by recipe, then task, then seed; where settings
   * are tuned, by choice, then recipe, then seed.
   *
   * @param modelHash content hash of the model or adapter at a location; called once for each
   * @param taskHash content hash of a task's examples; called once a task
   */
  public List<Trial> expand(
      Function<String, String> modelHash, Function<TaskSource, String> taskHash) {
    return contests(modelHash, taskHash).stream().flatMap(Contest::first).toList();
  }

  /**
   * Returns every choice that the protocol asks for; without tuning each recipe stands alone on
   * each task.
   */
  public List<Contest> contests(
      Function<String, String> modelHash, Function<TaskSource, String> taskHash) {
    String hash = modelHash.apply(model);
    Map<String, AdapterSource> adapters = new TreeMap<>();
    List<TaskSource> sources =
        tasks.stream()
            .map(task -> task.source().withContentHash(taskHash.apply(task.source())))
            .toList();
    Map<List<String>, List<Contest.Entrant>> contests = new LinkedHashMap<>();
    for (int recipe = 0; recipe < recipes.size(); recipe++) {
      for (int task = 0; task < tasks.size(); task++) {
        Recipe asked = recipes.get(recipe);
        AdapterSource adapter =
            AdapterSource.isNone(asked.adapter())
                ? AdapterSource.NONE
                : adapters.computeIfAbsent(
                    asked.adapter(), place -> new AdapterSource(place, modelHash.apply(place)));
        ModelSource base = new ModelSource(model, hash, asked.randomInit(), adapter);
        Trial trial = trial(asked, base, sources.get(task), tasks.get(task));
        List<String> key = new ArrayList<>(List.of(sources.get(task).task().name()));
        SortedMap<String, String> axes = asked.axes();
        protocol.select().forEach(axis -> key.add(axes.getOrDefault(axis, "none")));
        if (!protocol.tunes()) {
          key.add("recipe " + recipe);
        }
        contests.computeIfAbsent(key, k -> new ArrayList<>()).add(entrant(trial));
      }
    }
    return contests.entrySet().stream()
        .map(entry -> new Contest(String.join(" · ", entry.getKey()), entry.getValue()))
        .toList();
  }

  /** Returns a recipe on a task, with a seed that stands for all. */
  private static Trial trial(Recipe recipe, ModelSource base, TaskSource source, TaskPlan task) {
    boolean learns = recipe.method().learns();
    return new Trial(
        base,
        source,
        recipe.method(),
        recipe.targets(),
        recipe.rates(),
        learns ? task.training() : task.training().withoutSteps(),
        0);
  }

  private Contest.Entrant entrant(Trial trial) {
    List<Trial> evaluation = new ArrayList<>();
    for (long seed : seeds) {
      for (int copy = 0; copy < protocol.duplicates(); copy++) {
        evaluation.add(trial.withSeed(seed).copy(copy));
      }
    }
    return new Contest.Entrant(
        protocol.tuningSeeds().stream().map(trial::tuning).toList(), List.copyOf(evaluation));
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
