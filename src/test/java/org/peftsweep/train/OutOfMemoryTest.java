package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Processes whose memory really runs out: the trial ends as a row, the next one runs. */
class OutOfMemoryTest {
  private static final String SMALL = "8 {method: lora}";
  private static final Pattern FIGURES =
      Pattern.compile("predicted (\\d+) bytes outside the heap, seen (\\d+), the heap may have");

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void outsideTheHeap(int threads) throws Exception {
    // 60 MB: the base's 3 and a small trial's 9 fit, the activations of 256 rows do not.
    List<String> ends =
        run(
            List.of("-Xmx512m", "-Dorg.bytedeco.javacpp.maxBytes=60m", "-Dthreads=" + threads),
            SMALL,
            "256 {method: full, targets: all}",
            SMALL);
    assertThat(ends).hasSize(3);
    assertThat(ends.get(0)).startsWith("FINISHED ");
    assertThat(ends.get(1))
        .startsWith("OOM null Cannot allocate ")
        .contains("JavaCPP's maxBytes are in use");
    Matcher figures = FIGURES.matcher(ends.get(1));
    assertThat(figures.find()).as(ends.get(1)).isTrue();
    assertThat(Long.parseLong(figures.group(1))).isGreaterThan(60L << 20);
    assertThat(Long.parseLong(figures.group(2))).isBetween(1L << 20, 60L << 20);
    // Memory is free again, and nothing else of the process suffered.
    assertThat(ends.get(2)).isEqualTo(ends.get(0));
  }

  @Test
  void ofTheProcess() throws Exception {
    List<String> ends =
        run(
            List.of("-Xmx512m", "-Dorg.bytedeco.javacpp.maxPhysicalBytes=1100m"),
            SMALL,
            "3000 {method: full, targets: all}",
            SMALL);
    assertThat(ends.get(0)).startsWith("FINISHED ");
    assertThat(ends.get(1)).startsWith("OOM ").contains("maxPhysicalBytes").contains("predicted");
    assertThat(ends.get(2)).isEqualTo(ends.get(0));
  }

  @Test
  void ofTheHeap() throws Exception {
    // VeRA draws its random pair on the heap: here about 130 MB.
    List<String> ends =
        run(List.of("-Xmx96m"), SMALL, "8 {method: vera, rank: 65536, targets: all}", SMALL);
    assertThat(ends.get(0)).startsWith("FINISHED ");
    assertThat(ends.get(1)).startsWith("OOM null Java heap space; ").contains("the heap may have");
    assertThat(ends.get(2)).isEqualTo(ends.get(0));
  }

  private static List<String> run(List<String> options, String... blocks) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--add-modules=jdk.incubator.vector");
    command.addAll(options);
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(OutOfMemoryMain.class.getName());
    command.addAll(List.of(blocks));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(text).isZero();
    List<String> ends =
        text.lines().filter(line -> line.matches("(FINISHED|OOM|FAILED|INVALID) .*")).toList();
    assertThat(ends).as(text).hasSize(blocks.length);
    return ends;
  }
}
