package org.peftsweep.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.peftsweep.spec.Axes;
import org.peftsweep.spec.Claim;

/**
 * The recipes that a statement holds against each other: cells alike in all but what each side has
 * of its own are one side, for which the best of them stands.
 *
 * <p>What tells cells apart besides settings, such as data or the version of a method, is the same
 * in all cells of a side and in both sides; versions of different methods are no such thing.
 *
 * <p>A rate of the head is part of a recipe in one of two ways: it is a number, or it follows the
 * common rate. Where both numbers are equal it may be either, so such a cell stands in sides of
 * both kinds; sides of different kinds, or with different numbers, are never held against each
 * other. Where the statement names the head's rate it is a setting like any other.
 */
final class Sides {
  /**
   * Recipes of which the best stands for a side; where nothing is chosen it is one.
   *
   * @param fixed settings that all of them have, the head's rate left out where nothing names it
   * @param head what its rate is: a number, or that it follows the other
   * @param best the one
   */
  record Side(SortedMap<String, String> fixed, String head, List<Cell> cells, Cell best) {
    private Side(SortedMap<String, String> fixed, String head, List<Cell> cells) {
      this(fixed, head, cells, Choice.best(cells));
    }
  }

  private static final String HEAD_RATE = "head-learning-rate";

  /** As sweep files say that the head's rate is the common one. */
  private static final String FOLLOWS = "same";

  private final Claim claim;
  private final List<Cell> cells;
  private final Set<String> free;
  private final boolean isHeadNamed;

  /**
   * Looks at the recipes of a task.
   *
   * @param cells all of them
   */
  Sides(Claim claim, List<Cell> cells) {
    this.claim = claim;
    this.cells = cells;
    this.free = new TreeSet<>(claim.bestOf());
    if (claim.measure() == Claim.Measure.BEST_LEARNING_RATE) {
      free.add(Cell.LEARNING_RATE);
    }
    this.isHeadNamed =
        free.contains(HEAD_RATE)
            || claim.first().containsKey(HEAD_RATE)
            || claim.second().containsKey(HEAD_RATE)
            || claim.less().containsKey(HEAD_RATE);
  }

  /** Two sides that differ in what the statement names alone. */
  record Couple(Side first, Side second) {
    /** Whether another one compares all of this one's recipes, and more. */
    boolean isPartOf(Couple other) {
      return this != other
          && other.first.cells().containsAll(first.cells())
          && other.second.cells().containsAll(second.cells());
    }
  }

  /** Returns all that are to be compared, each once. */
  List<Couple> couples() {
    Map<List<List<Cell>>, Couple> couples = new LinkedHashMap<>();
    List<Side> seconds = of(claim.second());
    for (Side first : of(claim.first())) {
      for (Side second : seconds) {
        if (areCouple(first, second)) {
          couples.putIfAbsent(List.of(first.cells(), second.cells()), new Couple(first, second));
        }
      }
    }
    List<Couple> all = List.copyOf(couples.values());
    return all.stream().filter(one -> all.stream().noneMatch(one::isPartOf)).toList();
  }

  private List<Side> of(Map<String, List<String>> filter) {
    Map<List<Object>, List<Cell>> sides = new LinkedHashMap<>();
    for (Cell cell : cells) {
      if (cell.is(filter)) {
        for (String head : heads(cell)) {
          sides
              .computeIfAbsent(
                  List.of(fixed(cell, Set.of()), cell.beside(), head), key -> new ArrayList<>())
              .add(cell);
        }
      }
    }
    List<Side> all = new ArrayList<>();
    sides.forEach(
        (key, of) -> all.add(new Side(fixed(of.get(0), Set.of()), (String) key.get(2), of)));
    return all;
  }

  /** Returns what the head's rate may be; that it follows comes first. */
  private List<String> heads(Cell cell) {
    String rate = cell.axes().get(HEAD_RATE);
    if (isHeadNamed || rate == null) {
      return List.of("");
    }
    return Axes.areSame(rate, cell.axes().get(Cell.LEARNING_RATE))
        ? List.of(FOLLOWS, rate)
        : List.of(rate);
  }

  /** Returns the settings of which no side has its own, and of these some. */
  private SortedMap<String, String> fixed(Cell cell, Set<String> some) {
    Set<String> own = new TreeSet<>(free);
    own.removeAll(some);
    if (!isHeadNamed) {
      own.add(HEAD_RATE);
    }
    return cell.without(own);
  }

