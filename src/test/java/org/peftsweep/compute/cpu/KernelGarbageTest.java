package org.peftsweep.compute.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.peftsweep.compute.AdamStep;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.HostKernels;
import org.peftsweep.compute.Moments;
import org.peftsweep.compute.Tensor;

/**
 * Kernels leave nothing on the heap once they are compiled. In a process of its own: what other
 * tests call them with decides how they are compiled.
 */
class KernelGarbageTest {
  /** Bytes that a call may leave: one boxed vector for every load would make fifty times that. */
  private static final long MOST = 8_192;

  /** Calls each kernel until it leaves next to nothing, and prints what it left at least. */
  static final class Program {
    public static void main(String[] args) {
      try (CpuBackend backend = new CpuBackend(1)) {
        run(backend);
      }
    }

    private static void run(CpuBackend backend) {
      int n = 256;
      Tensor x = new Tensor(backend.allocate((long) n * n), 0, n, n);
      Tensor y = new Tensor(backend.allocate((long) n * n), 0, n, n);
      Tensor z = new Tensor(backend.allocate((long) n * n), 0, n, n);
      Tensor row = new Tensor(backend.allocate(n), 0, n);
      Tensor mean = new Tensor(backend.allocate(n), 0, n);
      Tensor rstd = new Tensor(backend.allocate(n), 0, n);
      Tensor logSum = new Tensor(backend.allocate(4L * n), 0, 4 * n);
      backend.fill(x, 0.5f);
      backend.fill(row, 1);
      AttentionShape shape = new AttentionShape(4, 64, 4, 4, 64, true, 0.1f);
      int[] ones = new int[n];
      Arrays.fill(ones, 1);
      Tensor mask = HostKernels.ints(backend, ones);
      Tensor labels = HostKernels.ints(backend, new int[n]);
      Tensor seed = HostKernels.seed(backend, 3);
      Tensor loss = new Tensor(ElementType.F64, backend.allocate(2), 0, 1);
      float[] numbers = new float[AdamStep.LENGTH];
      new AdamStep(1e-3f, 0.9f, 0.999f, 1e-8f, 0.01f, 0.1, 0.001).write(numbers, 0);
      Tensor steps = new Tensor(backend.allocate(numbers.length), 0, 1, numbers.length);
      backend.write(numbers, 0, steps, 0, numbers.length);
      List<Moments> moments = List.of(new Moments(z, x, y, y));
      Map<String, Runnable> kernels = new LinkedHashMap<>();
      kernels.put("linear", () -> backend.linear(x, x, row, y));
      kernels.put("gelu", () -> backend.gelu(x, row, y));
      kernels.put("geluBackward", () -> backend.geluBackward(x, row, y, z));
      kernels.put("swiglu", () -> backend.swiglu(x, y, z));
      kernels.put("swigluBackward", () -> backend.swigluBackward(x, y, z, z, z));
      kernels.put("tanh", () -> backend.tanh(x, y));
      kernels.put("dropout", () -> backend.dropout(x, 0.1f, seed, y));
      kernels.put("layerNorm", () -> backend.layerNorm(x, null, row, row, 1e-5f, y, mean, rstd));
      kernels.put(
          "layerNormBackward",
          () -> backend.layerNormBackward(x, row, mean, rstd, y, z, mean, mean));
      kernels.put("attention", () -> backend.attention(shape, x, x, x, mask, seed, y, logSum));
      kernels.put(
          "attentionBackward",
          () -> backend.attentionBackward(shape, x, x, x, mask, seed, y, logSum, y, z, z, z));
      kernels.put("crossEntropy", () -> backend.crossEntropy(x, labels, z, loss));
      kernels.put("fill", () -> backend.fill(z, 0.5f));
      kernels.put("fill again", () -> backend.fill(y, 0.5f));
      kernels.put("adamW", () -> backend.adamW(moments, steps));
      ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
      Map<String, Long> least = new LinkedHashMap<>();
      long end = System.nanoTime() + 60_000_000_000L;
      do {
        kernels.forEach(
            (name, kernel) -> {
              long before = threads.getCurrentThreadAllocatedBytes();
              kernel.run();
              least.merge(name, threads.getCurrentThreadAllocatedBytes() - before, Math::min);
            });
      } while (least.values().stream().anyMatch(bytes -> bytes > MOST) && System.nanoTime() < end);
      least.forEach((name, bytes) -> System.out.println("left " + bytes + " by " + name));
    }
  }

  @Test
  void kernelsLeaveNoGarbageOnceCompiled() throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "-Dlog4j2.configurationFile=conf/log4j2.properties",
                "-cp",
                System.getProperty("java.class.path"),
                Program.class.getName())
            .redirectErrorStream(true)
            .start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(text).isZero();
    List<String> left = text.lines().filter(line -> line.startsWith("left ")).toList();
    assertThat(left).as(text).hasSize(15);
    assertThat(left)
        .allSatisfy(
            line -> assertThat(Long.parseLong(line.split(" ")[1])).as(line).isLessThan(MOST));
  }
}
