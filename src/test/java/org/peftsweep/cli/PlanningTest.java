package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.sweep.TrainerEngine;

/** What planning costs where recipes are many. */
class PlanningTest {
  @TempDir private Path folder;

  @Test
  void growsInProportionToTheRecipes() throws IOException {
    seconds(2_000);
    double some = Math.min(seconds(5_000), seconds(5_000));
    double many = Math.min(seconds(20_000), seconds(20_000));

    assertThat(many).as("seconds for 20,000 recipes, of %.2f for 5,000", some).isLessThan(5 * some);
  }

  /** Runs dry as many recipes in the same way as a user does. */
  private double seconds(int recipes) throws IOException {
    Path file = folder.resolve(recipes + ".yaml");
    Files.writeString(
        file,
        """
        name: planning
        model: builtin:mini
        tasks: [mini-cola]
        train-limit: 20
        grid: [{method: lora, rank: [%s], alpha: [%s], ratio: [%s]}]
        training: {max-steps: 2, max-tokens: 16}
        """
            .formatted(numbers(10), numbers(20), numbers(recipes / 200)));
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(said, true, StandardCharsets.UTF_8);
    long start = System.nanoTime();
    int code =
        Main.run(
            new TrainerEngine(), to, to, "sweep", "" + file, "--dry-run", "--output", "" + folder);
    double seconds = (System.nanoTime() - start) / 1e9;
    assertThat(code).as(said.toString(StandardCharsets.UTF_8)).isZero();
    assertThat(said.toString(StandardCharsets.UTF_8)).contains(recipes + " trials, " + recipes);
    return seconds;
  }

  private static String numbers(int most) {
    return IntStream.rangeClosed(1, most)
        .mapToObj(String::valueOf)
        .collect(Collectors.joining(", "));
  }
}
