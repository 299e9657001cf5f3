package org.peftsweep.dl4j;

import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.model.Roles;

/** The settings of a method as text, by the names of its record's components. */
final class MethodSettings {
  private MethodSettings() {}

  /**
   * Returns them.
   *
   * @throws IllegalArgumentException for a method with another plugged into it
   */
  static Map<String, String> of(Method method) {
    if (!Methods.all().containsKey(method.id())) {
      throw new IllegalArgumentException(
          "Cannot make a layer of " + method.id() + ": give the method without what is plugged in");
    }
    Map<String, String> settings = new LinkedHashMap<>();
    try {
      for (RecordComponent component : method.getClass().getRecordComponents()) {
        Object value = component.getAccessor().invoke(method);
        settings.put(component.getName(), value instanceof Enum<?> e ? e.name() : value.toString());
      }
      return settings;
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("Cannot read the settings of " + method, e);
    }
  }

  /** Makes the method that has an id and these settings. */
  static Method method(String id, Map<String, String> settings) {
    Class<? extends Method> type = Methods.all().get(id);
    RecordComponent[] components = type.getRecordComponents();
    Class<?>[] types =
        Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
    Object[] values =
        Arrays.stream(components)
            .map(component -> value(component.getType(), settings.get(component.getName())))
            .toArray();
    try {
      return type.getDeclaredConstructor(types).newInstance(values);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("Cannot make " + id + " with " + settings, e);
    }
  }

  private static Object value(Class<?> type, String text) {
    if (type == int.class) {
      return Integer.valueOf(text);
    }
    if (type == long.class) {
      return Long.valueOf(text);
    }
    if (type == double.class) {
      return Double.valueOf(text);
    }
    if (type == boolean.class) {
      return Boolean.valueOf(text);
    }
    if (type == Roles.class) {
      return Roles.of(text);
    }
    return Arrays.stream(type.getEnumConstants())
        .filter(constant -> ((Enum<?>) constant).name().equals(text))
        .findFirst()
        .orElseThrow();
  }
}
