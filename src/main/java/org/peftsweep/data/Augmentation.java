package org.peftsweep.data;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * How copies of training rows differ from the rows themselves. The words of a text, those between
 * blanks, are ranked by chance, and the first of them are changed: whatever is done with them, and
 * however many they are, a row's copy changes the same words first.
 *
 * <p>Wei and Zou, 2019, arXiv:1901.11196 (random deletion, swap and synonym replacement).
 *
 * <p>Differs from the paper: synonyms come from the task's own texts in place of WordNet ({@link
 * ContextWords}), and as many words are deleted as are swapped or replaced.
 */
public enum Augmentation {
  NONE,
  /** Words are left out, all but one at most. */
  DELETION,
  /** A word changes places with any word of its text. */
  SWAP,
  /** A word gives way to one that stands between the same neighbours elsewhere. */
  SYNONYMS;

  /** Returns rows with so many changed copies after each. */
  List<Example> applied(List<Example> rows, double rate, int copies, long seed) {
    if (this == NONE) {
      return rows;
    }
    ContextWords contexts = this == SYNONYMS ? ContextWords.of(rows) : null;
    Seeds seeds = new Seeds(seed);
    List<Example> all = new ArrayList<>();
    for (Example row : rows) {
      all.add(row);
      for (int copy = 0; copy < copies; copy++) {
        SplittableRandom random =
            new SplittableRandom(seeds.of("augmentation " + row.index(), copy));
        String first = changed(row.first(), rate, random, contexts);
        String second = row.isPair() ? changed(row.second(), rate, random, contexts) : null;
        all.add(new Example(row.index(), first, second, row.label()));
      }
    }
    return all;
  }

  private String changed(String text, double rate, SplittableRandom random, ContextWords contexts) {
    List<String> words = ContextWords.words(text);
    double[] rank = random.doubles(words.size()).toArray();
    double[] choice = random.doubles(words.size()).toArray();
    int[] places =
        IntStream.range(0, words.size())
            .boxed()
            .sorted(Comparator.comparingDouble(place -> rank[place]))
            .limit(Math.max(1, Math.round(rate * words.size())))
            .mapToInt(Integer::intValue)
            .toArray();
    List<String> changed = new ArrayList<>(words);
    for (int place : places) {
      switch (this) {
        case DELETION -> changed.set(place, null);
        case SWAP -> {
          int other = (int) (choice[place] * words.size());
          changed.set(place, changed.set(other, changed.get(place)));
        }
        default -> changed.set(place, contexts.other(words, place, choice[place]));
      }
    }
    changed.removeIf(word -> word == null);
    if (changed.isEmpty() && !words.isEmpty()) {
      changed.add(words.get(places[places.length - 1]));
    }
    return String.join(" ", changed);
  }
}
