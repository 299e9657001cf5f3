package org.peftsweep.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClaimReaderTest {
  private static final String WHOLE =
      """
      claims:
        - name: a beats b
          source: here
          first: {method: [lora, lora+ist], targets: qv, ratio: ">1"}
          second: {targets: qkv, ratio: 1}
          says: higher
          best-of: [learning-rate]
          margin: 2
          paper: {rte: 1.5}
      """;

  @Test
  void readsAStatement() {
    Claim claim = read(WHOLE).get(0);
    assertThat(claim.first())
        .containsOnly(
            Map.entry("method", List.of("lora", "lora+ist")),
            Map.entry("targets", List.of("qv")),
            Map.entry("ratio", List.of(">1")));
    assertThat(claim.changes()).containsExactly("ratio", "targets");
    assertThat(claim.measure()).isEqualTo(Claim.Measure.SCORE);
    assertThat(claim.margin()).isEqualTo(2);
    assertThat(claim.paper()).containsOnly(Map.entry("rte", 1.5));
  }

  /** What the README shows is all that one needs to know. */
  @Test
  void readsWhatTheReadmeShows() throws IOException {
    String readme = Files.readString(Path.of("README.md"));
    int from = readme.indexOf("claims:\n");
    Claim claim = read(readme.substring(from, readme.indexOf("```", from))).get(0);
    assertThat(claim.name()).isEqualTo("q+v with λ = 4 beats q+k+v with λ = 1");
    assertThat(claim.says()).isEqualTo(Claim.Says.HIGHER);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          says: higher | says: better | Cannot use says = better in x.yaml:6: choose higher, lower, not-lower or equal
          says: higher |  | Cannot read the statement in x.yaml:2: it lacks the key says
          targets: qv | tragets: qv | Cannot use the key tragets in x.yaml:4: did you mean targets
          lora+ist | bitfut | Cannot use method = bitfut in x.yaml:4: did you mean bitfit
          margin: 2 | margin: -1 | Cannot use margin = -1 in x.yaml:8: give a number above 0
          margin: 2 | margin: two | Cannot use margin = two in x.yaml:8: give a finite number, such as 0.5 or 1e-4
          best-of: [learning-rate] | best-of: [rate-of-learning] | Cannot use best-of = rate-of-learning in x.yaml:7: choose accumulate,
          {targets: qkv, ratio: 1} | {} | Cannot use second = {} in x.yaml:5: name a setting, such as targets: qv
          {targets: qkv, ratio: 1} | qkv | Cannot use second = qkv in x.yaml:5: write keys under it
          {rte: 1.5} | {rte: much} | Cannot use rte = much in x.yaml:9: give a finite number, such as 0.5 or 1e-4
          """)
  void saysInASentenceWhatIsWrong(String part, String instead, String sentence) {
    String text = WHOLE.replace(part, instead == null ? "" : instead);
    assertThatThrownBy(() -> read(text))
        .isInstanceOf(SpecException.class)
        .hasMessageStartingWith(sentence);
  }

  @Test
  void refusesAFileWithoutStatementsAndNamesOfFilesThatAreNotThere() {
    assertThatThrownBy(() -> read("name: x\n"))
        .hasMessage("Cannot read x.yaml: it lacks the key claims");
    assertThatThrownBy(() -> read("claims: [missing.yaml]\n"))
        .hasMessageContaining("missing.yaml in x.yaml:1: there is no such file");
    assertThatThrownBy(() -> read("claims: none\n"))
        .hasMessage("Cannot use claims = none in x.yaml:1: give a list of statements");
  }

  /** Whatever is broken is refused in a sentence with a place. */
  @Test
  void neverAnswersABrokenFileWithAnythingButSentences() {
    String pieces = "[]{}:,-&*!|>'\"%@`#?\n\t 0.9e~\u2028aλ";
    SplittableRandom random = new SplittableRandom(5);
    for (int i = 0; i < 1000; i++) {
      StringBuilder broken = new StringBuilder(WHOLE);
      for (int j = 0; j <= random.nextInt(4); j++) {
        int at = random.nextInt(broken.length());
        broken.setCharAt(at, pieces.charAt(random.nextInt(pieces.length())));
      }
      try {
        read(broken.toString());
      } catch (SpecException e) {
        assertThat(e.faults()).isNotEmpty().allMatch(fault -> fault.startsWith("Cannot "));
      }
    }
  }

  private static List<Claim> read(String text) {
    return ClaimReader.read(
        "x.yaml", location -> location.equals("x.yaml") ? Optional.of(text) : Optional.empty());
  }
}
