package org.peftsweep.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.commons.codec.digest.DigestUtils;
import org.apache.commons.lang3.StringUtils;

/**
 * Tells apart the tasks of several sweeps that have one name and are not the same: scores on other
 * data, of another base model or by another metric do not belong into one column. Each definition
 * gets a name of its own, {@code rte (first)}.
 *
 * @param runs with the names of their definitions
 * @param tasks every name by the task that it stands for, where a task has several definitions
 */
record Definitions(List<Run> runs, Map<String, Map<String, List<String>>> tasks) {
  /** What a definition is made of, by column, and how a sentence names it. */
  private static final Map<String, String> COLUMNS =
      Map.of("data_hash", "data", "model_hash", "base model", "metric", "metric");

  private static final List<String> ORDER = List.of("data_hash", "model_hash", "metric");

  /** Where the same data and model lie does not matter. */
  private static final Map<String, String> PLACES =
      Map.of("data", "data_hash", "model", "model_hash");

  private static final int DIGITS = 8;

  static Definitions of(List<Run> all) {
    List<Run> runs = inOnePlace(all);
    Map<String, Set<List<String>>> byTask = new LinkedHashMap<>();
    runs.stream()
        .filter(run -> run.isFinished() && run.metric() != null)
        .forEach(
            run ->
                byTask
                    .computeIfAbsent(run.task(), task -> new LinkedHashSet<>())
                    .add(definition(run)));
    Map<String, Map<List<String>, String>> names = new LinkedHashMap<>();
    Map<String, Map<String, List<String>>> tasks = new LinkedHashMap<>();
    byTask.forEach(
        (task, definitions) -> {
          if (definitions.size() > 1) {
            Map<List<String>, String> own = names(task, definitions, runs);
            names.put(task, own);
            SortedMap<String, List<String>> turned = new TreeMap<>();
            own.forEach((definition, name) -> turned.put(name, definition));
            tasks.put(task, turned);
          }
        });
    return new Definitions(
        runs.stream()
            .map(
                run ->
                    names.containsKey(run.task())
                        ? run.with(
                            names.get(run.task()).getOrDefault(definition(run), run.task()),
                            run.settings())
                        : run)
            .toList(),
        tasks);
  }

  private static List<String> definition(Run run) {
    return ORDER.stream().map(column -> String.valueOf(run.settings().get(column))).toList();
  }

  private static Map<List<String>, String> names(
      String task, Set<List<String>> definitions, List<Run> runs) {
    Map<List<String>, String> names = new LinkedHashMap<>();
    for (List<String> definition : definitions) {
      Set<String> sweeps = new TreeSet<>();
      runs.stream()
          .filter(run -> run.task().equals(task) && definition(run).equals(definition))
          .forEach(run -> sweeps.add(String.valueOf(run.settings().get("sweep"))));
      String name = task + " (" + String.join(", ", sweeps) + ")";
      names.put(
          definition,
          names.containsValue(name)
              ? name + " " + StringUtils.left(DigestUtils.sha256Hex(definition.toString()), DIGITS)
              : name);
    }
    return names;
  }

  /** Writes for each model and each data the first place that any row names. */
  private static List<Run> inOnePlace(List<Run> runs) {
    Map<String, Object> places = new LinkedHashMap<>();
    List<Run> moved = new ArrayList<>();
    for (Run run : runs) {
      Map<String, Object> settings = new LinkedHashMap<>(run.settings());
      PLACES.forEach(
          (column, hash) ->
              settings.put(
                  column,
                  places.computeIfAbsent(
                      hash + " " + settings.get(hash), key -> settings.get(column))));
      moved.add(run.with(run.task(), settings));
    }
    return moved;
  }

  /** Returns the tasks of an order with every definition in place of its task. */
  List<String> ordered(List<String> order) {
    return order.stream()
        .flatMap(
            task ->
                tasks.containsKey(task)
                    ? tasks.get(task).keySet().stream()
                    : List.of(task).stream())
        .toList();
  }

  /** Returns a sentence for each task that stands for several. */
  String notes() {
    StringBuilder notes = new StringBuilder();
    tasks.forEach(
        (task, definitions) -> {
          Set<String> differing = new LinkedHashSet<>();
          for (int i = 0; i < ORDER.size(); i++) {
            int at = i;
            if (definitions.values().stream().map(d -> d.get(at)).distinct().count() > 1) {
              differing.add(COLUMNS.get(ORDER.get(i)));
            }
          }
          notes.append(
              " The sweeps define %s with different %s: %s are kept apart."
                  .formatted(
                      task,
                      String.join(" and ", differing),
                      String.join(", ", definitions.keySet())));
        });
    return notes.toString();
  }
}
