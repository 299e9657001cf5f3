package org.peftsweep.spec;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.NamingBase;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.peftsweep.method.Method;

/** What a record holds, under the names of sweep files: {@code maxTokens} is {@code max-tokens}. */
final class RecordFields {
  private static final NamingBase KEBAB = (NamingBase) PropertyNamingStrategies.KEBAB_CASE;

  private RecordFields() {}

  /** A component's name in sweep files and its value. */
  record Field(String name, Object value) {}

  /** The name in sweep files. */
  static String name(RecordComponent component) {
    return KEBAB.translate(component.getName());
  }

  /** The names of its settings; the method that a plug-in is plugged into is none of them. */
  static List<String> names(Class<?> record) {
    return Arrays.stream(record.getRecordComponents())
        .filter(component -> !isMethod(component))
        .map(RecordFields::name)
        .toList();
  }

  /** All settings; a plug-in's beside those of the method that it is plugged into. */
  static List<Field> of(Object record) {
    return Arrays.stream(record.getClass().getRecordComponents())
        .flatMap(
            component ->
                isMethod(component)
                    ? of(valueOf(component, record)).stream()
                    : Stream.of(new Field(name(component), valueOf(component, record))))
        .toList();
  }

  static boolean isMethod(RecordComponent component) {
    return component.getType() == Method.class;
  }

  /** Makes the record; what its constructor refuses comes as {@link IllegalArgumentException}. */
  static <T> T make(Class<T> record, List<Object> values) {
    Class<?>[] types =
        Arrays.stream(record.getRecordComponents())
            .map(RecordComponent::getType)
            .toArray(Class<?>[]::new);
    try {
      Constructor<T> constructor = record.getDeclaredConstructor(types);
      return constructor.newInstance(values.toArray());
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof IllegalArgumentException refusal) {
        throw refusal;
      }
      throw new IllegalStateException(e);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Object valueOf(RecordComponent component, Object record) {
    try {
      return component.getAccessor().invoke(record);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }
}
