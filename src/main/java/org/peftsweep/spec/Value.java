package org.peftsweep.spec;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.nodes.Tag;

/** What a YAML file says, and where it says it: {@code conf/quickstart.yaml:7}. */
sealed interface Value {
  /** File and line. */
  String place();

  /** A short form for messages. */
  String text();

  /**
   * One word or number.
   *
   * @param isPlain whether it stands without quotes
   * @param tag what YAML takes it for
   */
  record Scalar(String place, String text, boolean isPlain, Tag tag) implements Value {
    /** Whether nothing stands behind the key. */
    boolean isNothing() {
      return isPlain && text.isEmpty();
    }
  }

  /** A list. */
  record Items(String place, List<Value> items) implements Value {
    @Override
    public String text() {
      return items.stream().map(Value::text).toList().toString();
    }
  }

  /** Keys with their values, in the order of the file. */
  record Section(String place, Map<String, Entry> entries) implements Value {
    @Override
    public String text() {
      return "{" + String.join(", ", entries.keySet()) + "}";
    }

    /** Returns this with all of {@code upper} laid over it, key by key through all sections. */
    Section under(Section upper) {
      Map<String, Entry> merged = new LinkedHashMap<>(entries);
      upper.entries.forEach(
          (key, entry) -> {
            Entry mine = merged.get(key);
            boolean both =
                mine != null && mine.value() instanceof Section && entry.value() instanceof Section;
            Value value =
                both ? ((Section) mine.value()).under((Section) entry.value()) : entry.value();
            merged.put(key, new Entry(entry.place(), value));
          });
      return new Section(upper.place, merged);
    }

    /** Returns this without a key. */
    Section without(String key) {
      Map<String, Entry> rest = new LinkedHashMap<>(entries);
      rest.remove(key);
      return new Section(place, rest);
    }
  }

  /**
   * A key's value.
   *
   * @param place of the key
   */
  record Entry(String place, Value value) {}
}
