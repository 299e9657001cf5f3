package org.peftsweep.compute.cuda;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.BackendUnavailableException;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.compute.DeviceLostException;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.KernelCheck;
import org.peftsweep.compute.Products;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.cpu.CpuBackend;

/** What {@link CudaDeviceTest} runs where CUDA's libraries are stand-ins. */
final class CudaDeviceMain {
  private static final int WIDTH = 48;

  private CudaDeviceMain() {}

  public static void main(String... arguments) throws IOException {
    switch (arguments[0]) {
      case "hold" -> hold(arguments[1]);
      case "lose" -> lose();
      default -> compute();
    }
  }

  /** Asks for a GPU alone, and keeps it until there is no more input. */
  private static void hold(String address) throws IOException {
    try (Backend cuda = new CudaBackend(CudaDevices.open(address), address)) {
      cuda.requireAlone();
      System.out.println("alone on GPU " + address);
    } catch (BackendUnavailableException e) {
      System.out.println(e.getMessage());
    }
    System.in.read();
  }

  /** Goes on until the device is lost, and looks whether it stays so. */
  private static void lose() {
    CudaBackend cuda = new CudaBackend(CudaDevices.open("0"), "0");
    Tensor x = new Tensor(cuda.allocate(WIDTH), 0, WIDTH);
    for (int failures = 0; failures < 3; ) {
      try {
        cuda.fill(x, 1);
        System.out.println("one kernel");
      } catch (DeviceLostException e) {
        System.out.println(e.getMessage());
        failures++;
      }
    }
    try {
      cuda.read(x, 0, new float[1], 0, 1);
    } catch (DeviceLostException e) {
      System.out.println(e.getMessage());
    }
  }

  private static void compute() {
    CudaDevice device = CudaDevices.open("0");
    try (Backend cpu = new CpuBackend(1, BlasLibrary.OPENBLAS);
        Backend other = new CudaBackend(CudaDevices.open("1"), "1");
        Backend cuda = new CudaBackend(device, "0")) {
      System.out.println(cuda.device());
      System.out.println(other.device());
      CudaDevice same = CudaDevices.open("GPU-10111213-1415-1617-1819-1a1b1c1d1e1f");
      System.out.println("the same by its identifier: " + (same == device));
      System.out.println("compiled with " + cuda.gpu().orElseThrow().cuda());
      List<KernelCheck.Result> results = KernelCheck.compare(cpu, cuda);
      results.stream().filter(result -> !result.isFine()).forEach(System.out::println);
      System.out.println(
          results.stream().filter(KernelCheck.Result::isFine).count()
              + " of "
              + results.size()
              + " kernels agree");
      try {
        cuda.allocate(1L << 30);
      } catch (OutOfMemoryError e) {
        System.out.println(e.getMessage());
      }
      System.out.println("a graph gives what its kernels gave: " + planned(cuda));
      try {
        Tensor table = normal(cuda, 4);
        Tensor ids = new Tensor(ElementType.I32, cuda.allocate(1), 0, 1);
        cuda.write(new int[] {9}, ids);
        cuda.gather(table, ids, false, normal(cuda, 1));
      } catch (IllegalArgumentException e) {
        System.out.println(e.getMessage());
      }
    }
    System.out.println("done");
  }

  private static Tensor normal(Backend backend, int rows) {
    Tensor tensor = new Tensor(backend.allocate((long) rows * WIDTH), 0, rows, WIDTH);
    write(backend, tensor, rows);
    return tensor;
  }

  private static void write(Backend backend, Tensor tensor, long seed) {
    Random random = new Random(seed);
    float[] values = new float[(int) tensor.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    backend.write(values, 0, tensor, 0, values.length);
  }

  /** Products in 16 bits with and without a bias, and a kernel in between. */
  private static boolean planned(Backend backend) {
    Products halves = backend.products(ElementType.BF16);
    Products rounded = backend.products(ElementType.TF32);
    Tensor x = normal(backend, WIDTH);
    Tensor w = normal(backend, WIDTH);
    Tensor bias = normal(backend, 1);
    Tensor y = normal(backend, WIDTH);
    Runnable kernels =
        () -> {
          halves.linear(x, w, bias.reshape(WIDTH), y);
          backend.gelu(y, null, y);
          halves.gemm(true, false, 0.5f, y, w, 0.1f, x);
          rounded.linear(x, w, null, y);
        };
    kernels.run();
    Runnable plan = backend.plan(kernels);
    float[] expected = new float[WIDTH * WIDTH];
    float[] found = new float[WIDTH * WIDTH];
    write(backend, x, 5);
    kernels.run();
    backend.read(y, 0, expected, 0, expected.length);
    write(backend, x, 5);
    plan.run();
    backend.read(y, 0, found, 0, found.length);
    return Arrays.equals(expected, found) && Math.abs(found[7]) > 0;
  }
}
