package org.peftsweep.spec;

import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Supplier;

/**
 * The keys of one section of a sweep file with its defaults laid under it.
 *
 * @param path dotted keys that lead here, empty at the top
 * @param source names of the files, for keys that are missing
 */
record Fields(String path, Value.Section section, Source source, SpecErrors faults) {
  private static final String ALPHA = "alpha";
  private static final String RANK = "rank";

  /**
   * Where keys come from.
   *
   * @param file that is read, named where a key is missing that has no default
   * @param defaults name of the file of defaults, named where another key is missing
   * @param withoutDefault keys at the top that a file must give itself
   */
  record Source(String file, String defaults, Set<String> withoutDefault) {}

  Set<String> keys() {
    return section.entries().keySet();
  }

  boolean has(String key) {
    return section.entries().containsKey(key);
  }

  String place(String key) {
    return section.entries().get(key).place();
  }

  /** Notes every key that is none of these. */
  void allowOnly(Collection<String> allowed) {
    allowOnly(allowed, "");
  }

  /** The same, with words that say in which circumstances. */
  void allowOnly(Collection<String> allowed, String circumstances) {
    allowOnly(allowed, allowed, circumstances);
  }

  /**
   * The same where not all that is allowed is listed to whoever gave another key.
   *
   * @param listed what is said in place of the allowed keys
   */
  void allowOnly(Collection<String> allowed, Collection<String> listed, String circumstances) {
    section
        .entries()
        .forEach(
            (key, entry) -> {
              if (!allowed.contains(key)) {
                faults.add(
                    "Cannot use the key "
                        + Scalars.shown(key)
                        + " in "
                        + entry.place()
                        + circumstances
                        + ": "
                        + Scalars.choose(key, allowed, List.copyOf(listed)));
              }
            });
  }

  Value value(String key) {
    Value.Entry entry = section.entries().get(key);
    if (entry != null) {
      return entry.value();
    }
    String dotted = path.isEmpty() ? key : path + "." + key;
    if (path.isEmpty() && source.withoutDefault().contains(key)) {
      throw new SpecException("Cannot read " + source.file() + ": it lacks the key " + key);
    }
    throw new SpecException(
        "Cannot find " + dotted + " in " + source.defaults() + ": every default stands there");
  }

  /** The same of a key that must be given. */
  Value value(String key, String otherwise) {
    if (!has(key)) {
      throw new SpecException(
          "Cannot read the section in " + section.place() + " without " + key + ": " + otherwise);
    }
    return value(key);
  }

  /** The keys under a key. */
  Fields fields(String key) {
    Value value = value(key);
    if (value instanceof Value.Section inner) {
      return new Fields(path.isEmpty() ? key : path + "." + key, inner, source, faults);
    }
    throw Scalars.cannotUse(key, value, "write keys under it");
  }

  String word(String key) {
    return Scalars.word(key, value(key));
  }

  /** The values of a list that must not be empty or hold anything twice. */
  <T> List<T> list(String key, BiFunction<String, Value, T> read) {
    List<T> values = new ArrayList<>();
    for (Value item : Scalars.items(key, value(key))) {
      faults.attempt(() -> read.apply(key, item)).ifPresent(values::add);
    }
    return values;
  }

  /** The items of a list, or the value itself as the only one. */
  static List<Value> itemsOrOne(String key, Value value) {
    return value instanceof Value.Items ? Scalars.items(key, value) : List.of(value);
  }

  /** These with other values laid over them. */
  Fields under(Value.Section upper) {
    return new Fields(path, section.under(upper), source, faults);
  }

  /** Makes a record from the keys that are named like its components. */
  <T> T record(Class<T> type) {
    return record(type, null);
  }

  /** The same where the component of another record's type is given: a method, an optimizer. */
  <T> T record(Class<T> type, Object given) {
    List<Object> values = new ArrayList<>();
    for (RecordComponent component : type.getRecordComponents()) {
      if (component.getType().isInstance(given)) {
        values.add(given);
        continue;
      }
      String key = RecordFields.name(component);
      faults.attempt(() -> setting(component, key, type)).ifPresent(values::add);
    }
    if (values.size() < type.getRecordComponents().length) {
      // Each missing value has its fault noted.
      throw new SpecException(List.of());
    }
    return guarded(() -> RecordFields.make(type, values));
  }

  /** A setting's value; alpha may be given as a multiple of the rank beside it. */
  private Object setting(RecordComponent component, String key, Class<?> type) {
    if (key.equals(ALPHA) && RecordFields.names(type).contains(RANK)) {
      Optional<BigDecimal> factor = Scalars.multiple(value(key), RANK.charAt(0));
      if (factor.isPresent()) {
        int rank = Scalars.whole(RANK, value(RANK));
        return factor.get().multiply(BigDecimal.valueOf(rank)).doubleValue();
      }
    }
    Value value = value(key);
    if (type == Training.class && value instanceof Value.Items) {
      throw Scalars.cannotUse(
          key, value, "give one value, or write the list under training or in a block of the grid");
    }
    return Scalars.of(component.getType(), key, value);
  }

  /** Puts into a record's refusal what the file says of the setting that it names, and where. */
  <T> T guarded(Supplier<T> make) {
    try {
      return make.get();
    } catch (IllegalArgumentException e) {
      String message = e.getMessage();
      for (Map.Entry<String, Value.Entry> entry : section.entries().entrySet()) {
        if (message.startsWith("Cannot use " + entry.getKey() + " = ")) {
          throw Scalars.cannotUse(
              entry.getKey(), entry.getValue().value(), Scalars.instead(message));
        }
      }
      throw new SpecException(message.replaceFirst(": ", " in " + section.place() + ": "), e);
    }
  }
}
