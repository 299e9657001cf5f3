package org.peftsweep.spec;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.peftsweep.data.Task;
import org.peftsweep.data.Tasks;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * Replaces the folders that a sweep file names by their absolute locations, where they are there.
 */
final class NamedFolders {
  private static final Map<String, String> INSTEAD =
      Map.of(
          "model", "give builtin:mini or a folder with config.json, weights and a tokenizer",
          "data", "give the folder that holds the tasks' files",
          "adapter", "give a folder with adapter_config.json, or none");

  private final Locations locations;
  private final SpecErrors faults;

  NamedFolders(Locations locations, SpecErrors faults) {
    this.locations = locations;
    this.faults = faults;
  }

  /** Returns the keys at the top of a file with every folder that its tasks need made absolute. */
  Value.Section found(Value.Section top) {
    Value.Section found = replaced(top, "model", this::folders);
    found = replaced(found, "adapter", this::folders);
    found = replaced(found, "grid", value -> inEach(value, "adapter"));
    if (!isBuiltIn(top)) {
      found = replaced(found, "data", this::folders);
      found = replaced(found, "per-task", value -> inEach(value, "data"));
    }
    return found;
  }

  private interface Replacement {
    Value of(String key, Value value);
  }

  private static Value.Section replaced(Value.Section section, String key, Replacement by) {
    Value.Entry entry = section.entries().get(key);
    if (entry == null) {
      return section;
    }
    Map<String, Value.Entry> entries = new LinkedHashMap<>(section.entries());
    entries.put(key, new Value.Entry(entry.place(), by.of(key, entry.value())));
    return new Value.Section(section.place(), entries);
  }

  private static Value.Section replaced(
      Value.Section section, String key, UnaryOperator<Value> by) {
    return replaced(section, key, (name, value) -> by.apply(value));
  }

  /** In the sections of a list or below the keys of a section. */
  private Value inEach(Value value, String key) {
    if (value instanceof Value.Items items) {
      return new Value.Items(
          items.place(), items.items().stream().map(item -> inOne(item, key)).toList());
    }
    if (value instanceof Value.Section section) {
      Map<String, Value.Entry> entries = new LinkedHashMap<>();
      section
          .entries()
          .forEach(
              (name, entry) ->
                  entries.put(name, new Value.Entry(entry.place(), inOne(entry.value(), key))));
      return new Value.Section(section.place(), entries);
    }
    return value;
  }

  private Value inOne(Value value, String key) {
    return value instanceof Value.Section section ? replaced(section, key, this::folders) : value;
  }

  private Value folders(String key, Value value) {
    if (value instanceof Value.Items items) {
      return new Value.Items(
          items.place(), items.items().stream().map(item -> folders(key, item)).toList());
    }
    if (!(value instanceof Value.Scalar scalar)
        || scalar.tag() != Tag.STR
        || isNoFolder(key, scalar.text())) {
      return value;
    }
    return faults
        .<Value>attempt(
            () ->
                new Value.Scalar(
                    scalar.place(),
                    locations.folder(key, scalar.text(), scalar.place(), INSTEAD.get(key)),
                    false,
                    Tag.STR))
        .orElse(value);
  }

  private static boolean isNoFolder(String key, String text) {
    return text.isBlank()
        || switch (key) {
          case "model" -> text.startsWith(ModelSource.BUILT_IN);
          case "data" -> text.equals(TaskSource.BUILT_IN);
          default -> AdapterSource.isNone(text);
        };
  }

  /** Whether all tasks, and texts of retention, are generated, so that nobody looks at data. */
  private static boolean isBuiltIn(Value.Section top) {
    Set<String> builtIn =
        Tasks.all().stream().filter(Tasks::isBuiltIn).map(Task::name).collect(Collectors.toSet());
    Value.Entry tasks = top.entries().get("tasks");
    List<Value> names =
        tasks != null && tasks.value() instanceof Value.Items i ? i.items() : List.of();
    Value.Entry retention = top.entries().get("retention");
    return (retention == null
            || AdapterSource.isNone(retention.value().text())
            || builtIn.contains(retention.value().text()))
        && !names.isEmpty()
        && names.stream().allMatch(name -> builtIn.contains(name.text()));
  }
}
