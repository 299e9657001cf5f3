package org.peftsweep.compute.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The device of CUDA's driver, in a process of its own whose CUDA libraries are stand-ins: the
 * driver runs kernels on this processor, cuBLASLt multiplies by loops as its manual says. So the
 * calls are held to be in order, though not to do what they should on a GPU.
 */
class CudaDeviceTest {
  @TempDir private Path folder;

  @Test
  void callsDriverCompilerAndProductsAsTheyAreDefined() throws Exception {
    EmulatedKernels.require();
    library("libcuda.so.1", "driver.cpp", "");
    library("libnvrtc.so.13", "nvrtc.cpp", "libnvrtc.so.13");
    library("libcublasLt.so.13", "blas.cpp", "libcublasLt.so.13");
    library("libcublas.so.13", "", "libcublas.so.13");
    library("libcudart.so.13", "", "libcudart.so.13");
    String home = System.getProperty("user.home");
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--add-modules=jdk.incubator.vector",
            "-Djava.library.path=" + folder,
            "-Dorg.bytedeco.javacpp.cachedir=" + home + "/.javacpp/cache",
            "-Djava.io.tmpdir=" + folder,
            "-Duser.home=" + folder,
            "-cp",
            System.getProperty("java.class.path"),
            CudaDeviceMain.class.getName());
    builder.environment().put("LD_LIBRARY_PATH", folder.toString());
    Process process = builder.redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    assertThat(said)
        .contains(
            // By the place on the bus, not by CUDA's own order.
            "Stand-in 1 (sm_90), GPU 0\n",
            "Stand-in 0 (sm_90), GPU 1\n",
            "the same by its identifier: true\n",
            "compiled with 13.0\n",
            "37 kernels agree\n",
            "Cannot allocate 4294967296 bytes on GPU 0: the device has no more memory\n",
            "a graph gives what its kernels gave: true\n",
            "Cannot take row 9: there are 4 rows or classes\n")
        .endsWith("done\n");
    try (var kept = Files.list(folder.resolve(".cache/peft-sweep/cuda"))) {
      assertThat(kept).hasSize(EmulatedKernels.FAMILIES.size());
    }
  }

  private void library(String name, String file, String version) throws IOException {
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
