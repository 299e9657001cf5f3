package org.peftsweep.spec;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Lists under {@code training}: axes of every block of the grid that does not say otherwise.
 *
 * @param lists by key
 */
record TrainingAxes(Map<String, Value.Entry> lists) {
  private static final String TRAINING = "training";

  static TrainingAxes of(Fields top) {
    Map<String, Value.Entry> lists = new LinkedHashMap<>();
    if (top.has(TRAINING) && top.value(TRAINING) instanceof Value.Section training) {
      training
          .entries()
          .forEach(
              (key, entry) -> {
                if (entry.value() instanceof Value.Items items && !items.items().isEmpty()) {
                  lists.put(key, entry);
                }
              });
    }
    return new TrainingAxes(lists);
  }

  /** Returns the file with the first of each list in its place. */
  Fields withoutLists(Fields top) {
    if (lists.isEmpty()) {
      return top;
    }
    Map<String, Value.Entry> first = new LinkedHashMap<>();
    lists.forEach(
        (key, entry) -> {
          Value item = ((Value.Items) entry.value()).items().get(0);
          first.put(key, new Value.Entry(entry.place(), item));
        });
    Value.Section training = new Value.Section(top.place(TRAINING), first);
    Value.Entry over = new Value.Entry(top.place(TRAINING), training);
    return top.under(new Value.Section(top.section().place(), Map.of(TRAINING, over)));
  }

  /** Returns a block with the lists that it may have and does not give itself. */
  Fields added(Fields block, Collection<String> allowed) {
    Map<String, Value.Entry> entries = new LinkedHashMap<>(block.section().entries());
    lists.forEach(
        (key, entry) -> {
          if (allowed.contains(key)) {
            entries.putIfAbsent(key, entry);
          }
        });
    return new Fields(
        block.path(),
        new Value.Section(block.section().place(), entries),
        block.source(),
        block.faults());
  }
}
