package org.peftsweep.compute.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The kernels as the machine's C++ compiler builds them for this processor, where threads of a
 * block are fibers.
 */
final class EmulatedKernels {
  static final List<String> FAMILIES =
      List.of(
          "elementwise",
          "rows",
          "quantised",
          "norms",
          "attention",
          "losses",
          "optimiser",
          "products");

  /** The family of attention once more, as it is for devices that have tensor cores. */
  static final String ON_TENSOR_CORES = "attention_on_tensor_cores";

  private static final Pattern KERNEL =
      Pattern.compile("__global__(?: __launch_bounds__\\([^)]*\\))? void (\\w+)\\(");
  private static final Path KERNELS = Path.of("src/main/resources/cuda");
  static final Path EMULATOR = Path.of("src/test/resources/cuda");

  /** Compiled and loaded once. */
  private static final boolean LOADED = load();

  private EmulatedKernels() {}

  /** Skips the test where this machine cannot run them. */
  static void require() {
    assumeTrue(LOADED, "this processor is no x86-64, or there is no g++ for it");
  }

  static native int find(String name);

  /** Returns what is wrong, else null. */
  static native String launch(
      int kernel,
      int x,
      int y,
      int z,
      int block,
      long[] slots,
      int used,
      int parameters,
      long seed);

  private static boolean load() {
    Path jni = Path.of(System.getProperty("java.home"), "include");
    if (!System.getProperty("os.arch").equals("amd64") || !Files.exists(jni.resolve("jni.h"))) {
      return false;
    }
    try {
      Path folder = Files.createTempDirectory("kernels");
      Path library = folder.resolve("kernels.so");
      compile(folder, "emulator.cpp", library, "-I" + jni, "-I" + jni.resolve("linux"));
      System.load(library.toAbsolutePath().toString());
      Files.delete(library);
      Files.delete(folder);
      return true;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Compiles a file of the emulator's folder together with all kernels to a shared library. */
  static void compile(Path folder, String file, Path library, String... options)
      throws IOException {
    StringBuilder kernels = new StringBuilder("#include \"emulator.h\"\n");
    StringBuilder entries = new StringBuilder();
    for (String family : FAMILIES) {
      kernels.append("#undef TENSOR_CORES\n");
      kernels.append("namespace " + family + " {\n#include \"" + family + ".cu\"\n}\n");
      for (String kernel : namesOf(family)) {
        entries.append("EMULATED(" + family + "::" + kernel + "),\n");
      }
    }
    kernels.append("#undef TENSOR_CORES\n#define TENSOR_CORES 1\n");
    kernels.append("namespace " + ON_TENSOR_CORES + " {\n#include \"again.cu\"\n}\n");
    for (String kernel : namesOf("attention")) {
      entries.append("EMULATED(" + ON_TENSOR_CORES + "::" + kernel + "),\n");
    }
    String again = Files.readString(KERNELS.resolve("attention.cu"));
    // Two functions with C's linkage are one, whatever their namespaces.
    again = again.replace("extern \"C\" ", "");
    Map<String, String> made =
        Map.of("again.cu", again, "kernels.h", kernels.toString(), "entries.h", entries.toString());
    for (Map.Entry<String, String> each : made.entrySet()) {
      Files.writeString(folder.resolve(each.getKey()), each.getValue());
    }
    List<String> command =
        new ArrayList<>(List.of("g++", "-std=c++17", "-O2", "-w", "-shared", "-fPIC"));
    command.addAll(List.of("-I" + folder, "-I" + EMULATOR, "-I" + KERNELS));
    command.addAll(List.of(options));
    command.addAll(List.of("-o", library.toString(), EMULATOR.resolve(file).toString()));
    run(command);
    for (String each : made.keySet()) {
      Files.delete(folder.resolve(each));
    }
  }

  /** Returns the kernels of a family. */
  static List<String> namesOf(String family) throws IOException {
    return KERNEL
        .matcher(Files.readString(KERNELS.resolve(family + ".cu")))
        .results()
        .map(found -> found.group(1))
        .toList();
  }

  static void run(List<String> command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.onExit().join().exitValue()).as(said).isZero();
  }
}
