package org.peftsweep.compute.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kernels as NVIDIA's compiler builds them, for every generation of devices that it knows: without
 * a warning, without variables that do not fit into registers.
 */
class KernelCompilationTest {
  /** Volta, Ampere, Ada, Hopper, Blackwell. */
  private static final List<Integer> WANTED = List.of(70, 75, 80, 86, 89, 90, 100);

  private static final Pattern KNOWN = Pattern.compile("compute_(\\d+)");
  private static final Pattern SPILLED =
      Pattern.compile("(\\d+) bytes spill stores, (\\d+) bytes spill loads");

  @TempDir private Path folder;

  /** The compiler of the search path, else the one where CUDA's installer puts it. */
  private static Optional<Path> compiler() {
    return Stream.concat(
            Stream.of(System.getenv("PATH").split(":")).map(Path::of),
            Stream.of(Path.of("/usr/local/cuda/bin")))
        .map(directory -> directory.resolve("nvcc"))
        .filter(Files::isExecutable)
        .findFirst();
  }

  @Test
  void compileForEveryGenerationWithoutSpills() throws Exception {
    Optional<Path> found = compiler();
    assumeTrue(found.isPresent(), "nvcc is not installed beside this processor");
    String nvcc = found.orElseThrow().toString();
    List<Integer> known =
        KNOWN
            .matcher(run(List.of(nvcc, "--list-gpu-arch")))
            .results()
            .map(each -> Integer.valueOf(each.group(1)))
            .toList();
    List<Integer> architectures = WANTED.stream().filter(known::contains).toList();
    assertThat(architectures).contains(80, 90);
    for (String family : EmulatedKernels.FAMILIES) {
      List<String> command = new ArrayList<>(List.of(nvcc, "-fatbin", "-std=c++17", "-Xptxas=-v"));
      command.add("--threads=" + Runtime.getRuntime().availableProcessors());
      command.add("-Werror=all-warnings");
      for (int architecture : architectures) {
        command.add("-gencode=arch=compute_" + architecture + ",code=sm_" + architecture);
      }
      command.addAll(List.of("-o", folder.resolve(family).toString()));
      command.add("src/main/resources/cuda/" + family + ".cu");
      String said = run(command);
      List<String> spills =
          SPILLED
              .matcher(said)
              .results()
              .filter(each -> !each.group(1).equals("0") || !each.group(2).equals("0"))
              .map(each -> each.group())
              .toList();
      assertThat(spills).as("%s:%n%s", family, said).isEmpty();
      for (String kernel : new TreeSet<>(EmulatedKernels.namesOf(family))) {
        assertThat(said).contains("'" + kernel + "' for 'sm_90'");
      }
    }
  }

  private static String run(List<String> command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as(said).isZero();
    return said;
  }
}
