package org.peftsweep.optim;

import java.util.Arrays;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import org.peftsweep.model.Parameter;

/** What can be told of all optimizers from the sealed interface: their ids and records. */
public final class Optimizers {
  private static final SortedMap<String, Class<? extends Optimizer>> BY_ID = byId();

  private Optimizers() {}

  /** Returns every optimizer's record by its id, in alphabetical order. */
  public static SortedMap<String, Class<? extends Optimizer>> all() {
    return BY_ID;
  }

  /** Returns the id that an optimizer's record declares. */
  public static String id(Class<?> optimizer) {
    return optimizer.getAnnotation(Id.class).value();
  }

  /** Whether a parameter has more than one row and more than one column. */
  static boolean isMatrix(Parameter parameter) {
    return parameter.value().shape().length > 1
        && Math.min(parameter.value().rows(), parameter.value().columns()) > 1;
  }

  /**
   * Refuses a setting outside of [0, 1).
   *
   * @param setting its name in sweep files
   */
  static void requireFraction(String setting, double value) {
    if (!(value >= 0 && value < 1)) {
      throw new IllegalArgumentException(
          "Cannot use " + setting + " = " + value + ": give a number from 0 up to 1, without 1");
    }
  }

  /** Refuses a setting that is not above 0, or not finite. */
  static void requirePositive(String setting, double value) {
    if (!(value > 0) || Double.isInfinite(value)) {
      throw new IllegalArgumentException(
          "Cannot use " + setting + " = " + value + ": give a number above 0");
    }
  }

  /** Refuses a setting below 0, or not finite. */
  static void requireNotNegative(String setting, double value) {
    if (!(value >= 0) || Double.isInfinite(value)) {
      throw new IllegalArgumentException(
          "Cannot use " + setting + " = " + value + ": give a number of at least 0");
    }
  }

  /** Refuses a whole number below a least one. */
  static void requireAtLeast(String setting, int value, int least) {
    if (value < least) {
      throw new IllegalArgumentException(
          "Cannot use " + setting + " = " + value + ": give a whole number of at least " + least);
    }
  }

  private static SortedMap<String, Class<? extends Optimizer>> byId() {
    SortedMap<String, Class<? extends Optimizer>> byId = new TreeMap<>();
    Arrays.stream(Optimizer.class.getPermittedSubclasses())
        .forEach(record -> byId.put(id(record), record.asSubclass(Optimizer.class)));
    return Collections.unmodifiableSortedMap(byId);
  }
}
