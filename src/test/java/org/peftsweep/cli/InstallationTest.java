package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class InstallationTest {
  @Test
  void callsScriptsSoThatAShellFindsThem() {
    assertThat(Installation.script("query", Optional.empty())).isEqualTo("jobs/query.sh");
    assertThat(Installation.script("query", Optional.of(Path.of("").toAbsolutePath())))
        .isEqualTo("jobs/query.sh");
    assertThat(Installation.script("query", Optional.of(Path.of("/opt/my sweeps"))))
        .isEqualTo("'/opt/my sweeps/jobs/query.sh'");
  }

  /** A shell reads back what was quoted. */
  @Test
  void quotesAnyText() throws Exception {
    Random random = new Random(1);
    StringBuilder script = new StringBuilder();
    StringBuilder expected = new StringBuilder();
    for (int i = 0; i < 300; i++) {
      String text =
          random
              .ints(random.nextInt(12), 0x20, 0x7f)
              .mapToObj(Character::toString)
              .collect(Collectors.joining());
      text += i % 7 == 0 ? "\n" : i % 5 == 0 ? "ä'" : "";
      script.append("printf '%s\\0' ").append(Installation.word(text)).append('\n');
      expected.append(text).append('\0');
    }
    Process bash = new ProcessBuilder("bash", "-c", script.toString()).start();
    assertThat(new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
        .isEqualTo(expected.toString());
    assertThat(bash.waitFor()).isZero();
  }
}
