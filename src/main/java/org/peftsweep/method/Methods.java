package org.peftsweep.method;

import java.util.Arrays;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;

/** What can be told of all methods from the sealed interfaces: their ids and records. */
public final class Methods {
  private static final SortedMap<String, Class<? extends Method>> BY_ID =
      byId(Method.class, Method.class);
  private static final SortedMap<String, Class<? extends PlugIn>> PLUG_INS =
      byId(PlugIn.class, PlugIn.class);

  private Methods() {}

  /**
   * Returns every method's record by its id, in alphabetical order; plug-ins are not among them.
   */
  public static SortedMap<String, Class<? extends Method>> all() {
    return BY_ID;
  }

  /** Returns every plug-in's record by its id. */
  public static SortedMap<String, Class<? extends PlugIn>> plugIns() {
    return PLUG_INS;
  }

  /** Returns the id that a method's record declares, without what is plugged into it. */
  public static String id(Class<?> method) {
    return MethodId.of(method);
  }

  /** Returns the id of a method with what is plugged into it: {@code lora}, {@code lora+ist}. */
  public static String id(Method method) {
    return method.id();
  }

  /** Attaches a method where a trial may start from an adapter that trained parts of the base. */
  public static MethodHooks attach(Method method, AttachContext to) {
    to.trainOfBase();
    return method.attach(to);
  }

  private static <T extends Method> SortedMap<String, Class<? extends T>> byId(
      Class<?> sealed, Class<T> type) {
    SortedMap<String, Class<? extends T>> byId = new TreeMap<>();
    Arrays.stream(sealed.getPermittedSubclasses())
        .flatMap(
            permitted ->
                permitted == Untargeted.class
                    ? Arrays.stream(permitted.getPermittedSubclasses())
                    : Stream.of(permitted))
        .filter(Class::isRecord)
        .forEach(record -> byId.put(id(record), record.asSubclass(type)));
    return Collections.unmodifiableSortedMap(byId);
  }
}
