package org.peftsweep.compute.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The device of CUDA's driver, in a process of its own whose CUDA libraries are stand-ins: the
 * driver runs kernels on this processor, cuBLASLt multiplies by loops as its manual says. So the
 * calls are held to be in order, though not to do what they should on a GPU.
 */
class CudaDeviceTest {
  @TempDir static Path folder;

  @BeforeAll
  static void compile() throws IOException {
    EmulatedKernels.require();
    library("libcuda.so.1", "driver.cpp", "");
    library("libnvrtc.so.13", "nvrtc.cpp", "libnvrtc.so.13");
    library("libcublasLt.so.13", "blas.cpp", "libcublasLt.so.13");
    library("libcublas.so.13", "", "libcublas.so.13");
    library("libcudart.so.13", "", "libcudart.so.13");
  }

  private static Process start(Map<String, String> variables, String... arguments)
      throws IOException {
    String home = System.getProperty("user.home");
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "-XX:TieredStopAtLevel=1",
                "-Djava.library.path=" + folder,
                "-Dorg.bytedeco.javacpp.cachedir=" + home + "/.javacpp/cache",
                "-Djava.io.tmpdir=" + folder,
                "-Duser.home=" + folder,
                "-cp",
                System.getProperty("java.class.path"),
                CudaDeviceMain.class.getName()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("LD_LIBRARY_PATH", folder.toString());
    builder.environment().putAll(variables);
    return builder.redirectErrorStream(true).start();
  }

  private static String said(Process process) throws IOException {
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  /** Returns the first line about a GPU of a process that stays. */
  private static String line(Process process) throws IOException {
    BufferedReader lines = process.inputReader(StandardCharsets.UTF_8);
    String line = lines.readLine();
    while (line != null && !line.contains(" GPU ")) {
      line = lines.readLine();
    }
    return line;
  }

  /** As executors are, of one Spark application or of two. */
  @Test
  void aGpuIsOneProcesssUntilThatEnds() throws Exception {
    Process first = start(Map.of(), "hold", "0");
    List<Process> all = new ArrayList<>(List.of(first));
    try {
      assertThat(line(first)).isEqualTo("alone on GPU 0");
      Process second = start(Map.of(), "hold", "0");
      all.add(second);
      assertThat(line(second))
          .isEqualTo(
              "Cannot compute on GPU 0: another process does; give each its share by"
                  + " compute.memory-mebibytes, or a GPU of its own");
      // The same GPU by its other name, and another one.
      Process third = start(Map.of(), "hold", "GPU-10111213-1415-1617-1819-1a1b1c1d1e1f");
      all.add(third);
      assertThat(line(third)).startsWith("Cannot compute on GPU GPU-10111213");
      Process fourth = start(Map.of(), "hold", "1");
      all.add(fourth);
      assertThat(line(fourth)).isEqualTo("alone on GPU 1");
      first.destroyForcibly().waitFor();
      Process last = start(Map.of(), "hold", "0");
      all.add(last);
      assertThat(line(last)).isEqualTo("alone on GPU 0");
    } finally {
      all.forEach(Process::destroyForcibly);
    }
  }

  /** Of what CUDA reports at a launch or when it is waited for, and of all that comes after. */
  @Test
  void anEccErrorLosesTheDevice() throws Exception {
    String said = said(start(Map.of("STAND_IN_IS_LOST_AFTER", "2"), "lose"));
    String lost =
        ": CUDA reports ecc uncorrectable (214), after which this process cannot use the device";
    assertThat(said.lines().filter(line -> line.startsWith("one kernel"))).hasSize(2);
    assertThat(said.lines().filter(line -> line.startsWith("Cannot")))
        .containsExactly(
            "Cannot run the kernel fill on GPU 0" + lost,
            "Cannot run the kernel fill on GPU 0" + lost,
            "Cannot run the kernel fill on GPU 0" + lost,
            "Cannot wait for GPU 0" + lost);
  }

  @Test
  void callsDriverCompilerAndProductsAsTheyAreDefined() throws Exception {
    Process process = start(Map.of(), "compute");
    String said = said(process);
    assertThat(process.waitFor()).as(said).isZero();
    assertThat(said)
        .contains(
            // By the place on the bus, not by CUDA's own order.
            "Stand-in 1 (sm_90), GPU 0\n",
            "Stand-in 0 (sm_90), GPU 1\n",
            "the same by its identifier: true\n",
            "compiled with 13.0\n",
            "Cannot allocate 4294967296 bytes on GPU 0: the device has no more memory\n",
            "a graph gives what its kernels gave: true\n",
            "Cannot take row 9: there are 4 rows or classes\n")
        .containsPattern("\n(\\d{2,}) of \\1 kernels agree\n")
        .endsWith("done\n");
    try (var kept = Files.list(folder.resolve(".cache/peft-sweep/cuda"))) {
      assertThat(kept).hasSize(EmulatedKernels.FAMILIES.size());
    }
  }

  private static void library(String name, String file, String version) throws IOException {
    List<String> options = new ArrayList<>(List.of("-Wl,-soname," + name));
    if (!version.isEmpty()) {
      Path script = folder.resolve("version");
      Files.writeString(script, version + " { global: *; };\n");
      options.add("-Wl,--version-script=" + script);
    }
    Path library = folder.resolve(name);
    if (file.equals("driver.cpp")) {
      EmulatedKernels.compile(folder, file, library, options.toArray(String[]::new));
      return;
    }
    List<String> command =
        new ArrayList<>(List.of("g++", "-std=c++17", "-O2", "-w", "-shared", "-fPIC"));
    command.addAll(options);
    command.addAll(List.of("-o", library.toString(), "-x", "c++"));
    command.add(file.isEmpty() ? "/dev/null" : EmulatedKernels.EMULATOR.resolve(file).toString());
    if (file.equals("blas.cpp")) {
      command.addAll(List.of("-x", "none", folder.resolve("libcuda.so.1").toString()));
    }
    EmulatedKernels.run(command);
  }
}
