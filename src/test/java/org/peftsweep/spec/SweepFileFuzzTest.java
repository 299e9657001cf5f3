package org.peftsweep.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sweep files in which values were put that nobody foresaw: each is read, or gets sentences. */
class SweepFileFuzzTest {
  private static final List<String> VALUES =
      List.of(
          "2147483647",
          "-2147483648",
          "9223372036854775807",
          "-9223372036854775808",
          "1" + "0".repeat(400),
          "1e308",
          "1e-320",
          "-0.0",
          "0",
          "-1",
          "1e30",
          ".nan",
          "-.inf",
          "0x10",
          "1_000",
          "2r",
          "r",
          "-3r",
          "0-5",
          "5-0",
          "99999-0",
          "",
          "~",
          "null",
          "yes",
          "\"\"",
          "\" \"",
          "\"\\e[31m\\u202E\\0\"",
          "\"\uD83E\uDD16\"",
          "ΩΩ",
          "2001-01-01",
          "[]",
          "{}",
          "[[]]",
          "[1, 1]",
          "[null]",
          "[{a: b}]",
          "{a: {b: c}}",
          "{method: lora}",
          "[lora, 2147483647, all]",
          "!!binary aGk=",
          "&x 1",
          "*x",
          "|\n  a\n  b",
          "x".repeat(100_000));

  @Test
  void everyKeyTakesEveryValueOrSaysWhyNot() throws IOException {
    List<String> keys = new ArrayList<>(SweepFile.keys());
    Training.keys().forEach(key -> keys.add("training." + key));
    RecordFields.names(Execution.class).forEach(key -> keys.add("compute." + key));
    List.of("learning-rate", "ratio", "head-learning-rate", "grouping")
        .forEach(key -> keys.add("rates." + key));
    keys.addAll(
        List.of("methods.lora", "methods.lora.rank", "methods.adalora.alpha", "per-task.rte"));
    keys.addAll(List.of("plug-ins.ist.candidates", "declare-tasks.mine", "methods.vera.rank"));
    int refused = 0;
    for (String key : keys) {
      for (String value : VALUES) {
        Map<String, String> override = new LinkedHashMap<>();
        override.put(key, value);
        refused += isRefused(BASE, override) ? 1 : 0;
      }
    }
    assertThat(refused).isGreaterThan(keys.size() * VALUES.size() / 2);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void blocksOfRandomKeysAndValuesAreReadOrRefused(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<String> keys = new ArrayList<>(Training.keys());
    keys.addAll(List.of("method", "rank", "alpha", "dropout", "targets", "layers", "plug-in"));
    keys.addAll(List.of("learning-rate", "ratio", "value-learning-rate", "init", "adapter", "zzz"));
    for (int i = 0; i < 300; i++) {
      StringBuilder block = new StringBuilder("  - method: lora\n");
      for (int j = 0; j <= random.nextInt(4); j++) {
        String value = VALUES.get(random.nextInt(VALUES.size() - 2));
        block.append("    ").append(keys.get(random.nextInt(keys.size()))).append(": ");
        block.append(random.nextBoolean() ? "[" + value + ", 8, 16]" : value).append('\n');
      }
      isRefused(HEAD + "grid:\n" + block, Map.of());
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {11, 12, 13})
  void filesOfTheProjectWithALineOfAnotherAreReadOrRefused(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    List<List<String>> files = new ArrayList<>();
    for (String name :
        List.of("quickstart", "table2-mini", "tuned", "paper-table2", "quickstart-methods")) {
      files.add(Files.readAllLines(Path.of("conf", name + ".yaml")));
    }
    for (int i = 0; i < 200; i++) {
      List<String> mine = new ArrayList<>(files.get(random.nextInt(files.size())));
      for (int j = 0; j <= random.nextInt(3); j++) {
        List<String> other = files.get(random.nextInt(files.size()));
        mine.add(random.nextInt(mine.size() + 1), other.get(random.nextInt(other.size())));
        mine.remove(random.nextInt(mine.size()));
      }
      isRefused(String.join("\n", mine) + "\n", Map.of());
    }
  }

  private static final String HEAD = "name: x\nmodel: builtin:mini\ntasks: [mini-rte]\n";
  private static final String BASE =
      HEAD + "grid: [{method: [lora, adalora, vera, full], layers: [0, all]}]\n";

  /**
   * Reads within a bounded time; whatever is not read gets one sentence or several with a place.
   */
  private static boolean isRefused(String text, Map<String, String> overrides) {
    return assertTimeout(
        Duration.ofSeconds(10),
        () -> {
          Map<String, String> files = Map.of("x.yaml", text);
          try {
            Sweep sweep =
                SweepFile.read(
                    "x.yaml", overrides, location -> Optional.ofNullable(files.get(location)));
            assertThat(sweep.expand(model -> "m", task -> "t")).isNotEmpty();
            return false;
          } catch (SpecException e) {
            assertThat(e.faults())
                .isNotEmpty()
                .allSatisfy(
                    fault ->
                        assertThat(fault)
                            .startsWith("Cannot ")
                            .containsPattern("x\\.yaml|--set|defaults\\.yaml")
                            .contains(": ")
                            .doesNotContainPattern("[\\p{Cntrl}\\u202E]")
                            .hasSizeLessThan(4_001));
            return true;
          }
        });
  }
}
