package org.peftsweep.spec;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.NamingBase;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.peftsweep.method.Method;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.Optimizers;

/** What a record holds, under the names of sweep files: {@code maxTokens} is {@code max-tokens}. */
final class RecordFields {
  private static final NamingBase KEBAB = (NamingBase) PropertyNamingStrategies.KEBAB_CASE;

  /** Reflection copies the components at each call, and sweeps have many trials. */
  private static final ClassValue<List<Component>> COMPONENTS =
      new ClassValue<>() {
        @Override
        protected List<Component> computeValue(Class<?> record) {
          return Arrays.stream(record.getRecordComponents())
              .map(component -> new Component(name(component), component))
              .toList();
        }
      };

  private record Component(String name, RecordComponent component) {}

  private RecordFields() {}

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

  /** The names of all optimizers' settings. */
  static Set<String> ofOptimizers() {
    Set<String> names = new LinkedHashSet<>();
    Optimizers.all().values().forEach(type -> names.addAll(names(type)));
    return names;
  }

  /** All settings; beside a plug-in's those of its method, beside an optimizer's id its own. */
  static SortedMap<String, Object> of(Object record) {
    SortedMap<String, Object> fields = new TreeMap<>();
    for (Component component : COMPONENTS.get(record.getClass())) {
      Object value = valueOf(component.component(), record);
      if (value instanceof Optimizer optimizer) {
        fields.put(component.name(), Optimizers.id(optimizer.getClass()));
        fields.putAll(of(optimizer));
      } else if (isMethod(component.component())) {
        fields.putAll(of(value));
      } else {
        fields.put(component.name(), value);
      }
    }
    return fields;
  }

  /** Returns the same record with other values, by the names in sweep files. */
  static <T extends Record> T with(T record, Map<String, Object> others) {
    if (others.isEmpty()) {
      return record;
    }
    List<Object> values = new ArrayList<>();
    for (Component component : COMPONENTS.get(record.getClass())) {
      Object other = others.get(component.name());
      values.add(other == null ? valueOf(component.component(), record) : other);
    }
    @SuppressWarnings("unchecked")
    Class<T> type = (Class<T>) record.getClass();
    return make(type, values);
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
