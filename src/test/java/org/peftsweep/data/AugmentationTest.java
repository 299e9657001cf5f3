package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AugmentationTest {
  private static final int COPIES = 2;

  /** Rows of 1 to 12 words, each word once in its text; every other one is a pair. */
  private static List<Example> rows(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    return IntStream.range(0, 60)
        .mapToObj(
            row ->
                new Example(
                    3 * row, text(random), row % 2 == 0 ? null : text(random), random.nextInt(2)))
        .toList();
  }

  private static String text(SplittableRandom random) {
    return random
        .ints(1 + random.nextInt(12), 0, 25)
        .distinct()
        .mapToObj(word -> "w" + word)
        .collect(Collectors.joining(" "));
  }

  private static List<List<String>> texts(Example row) {
    return Stream.of(row.first(), row.second())
        .filter(text -> text != null)
        .map(ContextWords::words)
        .toList();
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void copiesFollowTheirRowsAndKeepAllButWords(Augmentation augmentation) {
    List<Example> rows = rows(1);
    List<Example> all = augmentation.applied(rows, 0.3, COPIES, 5);

    assertThat(all).hasSize(rows.size() * (1 + COPIES));
    Set<Example> copies = new HashSet<>();
    for (int i = 0; i < all.size(); i++) {
      Example row = rows.get(i / (1 + COPIES));
      if (i % (1 + COPIES) == 0) {
        assertThat(all.get(i)).isEqualTo(row);
        continue;
      }
      Example copy = all.get(i);
      copies.add(copy);
      assertThat(copy.index()).isEqualTo(row.index());
      assertThat(copy.label()).isEqualTo(row.label());
      assertThat(copy.isPair()).isEqualTo(row.isPair());
      for (int text = 0; text < texts(row).size(); text++) {
        requireChange(augmentation, texts(row).get(text), texts(copy).get(text));
      }
    }
    assertThat(copies).as("copies of a row differ").hasSizeGreaterThan(rows.size());
  }

  private static void requireChange(Augmentation by, List<String> from, List<String> to) {
    int asked = (int) Math.max(1, Math.round(0.3 * from.size()));
    switch (by) {
      case DELETION -> {
        assertThat(to).hasSize(Math.max(1, from.size() - asked)).isSubsetOf(from);
        assertThat(from.stream().filter(to::contains)).containsExactlyElementsOf(to);
      }
      case SWAP -> assertThat(to).containsExactlyInAnyOrderElementsOf(from);
      default -> {
        assertThat(to).hasSameSizeAs(from);
        assertThat(changed(from, to).size()).isLessThanOrEqualTo(asked);
      }
    }
  }

  private static Set<Integer> changed(List<String> from, List<String> to) {
    return IntStream.range(0, from.size())
        .filter(place -> !from.get(place).equals(to.get(place)))
        .boxed()
        .collect(Collectors.toSet());
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void aRowsCopyDependsOnSeedRowAndNumberAlone(Augmentation augmentation) {
    List<Example> rows = rows(2);
    List<Example> all = augmentation.applied(rows, 0.2, COPIES, 5);

    assertThat(augmentation.applied(rows, 0.2, COPIES, 5)).isEqualTo(all);
    assertThat(augmentation.applied(rows, 0.2, COPIES, 6)).isNotEqualTo(all);
    assertThat(all).containsAll(augmentation.applied(rows, 0.2, 1, 5));
    if (augmentation != Augmentation.SYNONYMS) {
      // Words that may stand for others come of the rows that are there.
      assertThat(all).containsAll(augmentation.applied(rows.subList(7, 20), 0.2, COPIES, 5));
    }
  }

  @Test
  void moreChangesTheSameWordsFirst() {
    List<Example> rows = rows(3);
    List<Example> larger = rows;
    for (double rate : new double[] {0.1, 0.3, 0.6, 1}) {
      List<Example> all = Augmentation.DELETION.applied(rows, rate, 1, 4);
      List<Example> copies =
          IntStream.range(0, rows.size()).mapToObj(i -> all.get(2 * i + 1)).toList();
      for (int i = 0; i < copies.size(); i++) {
        assertThat(ContextWords.words(copies.get(i).first()))
            .isNotEmpty()
            .isSubsetOf(ContextWords.words(larger.get(i).first()));
      }
      larger = copies;
    }
  }

  @Test
  void synonymsStandBetweenTheSameNeighboursOrBackOff() {
    List<Example> rows = new ArrayList<>();
    for (String text : List.of("the cat sat", "the dog sat", "a cow ran", "a cow slept", "x", "")) {
      rows.add(new Example(rows.size(), text, null, 0));
    }
    ContextWords words = ContextWords.of(rows);
    assertThat(words.other(List.of("the", "cat", "sat"), 1, 0.99)).isEqualTo("dog");
    assertThat(words.other(List.of("a", "cow", "ran"), 2, 0)).isEqualTo("slept");
    assertThat(words.other(List.of("the", "cat", "fell"), 1, 0)).as("same left").isEqualTo("dog");
    assertThat(words.other(List.of("one", "cat", "sat"), 1, 0)).as("same right").isEqualTo("dog");
    assertThat(words.other(List.of("one", "cat", "fell"), 1, 0)).as("none").isEqualTo("cat");
    assertThat(Augmentation.SYNONYMS.applied(rows, 1, 1, 0)).hasSize(12).contains(rows.get(5));
  }
}
