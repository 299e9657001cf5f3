package org.peftsweep.spec;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.model.Layers;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Rates;

/**
 * All that decides the result of one training run. It travels between machines and into tables as
 * {@link #toJson}.
 *
 * @param targets roles of the matrices the method works on, in the order of {@link Role}; empty for
 *     methods without targets
 * @param layers whose matrices those are; all for methods without targets
 * @param training how it trains; without a step where the method does not learn
 * @param seed of initialisation, data order, dropout and the method's own sampling
 * @param phase tuning trials never look at the reported sets
 * @param copy 0, or the number of a copy that differs in nothing but chance: its seed is derived
 * @param retention texts whose loss is measured beside the score, before and after training; no
 *     part of the identity, as nothing learns from them
 */
public record Trial(
    ModelSource model,
    TaskSource task,
    Method method,
    Set<Role> targets,
    Layers layers,
    Rates rates,
    Training training,
    long seed,
    Phase phase,
    int copy,
    TaskSource retention) {
  public Trial {
    Objects.requireNonNull(model, "model");
    Objects.requireNonNull(task, "task");
    Objects.requireNonNull(layers, "layers");
    Objects.requireNonNull(rates, "rates");
    Objects.requireNonNull(training, "training");
    Objects.requireNonNull(phase, "phase");
    Objects.requireNonNull(retention, "retention");
    String id = Methods.id(method);
    if (method.usesTargets() == targets.isEmpty()) {
      throw new IllegalArgumentException(
          "Cannot use targets = "
              + targets
              + " with method "
              + id
              + ": give "
              + (method.usesTargets() ? "at least one" : "none"));
    }
    if (targets.isEmpty() && !layers.isAll()) {
      throw new IllegalArgumentException(
          "Cannot use layers = " + layers + " with method " + id + ": give all, it has no targets");
    }
    if (!method.learns() && training.takesSteps()) {
      throw new IllegalArgumentException(
          "Cannot train with method " + id + ": give 0 epochs and 0 max-steps");
    }
    Set<Role> ordered = EnumSet.noneOf(Role.class);
    ordered.addAll(targets);
    targets = Collections.unmodifiableSet(ordered);
  }

  /** A trial of which no retention is measured. */
  public Trial(
      ModelSource model,
      TaskSource task,
      Method method,
      Set<Role> targets,
      Layers layers,
      Rates rates,
      Training training,
      long seed,
      Phase phase,
      int copy) {
    this(model, task, method, targets, layers, rates, training, seed, phase, copy, TaskSource.NONE);
  }

  /** A trial that is evaluated, and no copy. */
  public Trial(
      ModelSource model,
      TaskSource task,
      Method method,
      Set<Role> targets,
      Rates rates,
      Training training,
      long seed) {
    this(model, task, method, targets, Layers.ALL, rates, training, seed, Phase.EVALUATION, 0);
  }

  /** Returns the same with another seed. */
  public Trial withSeed(long seed) {
    return with(seed, phase, copy);
  }

  /** Returns the same with other texts whose loss is measured; its id is the same too. */
  public Trial withRetention(TaskSource texts) {
    return new Trial(
        model, task, method, targets, layers, rates, training, seed, phase, copy, texts);
  }

  private Trial with(long ownSeed, Phase ownPhase, int ownCopy) {
    return new Trial(
        model, task, method, targets, layers, rates, training, ownSeed, ownPhase, ownCopy,
        retention);
  }

  /** Returns the same trial as a candidate with a tuning seed. */
  Trial tuning(long seed) {
    return with(seed, Phase.TUNING, 0);
  }

  /** Returns a copy with a seed of its own; number 0 is the trial itself. */
  Trial copy(int number) {
    return number == 0 ? this : with(new Seeds(seed).of("copy", number), phase, number);
  }

  /**
   * Returns 12 hexadecimal digits that name the trial wherever it runs: SHA-256 over {@link
   * #toJson} with the version of the method, and without what cannot change the result: where model
   * and data lie, retention, epochs beside max-steps, and how to train where no step is taken.
   */
  public String id() {
    return TrialJson.id(this);
  }

  /** Returns the same for what the seeds of a recipe on a task have in common. */
  public String recipe() {
    return with(0, phase, 0).id();
  }

  /**
   * Returns every setting as JSON with sorted keys, from which the trial can be run again. The
   * version of the method is in it too.
   */
  public String toJson() {
    return TrialJson.write(this);
  }

  /**
   * Reads what {@link #toJson} wrote. Its id is that of the method's present version: where it
   * differs from the id under which a row was stored, the row is stale.
   *
   * @throws SpecException for text that is not a whole trial
   */
  public static Trial fromJson(String json) {
    return TrialJson.read(json);
  }

  /** Returns the method's id, {@code lora}; with a plug-in {@code lora+ist}. */
  public String methodId() {
    return Methods.id(method);
  }

  /** Returns the method as the benchmark's tables write it: {@code Full Fine-tune}. */
  public String methodLabel() {
    return method.label();
  }

  /** Returns the targets as the benchmark's tables write them: {@code QKV}; empty for none. */
  public String targetsLabel() {
    return Targets.label(targets);
  }

  /**
   * Returns a line that people recognise: {@code rte · lora r=8 qv λ=4 · seed 0}. {@link Titles}
   * adds what else tells the trials of a sweep apart.
   */
  public String title() {
    return title(List.of());
  }

  String title(List<String> more) {
    List<String> words = new ArrayList<>(List.of(methodId()));
    Object rank = RecordFields.of(method).get("rank");
    if (rank != null) {
      words.add("r=" + rank);
    }
    if (!targets.isEmpty()) {
      words.add(Targets.name(targets));
    }
    if (rates.ratio() != 1) {
      words.add("λ=" + Numbers.text(rates.ratio()));
    }
    if (model.randomInit()) {
      words.add("random base");
    }
    words.addAll(more);
    String run = phase == Phase.TUNING ? "tuning seed " + seed : "seed " + seed;
    String number = copy == 0 ? "" : " · copy " + copy;
    return task.task().name() + " · " + String.join(" ", words) + " · " + run + number;
  }
}
