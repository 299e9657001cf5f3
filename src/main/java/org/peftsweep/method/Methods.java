package org.peftsweep.method;

import java.util.Arrays;
import java.util.Collections;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;

/** What can be told of all methods from the sealed interface: their ids and records. */
public final class Methods {
  private static final SortedMap<String, Class<? extends Method>> BY_ID = byId();

  private Methods() {}

  /** Returns every method's record by its id, in alphabetical order. */
  public static SortedMap<String, Class<? extends Method>> all() {
    return BY_ID;
  }

  /**
   * Returns the id of a method's record: {@code LoRA} is {@code lora}, {@code HeadOnly} {@code
   * head-only}.
   */
  public static String id(Class<?> method) {
    return method
        .getSimpleName()
        .replaceAll("([a-z])((?!Lo[Rr])[A-Z][a-z])", "$1-$2")
        .toLowerCase(Locale.ROOT);
  }

  private static SortedMap<String, Class<? extends Method>> byId() {
    SortedMap<String, Class<? extends Method>> byId = new TreeMap<>();
    Arrays.stream(Method.class.getPermittedSubclasses())
        .forEach(record -> byId.put(id(record), record.asSubclass(Method.class)));
    return Collections.unmodifiableSortedMap(byId);
  }
}
