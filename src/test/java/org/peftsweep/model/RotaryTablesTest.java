package org.peftsweep.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.checkpoint.Rope;

class RotaryTablesTest {
  private static final int[] PAIRS = {0, 20, 30, 35, 40, 63};

  /** Of transformers 5.18, for Qwen2.5's context of 32,768 tokens stretched by 4. */
  @ParameterizedTest
  @CsvSource({
    "32, 1, true, 0.0010643609566614032, 0.0002462583943270147",
    "24, 2, false, 0.001031107036396861, 0.00017991766799241304"
  })
  void frequenciesOfYarnAreTheReferenceLibrarys(
      double fast, double slow, boolean whole, double thirtieth, double thirtyFifth) {
    Rope rope = new Rope(1e6, new Rope.Yarn(4, 1, fast, slow, 32_768, whole));
    double[] wanted = {
      1, 0.01333521492779255, thirtieth, thirtyFifth, 4.4456985051510856e-05, 3.102344408034696e-07
    };
    double[] found = RotaryTables.frequencies(rope, 128);
    for (int i = 0; i < PAIRS.length; i++) {
      assertThat(found[PAIRS[i]]).isCloseTo(wanted[i], within(1e-6 * wanted[i]));
    }
  }
}
