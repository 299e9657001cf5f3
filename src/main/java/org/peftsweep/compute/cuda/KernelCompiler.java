package org.peftsweep.compute.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.bytedeco.cuda.global.nvrtc;
import org.bytedeco.cuda.nvrtc._nvrtcProgram;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;

/**
 * Compiles the kernels of a family for one kind of device, or takes them from {@code
 * ~/.cache/peft-sweep/cuda}, where they lie by source, kind of device and version of the compiler.
 */
final class KernelCompiler {
  /** What families include. */
  static final List<String> HEADERS = List.of("common.cuh", "tiles.cuh");

  private final String architecture;
  private final String version;

  /**
   * Makes one for a compute capability.
   *
   * @param capability such as 90 for 9.0
   */
  KernelCompiler(int capability) {
    this.architecture = "--gpu-architecture=sm_" + capability;
    int[] major = new int[1];
    int[] minor = new int[1];
    CudaErrors.checkLibrary(nvrtc.nvrtcVersion(major, minor), "NVRTC", "ask for its version");
    this.version = major[0] + "." + minor[0];
  }

  /** Returns the version of NVRTC. */
  String version() {
    return version;
  }

  /** Returns the source of a family as kernels include it. */
  static String source(String file) {
    try (InputStream in = KernelCompiler.class.getResourceAsStream("/cuda/" + file)) {
      if (in == null) {
        throw new IllegalStateException("Cannot find the kernels " + file + " in the jar");
      }
      return new String(in.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns machine code. */
  byte[] compiled(String family) {
    String[] headers = HEADERS.stream().map(KernelCompiler::source).toArray(String[]::new);
    String kernels = source(family + ".cu");
    Path kept = folder().resolve(key(String.join("", headers) + kernels) + ".cubin");
    try {
      if (Files.isReadable(kept)) {
        return Files.readAllBytes(kept);
      }
    } catch (IOException e) {
      // What cannot be read is compiled again.
      return compile(family, kernels, headers);
    }
    byte[] code = compile(family, kernels, headers);
    keep(code, kept);
    return code;
  }

  private static Path folder() {
    return Path.of(System.getProperty("user.home", "."), ".cache", "peft-sweep", "cuda");
  }

  private String key(String source) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update((architecture + "\n" + version + "\n" + source).getBytes(UTF_8));
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void keep(byte[] code, Path kept) {
    try {
      Files.createDirectories(kept.getParent());
      Path temporary = Files.createTempFile(kept.getParent(), "kernels", ".part");
      Files.write(temporary, code);
      Files.move(temporary, kept, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      // It costs half a second to compile them anew next time.
      return;
    }
  }

  private byte[] compile(String family, String kernels, String... headers) {
    String what = "compile the kernels " + family + ".cu for " + architecture;
    try (_nvrtcProgram program = new _nvrtcProgram();
        BytePointer source = new BytePointer(kernels);
        BytePointer name = new BytePointer(family + ".cu");
        PointerPointer<BytePointer> texts = new PointerPointer<>(headers);
        PointerPointer<BytePointer> names = new PointerPointer<>(HEADERS.toArray(String[]::new));
        PointerPointer<BytePointer> options = new PointerPointer<>(architecture, "--std=c++17");
        SizeTPointer size = new SizeTPointer(1)) {
      int made = nvrtc.nvrtcCreateProgram(program, source, name, headers.length, texts, names);
      CudaErrors.checkLibrary(made, "NVRTC", what);
      CudaErrors.checkLibrary(nvrtc.nvrtcCompileProgram(program, 2, options), "NVRTC", what);
      CudaErrors.checkLibrary(nvrtc.nvrtcGetCUBINSize(program, size), "NVRTC", what);
      byte[] code = new byte[Math.toIntExact(size.get())];
      CudaErrors.checkLibrary(nvrtc.nvrtcGetCUBIN(program, code), "NVRTC", what);
      nvrtc.nvrtcDestroyProgram(program);
      return code;
    }
  }
}