  /** Whether sides are alike in all that the second does not name. */
  private boolean areCouple(Side first, Side second) {
    return !first.cells().equals(second.cells())
        && first.head().equals(second.head())
        && areBeside(first.best(), second.best())
        && first.fixed().keySet().stream()
            .filter(axis -> !claim.second().containsKey(axis))
            .filter(axis -> claim.first().containsKey(axis) || second.fixed().containsKey(axis))
            .allMatch(axis -> Axes.areSame(first.fixed().get(axis), second.fixed().get(axis)));
  }

  private static boolean areBeside(Cell one, Cell other) {
    boolean isOneMethod = one.axes().get(Cell.METHOD).equals(other.axes().get(Cell.METHOD));
    return one.beside().keySet().stream()
        .filter(column -> isOneMethod || !column.equals(Results.VERSION))
        .allMatch(column -> Objects.equals(one.beside().get(column), other.beside().get(column)));
  }

  /**
   * Returns what a side is with the settings that gains are counted from.
   *
   * @param filter what it may be of the axes that each side has of its own
   */
  Optional<Side> less(Side side, Map<String, List<String>> filter) {
    return like(side, claim.less(), filter);
  }

  /** Returns the first side with one axis as in the second. */
  Optional<Side> turned(Couple couple, String axis) {
    return like(couple.first(), over(couple, axis), ownOfTurned(axis));
  }

  private Map<String, String> over(Couple couple, String axis) {
    return free.contains(axis) ? Map.of() : Map.of(axis, couple.second().fixed().get(axis));
  }

  /** Returns what a statement's side says of the axes that each side has of its own. */
  Map<String, List<String>> own(Map<String, List<String>> side) {
    Map<String, List<String>> own = new TreeMap<>(side);
    own.keySet().retainAll(free);
    return own;
  }

  /** Returns the same of the first side with one axis as in the second. */
  Map<String, List<String>> ownOfTurned(String axis) {
    Map<String, List<String>> own = own(claim.first());
    if (free.contains(axis)) {
      own.put(axis, claim.second().get(axis));
    }
    return own;
  }

  private Optional<Side> like(
      Side side, Map<String, String> over, Map<String, List<String>> filter) {
    SortedMap<String, String> fixed = new TreeMap<>(side.fixed());
    fixed.putAll(over);
    Map<String, List<String>> others = new TreeMap<>(filter);
    others.keySet().removeAll(over.keySet());
    List<Cell> alike =
        cells.stream()
            .filter(cell -> heads(cell).contains(side.head()) && cell.is(others))
            .filter(cell -> areBeside(side.best(), cell))
            .filter(cell -> areAlike(fixed, fixed(cell, over.keySet()), over.keySet()))
            .toList();
    return alike.isEmpty() ? Optional.empty() : Optional.of(new Side(fixed, side.head(), alike));
  }

  /** Whether settings are the same; of another method those that both have. */
  private static boolean areAlike(
      SortedMap<String, String> asked, SortedMap<String, String> own, Set<String> over) {
    boolean isOfOtherMethod = over.contains(Cell.METHOD);
    return (isOfOtherMethod || asked.keySet().equals(own.keySet()))
        && asked.keySet().stream()
            .filter(axis -> !isOfOtherMethod || own.containsKey(axis))
            .allMatch(axis -> Axes.areSame(asked.get(axis), own.get(axis)));
  }

  /**
   * Returns the recipes that would be the first side with one axis as in the second, where there
   * are none: with whatever either side has of its own, for its best is not known.
   */
  List<SortedMap<String, String>> lacking(Couple couple, String axis) {
    if (turned(couple, axis).isPresent()) {
      return List.of();
    }
    List<SortedMap<String, String>> lacking = new ArrayList<>();
    Map<String, List<String>> filter = ownOfTurned(axis);
    for (Side side : List.of(couple.first(), couple.second())) {
      for (Cell cell : side.cells()) {
        SortedMap<String, String> axes = new TreeMap<>(couple.first().best().axes());
        if (axis.equals(Cell.METHOD)) {
          SortedMap<String, String> ofMethod = new TreeMap<>(couple.second().best().axes());
          ofMethod.replaceAll((key, value) -> axes.getOrDefault(key, value));
          axes.clear();
          axes.putAll(ofMethod);
        }
        axes.putAll(over(couple, axis));
        free.stream()
            .filter(own -> cell.axes().containsKey(own))
            .forEach(own -> axes.put(own, cell.axes().get(own)));
        if (couple.first().head().equals(FOLLOWS)) {
          axes.put(HEAD_RATE, axes.get(Cell.LEARNING_RATE));
        }
        if (new Cell(axes, Map.of(), List.of()).is(filter) && !lacking.contains(axes)) {
          lacking.add(axes);
        }
      }
    }
    return lacking;
  }
}
