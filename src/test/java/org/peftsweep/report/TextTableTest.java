package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class TextTableTest {
  @Test
  void keepsSpreadsheetsFromRunningText() {
    assertThat(TextTable.csv(List.of("=1+1", "+x", "-x", "@SUM(A1)", "\ta", "a=1", "")))
        .isEqualTo("'=1+1,'+x,'-x,'@SUM(A1),'\ta,a=1,");
    assertThat(TextTable.csv(List.of("=HYPERLINK(\"http://x\",\"y\")")))
        .isEqualTo("\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"");
  }

  @Test
  void leavesNumbersAsTheyAre() {
    Random random = new Random(3);
    for (int i = 0; i < 1000; i++) {
      String number =
          i % 2 == 0
              ? Double.toString((random.nextDouble() - 0.5) * Math.pow(10, random.nextInt(40) - 20))
              : String.format(java.util.Locale.ROOT, "%+.2f", random.nextGaussian());
      assertThat(TextTable.csv(List.of(number))).isEqualTo(number);
    }
  }

  @Test
  void cannotSteerATerminal() {
    String text =
        TextTable.of(List.of("a"), Set.of(), List.of(List.of("\u001b[2J\u0007\u009b\u202ex")))
            .text();
    assertThat(text).endsWith("\n").doesNotContain("\u001b", "\u0007", "\u009b", "\u202e");
  }
}
