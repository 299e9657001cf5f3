package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DatasetTest {

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
        .hasMessage("Cannot hold out 100 of the 100 train rows of sst2: give 1 to 99");
  }

  @Test
  void aSmallerTrainLimitKeepsASubsetInTheFilesOrder() {
    List<Example> ten = dataset.withTrainLimit(10, 1).train();
    assertThat(ten).hasSize(10).isSubsetOf(dataset.withTrainLimit(30, 1).train());
    assertThat(ten).isSortedAccordingTo((a, b) -> a.index() - b.index());
    assertThat(dataset.withTrainLimit(1000, 1)).isSameAs(dataset);
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
}
