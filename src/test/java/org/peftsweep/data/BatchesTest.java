package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BatchesTest {

  private final List<TokenizedExample> examples =
      IntStream.range(0, 103).mapToObj(i -> example(i, 3 + i * 7 % 30)).toList();

  @Test
  void anEpochHoldsEveryRowOnceAndKeepsTheSmallLastBatch() {
    for (int window : new int[] {1, 4}) {
      Batches batches = new Batches(10, 40, Padding.LONGEST, window, 1);
      List<Batch> epoch = batches.train(examples, new Seeds(3), 0);
      assertThat(epoch).hasSize(11).hasSize(batches.perEpoch(103));
      assertThat(indices(epoch).sorted()).containsExactly(boxed(IntStream.range(0, 103)));
      assertThat(epoch.stream().filter(batch -> batch.rows() == 3)).hasSize(1);
    }
  }

  @Test
  void theOrderDependsOnSeedAndEpochOnly() {
    Batches batches = new Batches(10, 40, Padding.LONGEST, 4, 1);
    assertThat(order(batches, 3, 0)).isEqualTo(order(batches, 3, 0));
    assertThat(order(batches, 3, 0)).isNotEqualTo(order(batches, 3, 1));
    assertThat(order(batches, 3, 0)).isNotEqualTo(order(batches, 4, 0));
    Batches padded = new Batches(10, 64, Padding.MAX, 1, 1);
    Batches longest = new Batches(10, 40, Padding.LONGEST, 1, 1);
    assertThat(order(padded, 3, 0)).isEqualTo(order(longest, 3, 0));
  }

  @Test
  void rowsCarryTheirIdsMaskAndLabel() {
    Batch batch = new Batches(2, 40, Padding.LONGEST, 1, 9).batch(examples, 1, 0);
    assertThat(batch.tokens()).isEqualTo(16);
    assertThat(batch.labels()).containsExactly(1, 0);
    assertThat(batch.exampleIndices()).containsExactly(1, 0);
    assertThat(Arrays.copyOfRange(batch.ids(), 16, 32))
        .containsExactly(100, 100, 100, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9);
    assertThat(Arrays.copyOfRange(batch.mask(), 16, 20)).containsExactly(1, 1, 1, 0);
    assertThat(batch.realTokens()).isEqualTo(13);
  }

  @Test
  void paddingIsToTheMaximumOrToAMultipleOfEightBelowIt() {
    assertThat(new Batches(1, 40, Padding.MAX, 1, 0).batch(examples, 0).tokens()).isEqualTo(40);
    assertThat(Padding.LONGEST.tokens(8, 40)).isEqualTo(8);
    assertThat(Padding.LONGEST.tokens(9, 40)).isEqualTo(16);
    assertThat(Padding.LONGEST.tokens(33, 35)).isEqualTo(35);
    assertThatThrownBy(() -> new Batches(1, 2, Padding.MAX, 1, 0).batch(examples, 0))
        .hasMessage("Cannot batch a row of 3 tokens: cut it to 2");
  }

  @Test
  void sortingByLengthSavesPaddingInTrainAndEvaluation() {
    int plain = cells(new Batches(10, 40, Padding.LONGEST, 1, 1).train(examples, new Seeds(1), 0));
    int windows =
        cells(new Batches(10, 40, Padding.LONGEST, 5, 1).train(examples, new Seeds(1), 0));
    List<Batch> evaluation = new Batches(10, 40, Padding.LONGEST, 1, 1).evaluation(examples);
    assertThat(windows).isLessThan(plain);
    assertThat(cells(evaluation)).isLessThan(plain);
    assertThat(indices(evaluation).sorted()).containsExactly(boxed(IntStream.range(0, 103)));
  }

  private List<Integer> order(Batches batches, long seed, int epoch) {
    return indices(batches.train(examples, new Seeds(seed), epoch)).boxed().toList();
  }

  private static IntStream indices(List<Batch> batches) {
    return batches.stream().flatMapToInt(batch -> Arrays.stream(batch.exampleIndices()));
  }

  private static Integer[] boxed(IntStream values) {
    return values.boxed().toArray(Integer[]::new);
  }

  private static int cells(List<Batch> batches) {
    return batches.stream().mapToInt(batch -> batch.rows() * batch.tokens()).sum();
  }

  private static TokenizedExample example(int index, int tokens) {
    int[] ids = new int[tokens];
    Arrays.fill(ids, 100 + index);
    return new TokenizedExample(index, new Encoded(ids, new int[tokens]), index);
  }
}
