package org.peftsweep.spec;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.peftsweep.data.DataException;
import org.peftsweep.method.Methods;
import org.peftsweep.optim.Rates;

/**
 * A sweep file, checked: every recipe on every task with every seed.
 *
 * @param name of the folder of results, {@code [a-z0-9-]+}
 * @param model location of the base model
 * @param recipes in the order of the file, each once
 * @param tasks in the order of the file
 * @param retention texts whose loss is measured beside the score, or none; without a content hash
 * @param seeds with which trials are evaluated
 * @param protocol how recipes are chosen for that
 * @param search how the best recipe is sought; recipes are then those that are known from the
 *     start, or where they depend on results some that may be tried
 * @param space what is searched; empty for a grid
 * @param execution what it runs on; no part of a trial
 * @param claims statements that it tests
 * @param defaults what trials of a block have that names nothing but its method, by task and by
 *     axis: training, sample, base and layers. Of keys that are lists in the file such a block has
 *     all values, so they are left out; the head's rate is as it is written
 */
public record Sweep(
    String name,
    String model,
    List<Recipe> recipes,
    List<TaskPlan> tasks,
    TaskSource retention,
    List<Long> seeds,
    Protocol protocol,
    Search search,
    Optional<Space> space,
    Execution execution,
    List<Claim> claims,
    SortedMap<String, SortedMap<String, String>> defaults) {
  public Sweep {
    claims = List.copyOf(claims);
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
    return candidates(modelHash, taskHash).stream().flatMap(Candidates::first).toList();
  }

  /**
   * Returns every choice that the protocol asks for; without tuning each recipe stands alone on
   * each task.
   */
  public List<Candidates> candidates(
      Function<String, String> modelHash, Function<TaskSource, String> taskHash) {
    return candidates(contents(modelHash, taskHash));
  }

  /**
   * Returns what this sweep's trials are made of besides recipes; reads models and tasks once.
   *
   * @param modelHash content hash of the model or adapter at a location
   * @param taskHash content hash of a task's examples
   * @throws SpecException with what is wrong with the data of any task
   */
  public Contents contents(
      Function<String, String> modelHash, Function<TaskSource, String> taskHash) {
    String hash = modelHash.apply(model);
    Map<String, AdapterSource> adapters = new TreeMap<>();
    List<TaskSource> sources = new ArrayList<>();
    Set<String> faults = new LinkedHashSet<>();
    for (TaskPlan task : tasks) {
      hashed(task.source(), taskHash, faults).ifPresent(sources::add);
    }
    TaskSource texts =
        retention.isNone()
            ? TaskSource.NONE
            : hashed(retention, taskHash, faults).orElse(TaskSource.NONE);
    if (!faults.isEmpty()) {
      throw new SpecException(faults);
    }
    return new Contents(
        sources,
        texts,
        asked -> {
          AdapterSource adapter =
              AdapterSource.isNone(asked.adapter())
                  ? AdapterSource.NONE
                  : adapters.computeIfAbsent(
                      asked.adapter(), place -> new AdapterSource(place, modelHash.apply(place)));
          return new ModelSource(model, hash, asked.randomInit(), adapter, asked.weights());
        });
  }

  private static Optional<TaskSource> hashed(
      TaskSource source, Function<TaskSource, String> taskHash, Set<String> faults) {
    try {
      return Optional.of(source.withContentHash(taskHash.apply(source)));
    } catch (DataException e) {
      faults.add(e.getMessage());
      return Optional.empty();
    }
  }

  /**
   * Model and data of a sweep with their contents' hashes.
   *
   * @param sources of the tasks
   * @param retention texts whose loss is measured beside the score, or none
   * @param base of a recipe
   */
  public record Contents(
      List<TaskSource> sources, TaskSource retention, Function<Recipe, ModelSource> base) {}

  /** Returns a recipe's trials on the task of that number. */
  public Candidates.Entrant entrant(Recipe recipe, int task, Contents contents) {
    return entrant(
        trial(recipe, contents.base().apply(recipe), contents.sources().get(task), tasks.get(task))
            .withRetention(contents.retention()));
  }

  /** The same choices of contents that were read before. */
  public List<Candidates> candidates(Contents contents) {
    Map<List<String>, List<Candidates.Entrant>> candidates = new LinkedHashMap<>();
    for (int recipe = 0; recipe < recipes.size(); recipe++) {
      Recipe asked = recipes.get(recipe);
      ModelSource base = contents.base().apply(asked);
      for (int task = 0; task < tasks.size(); task++) {
        Trial trial =
            trial(asked, base, contents.sources().get(task), tasks.get(task))
                .withRetention(contents.retention());
        List<String> key = new ArrayList<>(List.of(contents.sources().get(task).task().name()));
        if (protocol.tunes()) {
          SortedMap<String, String> axes = Axes.of(trial);
          protocol.select().forEach(axis -> key.add(axes.getOrDefault(axis, "none")));
        } else {
          key.add("recipe " + recipe);
        }
        candidates.computeIfAbsent(key, k -> new ArrayList<>()).add(entrant(trial));
      }
    }
    return candidates.entrySet().stream()
        .map(entry -> new Candidates(String.join(" · ", entry.getKey()), entry.getValue()))
        .toList();
  }

  /** Returns a recipe on a task, with a seed that stands for all. */
  private static Trial trial(Recipe recipe, ModelSource base, TaskSource source, TaskPlan task) {
    Training training = task.training().with(recipe.training());
    return new Trial(
        base,
        source.withSample(recipe.sample()),
        recipe.method(),
        recipe.targets(),
        recipe.layers(),
        rates(recipe, training),
        recipe.method().learns() ? training : training.withoutSteps(),
        0,
        Phase.EVALUATION,
        0);
  }

  /** Those that count: trials that differ in others alone are one. */
  private static Rates rates(Recipe recipe, Training training) {
    Rates rates = recipe.rates();
    if (!recipe.method().learns()) {
      return rates;
    }
    if (training.optimizer().findsRate()) {
      rates = rates.relative();
    }
    return countsRatio(recipe) ? rates : rates.withoutRatio();
  }

  private static boolean countsRatio(Recipe recipe) {
    return recipe.rates().grouping() != Rates.Grouping.ROLES
        || recipe.method().learnsValues(recipe.targets());
  }

  /** Returns the ids of methods for which a ratio is given that does not count. */
  public SortedSet<String> withoutRatio() {
    SortedSet<String> ids = new TreeSet<>();
    for (Recipe recipe : recipes) {
      if (recipe.method().learns() && recipe.rates().ratio() != 1 && !countsRatio(recipe)) {
        ids.add(Methods.id(recipe.method()));
      }
    }
    return ids;
  }

  private Candidates.Entrant entrant(Trial trial) {
    List<Trial> evaluation = new ArrayList<>();
    for (long seed : seeds) {
      for (int copy = 0; copy < protocol.duplicates(); copy++) {
        evaluation.add(trial.withSeed(seed).copy(copy));
      }
    }
    return new Candidates.Entrant(
        protocol.tuningSeeds().stream().map(trial::tuning).toList(), List.copyOf(evaluation));
  }

  /** Returns what gives this sweep's trials their titles. */
  public Titles titles() {
    return new Titles(recipes);
  }
}
