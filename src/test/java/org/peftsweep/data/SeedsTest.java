package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class SeedsTest {

  @Test
  void streamsDependOnSeedAndPurposeOnly() {
    assertThat(new Seeds(1).of("dropout")).isEqualTo(new Seeds(1).of("dropout"));
    assertThat(new Seeds(1).of("dropout")).isNotEqualTo(new Seeds(2).of("dropout"));
    assertThat(new Seeds(1).of("dropout")).isNotEqualTo(new Seeds(1).of("data order"));
    assertThat(new Seeds(1).of("data order", 0)).isNotEqualTo(new Seeds(1).of("data order", 1));
  }

  @Test
  void theStreamIsTheHeadOfTheHash() {
    // sha256sum of eight zero bytes followed by "x".
    assertThat(new Seeds(0).of("x")).isEqualTo(0xb190c841d315c0e6L);
  }

  @Test
  void aPermutationHoldsEachNumberOnce() {
    int[] order = new Seeds(3).permutation("data order", 1000);
    int[] sorted = order.clone();
    Arrays.sort(sorted);
    for (int i = 0; i < sorted.length; i++) {
      assertThat(sorted[i]).isEqualTo(i);
    }
    assertThat(order).isNotEqualTo(sorted);
  }
}
