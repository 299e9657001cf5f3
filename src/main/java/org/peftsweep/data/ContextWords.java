package org.peftsweep.data;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * The words of a set of texts by their neighbours. What may stand in place of a word is sought with
 * back-off: between the same two neighbours, else after the same word, else before it.
 */
final class ContextWords {
  /** Two neighbours; null for one that does not matter, empty at an end of the text. */
  private record Context(String left, String right) {}

  private final Map<Context, SortedSet<String>> words = new HashMap<>();

  private ContextWords() {}

  static ContextWords of(List<Example> rows) {
    ContextWords contexts = new ContextWords();
    for (Example row : rows) {
      contexts.add(words(row.first()));
      if (row.isPair()) {
        contexts.add(words(row.second()));
      }
    }
    return contexts;
  }

  /** What stands between blanks. */
  static List<String> words(String text) {
    return text.isBlank() ? List.of() : List.of(text.strip().split("\\s+"));
  }

  private void add(List<String> text) {
    for (int place = 0; place < text.size(); place++) {
      for (Context context : contexts(text, place)) {
        words.computeIfAbsent(context, any -> new TreeSet<>()).add(text.get(place));
      }
    }
  }

  private static List<Context> contexts(List<String> text, int place) {
    String left = place == 0 ? "" : text.get(place - 1);
    String right = place == text.size() - 1 ? "" : text.get(place + 1);
    return List.of(new Context(left, right), new Context(left, null), new Context(null, right));
  }

  /**
   * Returns another word for a place of a text, or its own where there is none.
   *
   * @param choice among those that fit, in [0, 1)
   */
  String other(List<String> text, int place, double choice) {
    String own = text.get(place);
    for (Context context : contexts(text, place)) {
      List<String> others =
          words.getOrDefault(context, new TreeSet<>()).stream()
              .filter(word -> !word.equals(own))
              .toList();
      if (!others.isEmpty()) {
        return others.get((int) (choice * others.size()));
      }
    }
    return own;
  }
}
