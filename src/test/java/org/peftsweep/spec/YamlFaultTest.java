package org.peftsweep.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Faults of YAML are told in our words, with a line that the text has. */
class YamlFaultTest {
  private static final String TEXT =
      """
      name: x
      model: tiny
      tasks: [mini-rte]
      grid:
        - method: lora
          rank: [4, 8]
        - {method: full}
      training:
        epochs: 2 # twice
        schedule: 'linear'
      data: "builtin"
      """;

  private static final List<String> ODD =
      List.of(
          "\t",
          "'",
          "\"",
          "[",
          "]",
          "{",
          "}",
          ",",
          ":",
          ": ",
          ":\n",
          "- ",
          "-",
          "?",
          "? ",
          "!",
          "!a!b ",
          "!!",
          "!!x ",
          "!<",
          "!%zz ",
          "*",
          "*a ",
          "&",
          "& ",
          "&a ",
          "%",
          "%YAML 2.0\n",
          "%YAML 1.1\n",
          "%TAG ! x\n",
          "@",
          "`",
          "|",
          "|x\n",
          "|0\n",
          "> x\n",
          "#",
          " #",
          "\\",
          "\"\\q\"",
          "\"\\xzz\"",
          "\n",
          "  ",
          "\n---\n",
          "...\n",
          "key",
          "key\n");

  @Test
  void tellsEachFaultOfATextThatOneSlipMadeNoYaml() {
    List<String> slips = new ArrayList<>();
    for (int i = 0; i <= TEXT.length(); i++) {
      for (String odd : ODD) {
        slips.add(TEXT.substring(0, i) + odd + TEXT.substring(i));
      }
      for (int lost = 1; lost < 4 && i + lost <= TEXT.length(); lost++) {
        slips.add(TEXT.substring(0, i) + TEXT.substring(i + lost));
      }
    }
    int faults = 0;
    for (String slip : slips) {
      String fault = fault(slip);
      if (fault == null || !fault.contains(" as YAML")) {
        continue;
      }
      faults++;
      assertThat(fault)
          .as(slip)
          .matches("Cannot read x\\.yaml:\\d+ as YAML: .+, .+")
          .doesNotContain("mend its quotes, brackets or columns")
          .doesNotContainPattern("(?i)expected|found|token|scalar|stream|node|mapping|parsing");
      int line = Integer.parseInt(fault.replaceAll("Cannot read x\\.yaml:(\\d+) .*", "$1"));
      assertThat(line).as(slip).isBetween(1, (int) slip.lines().count() + 1);
    }
    assertThat(faults).isGreaterThan(1000);
  }

  private static String fault(String text) {
    try {
      SweepFile.read("x.yaml", Map.of(), location -> Optional.of(text));
      return null;
    } catch (SpecException e) {
      return e.faults().get(0);
    }
  }
}
