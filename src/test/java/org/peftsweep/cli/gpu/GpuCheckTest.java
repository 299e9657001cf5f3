package org.peftsweep.cli.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The check of a GPU on a device that is emulated, whose speed says nothing. */
class GpuCheckTest {
  /** Stands in for Python with PEFT: a step takes as many milliseconds as the way has letters. */
  private static final String PEER =
      """
      echo '{"torch": "9.1", "peft": "8.2"}'
      while read -r way; do
        if [[ $way == compiled-graph ]]; then
          echo '{"mode": "compiled-graph", "lack": "PyTorch reports RuntimeError"}'
        else
          echo "{\\"mode\\": \\"$way\\", \\"ms\\": ${#way}, \\"megabytes\\": 1e9}"
        fi
      done
      """;

  @TempDir private Path home;

  private final ByteArrayOutputStream said = new ByteArrayOutputStream();

  @BeforeEach
  void copy() throws IOException {
    Files.createDirectories(home.resolve("src/bench/python"));
    Files.createDirectory(home.resolve("conf"));
    Files.copy(Path.of("conf/quickstart.yaml"), home.resolve("conf/quickstart.yaml"));
    Files.writeString(home.resolve("src/bench/python/gpu_peers.py"), PEER);
  }

  private JsonNode check(double seconds, String python) throws IOException {
    PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8);
    Path file = home.resolve("figures.json");
    boolean isFine = GpuCheck.run(new Findings(out, seconds), Extent.LEAST, file, home, python);
    assertThat(isFine).as(text()).isTrue();
    return new ObjectMapper().readTree(file.toFile());
  }

  private String text() {
    return said.toString(StandardCharsets.UTF_8);
  }

  private static List<String> texts(JsonNode list, String member) {
    return StreamSupport.stream(list.spliterator(), false)
        .map(each -> each.path(member).asText())
        .distinct()
        .toList();
  }

  @Test
  void runsEveryPartAndComparesWithEveryGoal() throws IOException {
    JsonNode figures = check(1000, "bash");
    assertThat(texts(figures.path("found"), "part"))
        .containsExactlyInAnyOrder(
            "kernel", "product", "golden", "training", "trial", "step", "memory", "PEFT", "sweep");
    assertThat(figures.path("torch").asText()).isEqualTo("9.1");
    assertThat(texts(figures.path("goals"), "state"))
        .as(text())
        .doesNotContain("not measured")
        .contains("reached", "MISSED");
    assertThat(figures.path("left-out"))
        .allMatch(left -> left.asText().endsWith("compiled-graph (PyTorch reports RuntimeError)"));
    assertThat(figures.path("device").asText()).isEqualTo("emulated GPU, GPU 0");
    assertThat(text()).contains("ok   kernel     fill").contains("Goals of an H100 or H200:");
  }

  @Test
  void namesWhatThereIsNoTimeFor() throws IOException {
    JsonNode figures = check(0, "no-such-python");
    assertThat(texts(figures.path("goals"), "state")).containsExactly("not measured");
    assertThat(text())
        .contains("PEFT: Python lacks torch, transformers or peft")
        .contains(Goals.BASE_PACK)
        .contains("sweep of the quickstart")
        .doesNotContain("OFF");
  }
}
