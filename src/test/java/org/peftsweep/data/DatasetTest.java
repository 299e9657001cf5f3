package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DatasetTest {
  private static final Task OWN =
      new Task(
          "mine",
          List.of("text"),
          "label",
          List.of("bad", "good"),
          List.of(Metric.ACCURACY),
          List.of("dev"),
          false,
          0.2);

  private final Dataset dataset =
      new Dataset(
          Tasks.named("sst2"),
          IntStream.range(0, 100).mapToObj(i -> new Example(i, "t" + i, null, i % 2)).toList(),
          List.of(),
          List.of(new EvaluationSet("dev", List.of(new Example(0, "d", null, 1)))),
          0,
          List.of(),
          false);

  @Test
  void trainAndValidationShareTheRowsWithoutOverlap() {
    Dataset carved = dataset.withValidationFraction(0.2, 7);
    assertThat(carved.validation()).hasSize(20);
    assertThat(carved.train()).hasSize(80);
    Set<Example> all = new HashSet<>(carved.train());
    all.addAll(carved.validation());
    assertThat(all).hasSize(100);
    assertThat(dataset.withValidation(20, 7)).isEqualTo(carved);
    assertThat(dataset.withValidation(20, 8)).isNotEqualTo(carved);
    assertThatThrownBy(() -> dataset.withValidation(100, 7))
        .isInstanceOf(DataException.class)
        .hasMessage(
            "Cannot hold out 100 of the 100 train rows of sst2: none is left to learn from, give a"
                + " smaller validation-fraction or supply more rows");
  }

  /** Some row is left on each side, or one sentence says that none is. */
  @Test
  void aFractionLeavesARowToLearnFromOrIsRefused() {
    for (int rows = 1; rows <= 12; rows++) {
      Dataset few = dataset.withTrainLimit(rows, 3);
      for (double fraction : new double[] {1e-6, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999_999}) {
        int held = Math.max(1, (int) Math.round(fraction * rows));
        if (held < rows) {
          Dataset carved = few.withValidationFraction(fraction, 3);
          assertThat(carved.validation()).hasSize(held);
          assertThat(carved.train()).hasSize(rows - held);
        } else {
          String way =
              rows == 1 ? "raise train-limit or supply" : "give a smaller validation-fraction or";
          assertThatThrownBy(() -> few.withValidationFraction(fraction, 3))
              .isInstanceOf(DataException.class)
              .hasMessageStartingWith(
                  "Cannot hold out " + held + " of the " + held + " train rows of sst2: none is")
              .hasMessageContaining(way);
        }
      }
    }
  }

  @Test
  void aSmallerTrainLimitKeepsASubsetInTheFilesOrder() {
    List<Example> ten = dataset.withTrainLimit(10, 1).train();
    assertThat(ten).hasSize(10).isSubsetOf(dataset.withTrainLimit(30, 1).train());
    assertThat(ten).isSortedAccordingTo((a, b) -> a.index() - b.index());
    assertThat(dataset.withTrainLimit(1000, 1)).isSameAs(dataset);
  }

  @Test
  void aSmallerTrainFractionKeepsASubsetInTheFilesOrder() {
    for (long seed = 0; seed < 5; seed++) {
      List<Example> larger = dataset.train();
      for (double fraction : new double[] {1, 0.999, 0.5, 0.31, 0.05, 1e-9}) {
        List<Example> kept = dataset.withTrainFraction(fraction, seed).train();
        assertThat(kept).hasSize(Math.max(1, (int) Math.round(100 * fraction)));
        assertThat(kept).isSubsetOf(larger);
        assertThat(kept).isSortedAccordingTo((a, b) -> a.index() - b.index());
        larger = kept;
      }
    }
    assertThat(dataset.withTrainFraction(0.5, 1)).isNotEqualTo(dataset.withTrainFraction(0.5, 2));
  }

  @Test
  void theHashTellsTextsLabelsAndOrderApart() {
    Example one = new Example(0, "ab", "c", 1);
    String hash = ContentHash.of(List.of(one));
    assertThat(hash).hasSize(64).isEqualTo(ContentHash.of(List.of(new Example(9, "ab", "c", 1))));
    for (Example other :
        List.of(
            new Example(0, "a", "bc", 1),
            new Example(0, "abc", null, 1),
            new Example(0, "ab", "c", 0))) {
      assertThat(ContentHash.of(List.of(other))).isNotEqualTo(hash);
      assertThat(ContentHash.of(List.of(one, other)))
          .isNotEqualTo(ContentHash.of(List.of(other, one)));
    }
    assertThat(dataset.withValidation(5, 1).contentHashes())
        .containsOnlyKeys("train", "validation", "dev");
  }

  @Test
  void aCarvedDevIsChosenByTextsAlone() {
    List<Example> rows = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      // Each text twice, with labels that differ.
      rows.add(new Example(i, "text " + i / 2, null, i % 2));
    }
    Dataset carved = Dataset.carved(OWN, new Part(rows, 0, List.of()));
    List<Example> dev = carved.dev().get(0).examples();
    assertThat(dev).hasSize(20).isSortedAccordingTo(Comparator.comparingInt(Example::index));
    assertThat(carved.train()).hasSize(80);
    assertThat(texts(dev)).doesNotContainAnyElementsOf(texts(carved.train()));
    assertThat(carved.notices())
        .containsExactly(
            "mine has no file of dev: 20 of 100 rows of train, chosen by their texts, are the"
                + " reported set");

    List<Example> reversed = new ArrayList<>();
    for (int i = 99; i >= 0; i--) {
      Example row = rows.get(i);
      reversed.add(new Example(99 - i, row.first(), null, row.label()));
    }
    Dataset other = Dataset.carved(OWN, new Part(reversed, 0, List.of()));
    assertThat(texts(other.dev().get(0).examples()))
        .containsExactlyInAnyOrderElementsOf(texts(dev));

    Dataset held = carved.withValidationFraction(0.25, 3);
    assertThat(held.dev()).isEqualTo(carved.dev());
    assertThat(texts(held.validation())).doesNotContainAnyElementsOf(texts(dev));
    assertThat(held.contentHashes()).containsOnlyKeys("train", "validation", "dev");
    assertThat(held.notices()).isEqualTo(carved.notices());
  }

  @Test
  void whatCannotBeCarvedIsRefusedAndFewRowsGiveOne() {
    Part same =
        new Part(List.of(new Example(0, "x", null, 0), new Example(1, "x", null, 1)), 0, List.of());
    assertThatThrownBy(() -> Dataset.carved(OWN, same))
        .isInstanceOf(DataException.class)
        .hasMessage(
            "Cannot carve dev out of the 2 rows of train of mine: supply a file of dev, or rows of"
                + " different texts");
    Part two =
        new Part(List.of(new Example(0, "x", null, 0), new Example(1, "y", null, 1)), 0, List.of());
    assertThat(Dataset.carved(OWN, two).train()).hasSize(1);
  }

  @Test
  void leftOutRowsAndLabelsThatDoNotOccurAreNoticed() {
    Dataset odd =
        new Dataset(
            OWN,
            List.of(new Example(0, "x", null, 1)),
            List.of(),
            List.of(),
            2,
            List.of("train.tsv:3: 1 fields, not 2", "train.tsv:4: 1 fields, not 2"),
            false);
    assertThat(odd.notices())
        .containsExactly(
            "mine: 2 rows are left out, first train.tsv:3: 1 fields, not 2",
            "mine: no row of train has the label bad");
    assertThat(dataset.notices()).isEmpty();
  }

  private static List<String> texts(List<Example> examples) {
    return examples.stream().map(Example::first).toList();
  }
}
