package org.peftsweep.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The page lists the bad inputs that tests try, with their sentences. */
class BadInputsPageTest {
  private static final Path PAGE = Path.of("src/site/markdown/robustness.md");
  private static final Path TESTS = Path.of("src/test/java/org/peftsweep");
  private static final List<String> TRYING =
      List.of(
          "spec/BadSweepFilesTest.java",
          "data/BadDataTest.java",
          "spec/LocationsTest.java",
          "method/peft/AdapterLayoutTest.java",
          "spec/ClaimReaderTest.java",
          "checkpoint/NetworkFileTest.java",
          "model/UnusableConfigsTest.java");

  @Test
  void thePageListsWhatTheTestTries() throws IOException {
    List<String> tried = new ArrayList<>();
    for (String test : TRYING) {
      tried.addAll(
          blocks(TESTS.resolve(test), "(?:textBlock|ROWS) =\\s*\"\"\"\\n(.*?)\\n\\s*\"\"\""));
    }
    tried.replaceAll(String::translateEscapes);
    List<String> told = blocks(PAGE, "```text\\n(.*?)\\n```");
    assertThat(tried).hasSize(11);
    assertThat(told).isEqualTo(tried);
  }

  private static List<String> blocks(Path file, String pattern) throws IOException {
    return Pattern.compile(pattern, Pattern.DOTALL)
        .matcher(Files.readString(file))
        .results()
        .map(found -> found.group(1).stripIndent())
        .toList();
  }
}
