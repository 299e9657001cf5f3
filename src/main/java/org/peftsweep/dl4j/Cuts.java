package org.peftsweep.dl4j;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;

/**
 * Where a recorded graph is cut so that each part is a layer: one input, and parameters of one
 * module. What has no parameters may have several inputs, and is computed wherever it is needed.
 *
 * <p>A layer of Deeplearning4j has one input, and only layers keep their parameters when a network
 * is made over for transfer learning.
 */
final class Cuts {
  /**
   * What a value depends on.
   *
   * @param from the values at cuts that it is computed from
   * @param modules those that parameters on the way belong to
   * @param holds whether there are parameters on the way
   */
  private record Facts(Set<String> from, Set<String> modules, boolean holds) {
    /** Whether it is computed from parameters alone. */
    boolean isOwn() {
      return from.isEmpty() && holds;
    }

    /** Whether it is computed from parameters and other values. */
    boolean isMixed() {
      return !from.isEmpty() && holds;
    }

    boolean isPlain() {
      return !from.isEmpty() && !holds;
    }
  }

  private final Map<String, String> modules;
  private final Predicate<String> learns;
  private final List<SameDiffOp> operations = new ArrayList<>();
  private final Map<String, SameDiffOp> makers = new HashMap<>();
  private final Map<String, Integer> places = new HashMap<>();
  private final Set<String> cuts = new LinkedHashSet<>();
  private final Map<String, Facts> facts = new HashMap<>();

  /**
   * Finds the cuts.
   *
   * @param inputs what goes in
   * @param ends what comes out, and what is to be cut besides
   * @param modules of parameters; empty for those that serve several
   * @param learns whether a parameter learns
   */
  Cuts(
      SameDiff graph,
      List<String> inputs,
      List<String> ends,
      Map<String, String> modules,
      Predicate<String> learns) {
    this.modules = modules;
    this.learns = learns;
    for (SameDiffOp operation : graph.getOps().values()) {
      operation.getOutputsOfOp().forEach(name -> makers.put(name, operation));
    }
    Set<String> needed = before(ends.get(0), name -> false);
    for (SameDiffOp operation : graph.getOps().values()) {
      if (needed.contains(operation.getName())) {
        places.put(operation.getName(), operations.size());
        operations.add(operation);
      }
    }
    cuts.addAll(inputs);
    cuts.addAll(ends);
    while (addsOne()) {
      facts.clear();
    }
  }

  /** Returns what is cut in the order in which it can be computed, inputs included. */
  List<String> all() {
    return Stream.concat(
            cuts.stream().filter(name -> !makers.containsKey(name)),
            operations.stream()
                .flatMap(operation -> operation.getOutputsOfOp().stream())
                .filter(cuts::contains))
        .toList();
  }

  /** Returns the operations that compute a value from those at cuts, in order. */
  List<SameDiffOp> part(String value) {
    Set<String> part = before(value, cuts::contains);
    return operations.stream().filter(each -> part.contains(each.getName())).toList();
  }

  boolean isCut(String value) {
    return cuts.contains(value);
  }

  /** Returns the names of the operations that a value comes from. */
  private Set<String> before(String value, Predicate<String> ends) {
    Set<String> found = new HashSet<>();
    Deque<SameDiffOp> open = new ArrayDeque<>();
    if (makers.containsKey(value)) {
      open.push(makers.get(value));
    }
    while (!open.isEmpty()) {
      SameDiffOp next = open.pop();
      if (found.add(next.getName())) {
        for (String input : inputs(next)) {
          if (makers.containsKey(input) && !ends.test(input)) {
            open.push(makers.get(input));
          }
        }
      }
    }
    return found;
  }

  private static List<String> inputs(SameDiffOp operation) {
    return operation.getInputsToOp() == null ? List.of() : operation.getInputsToOp();
  }

  private boolean addsOne() {
    for (SameDiffOp operation : operations) {
      Set<String> before = new LinkedHashSet<>(inputs(operation));
      Facts merged = merged(before);
      List<String> wanted = new ArrayList<>();
      if (merged.modules.size() > 1) {
        wanted.addAll(ofOtherModules(before));
      }
      if (wanted.isEmpty() && merged.holds && merged.from.size() > 1) {
        wanted.addAll(ofSeveral(before));
      }
      if (!wanted.isEmpty()) {
        return cuts.addAll(wanted);
      }
      operation.getOutputsOfOp().forEach(name -> facts.put(name, merged));
    }
    return addsShared();
  }

  private Facts merged(Set<String> values) {
    Set<String> from = new TreeSet<>();
    Set<String> all = new TreeSet<>();
    boolean holds = false;
    for (String value : values) {
      Facts own = of(value);
      from.addAll(own.from);
      all.addAll(own.modules);
      holds |= own.holds;
    }
    return new Facts(from, all, holds);
  }

  private Facts of(String value) {
    if (cuts.contains(value)) {
      return new Facts(Set.of(value), Set.of(), false);
    }
    String module = modules.get(value);
    if (module != null) {
      return new Facts(Set.of(), module.isEmpty() ? Set.of() : Set.of(module), true);
    }
    return facts.getOrDefault(value, new Facts(Set.of(), Set.of(), false));
  }

  /** Where parameters of several modules meet: what those of other modules gave. */
  private List<String> ofOtherModules(Set<String> values) {
    Set<String> own = new TreeSet<>();
    values.stream().map(this::of).filter(Facts::isOwn).forEach(each -> own.addAll(each.modules));
    return values.stream()
        .filter(
            value ->
                of(value).isMixed()
                    && !of(value).modules.isEmpty()
                    && !own.equals(of(value).modules))
        .toList();
  }

  /** Where parameters meet several values: what parameters gave, or the one value they act on. */
  private List<String> ofSeveral(Set<String> values) {
    List<String> mixed = values.stream().filter(value -> of(value).isMixed()).toList();
    if (!mixed.isEmpty()) {
      return mixed;
    }
    List<String> plain = values.stream().filter(value -> of(value).isPlain()).toList();
    return plain.size() == 1 && !cuts.contains(plain.get(0))
        ? plain
        : values.stream().filter(value -> of(value).isOwn()).toList();
  }

  /** Cuts what several parts would compute with the same parameters. */
  private boolean addsShared() {
    Map<String, Integer> parts = new LinkedHashMap<>();
    for (String cut : all()) {
      Set<String> used = new LinkedHashSet<>();
      for (SameDiffOp operation : part(cut)) {
        used.addAll(inputs(operation));
        used.addAll(operation.getOutputsOfOp());
      }
      used.stream()
          .filter(value -> !cuts.contains(value))
          .forEach(v -> parts.merge(v, 1, Integer::sum));
    }
    List<String> shared = new ArrayList<>(parts.keySet());
    shared.removeIf(value -> parts.get(value) == 1 || !isToShare(value));
    shared.sort((a, b) -> Integer.compare(place(a), place(b)));
    return !shared.isEmpty() && cuts.add(shared.get(shared.size() - 1));
  }

  private int place(String value) {
    return places.getOrDefault(makers.containsKey(value) ? makers.get(value).getName() : "", -1);
  }

  private boolean isToShare(String value) {
    Facts own = of(value);
    return own.isMixed() || own.isOwn() && parameters(value).stream().anyMatch(learns);
  }

  private Set<String> parameters(String value) {
    Set<String> found = new LinkedHashSet<>();
    if (modules.containsKey(value)) {
      found.add(value);
    }
    for (SameDiffOp operation : part(value)) {
      inputs(operation).stream().filter(modules::containsKey).forEach(found::add);
    }
    return found;
  }
}
