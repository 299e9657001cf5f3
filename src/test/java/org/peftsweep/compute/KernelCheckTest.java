package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Method;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.peftsweep.compute.KernelCheck.Result;
import org.peftsweep.compute.cpu.CpuBackend;
import org.peftsweep.compute.cuda.EmulatedBackends;

class KernelCheckTest {
  /** What moves values, or is about the backend itself. */
  private static final Set<String> OTHERS =
      Set.of("free", "write", "read", "close", "requireAlone");

  @Test
  void holdsEveryKernelOfTheCudaBackendToTheProcessor() {
    try (Backend cpu = new CpuBackend(1);
        Backend cuda = EmulatedBackends.openWithTensorCores(9)) {
      List<Result> results = KernelCheck.compare(cpu, cuda);
      assertThat(results).allMatch(Result::isFine);
      assertThat(results).extracting(Result::kernel).isEqualTo(KernelCheck.kernels());
    }
  }

  @Test
  void knowsEveryKernel() {
    Set<String> kernels =
        Stream.of(Backend.class.getMethods())
            .filter(method -> method.getReturnType() == void.class)
            .map(Method::getName)
            .filter(name -> !OTHERS.contains(name))
            .collect(Collectors.toCollection(TreeSet::new));
    assertThat(
            KernelCheck.kernels().stream()
                .map(name -> name.split(",")[0])
                .collect(Collectors.toSet()))
        .isEqualTo(kernels);
  }

  /** One element of one output, off by a thousandth. */
  @Test
  void findsAKernelThatIsOff() {
    try (Backend cpu = new CpuBackend(1);
        Backend off = spoiled(new CpuBackend(1))) {
      assertThat(KernelCheck.compare(cpu, off))
          .filteredOn(result -> !result.isFine())
          .extracting(Result::kernel)
          .containsExactly("tanh");
    }
  }

  private static Backend spoiled(Backend backend) {
    return (Backend)
        java.lang.reflect.Proxy.newProxyInstance(
            Backend.class.getClassLoader(),
            new Class<?>[] {Backend.class},
            (proxy, method, arguments) -> {
              Object result = method.invoke(backend, arguments);
              if (method.getName().equals("tanh")) {
                Tensor y = (Tensor) arguments[1];
                backend.scale(1.001f, y.slice(y.rows() - 1, 1), y.slice(y.rows() - 1, 1));
              }
              return result;
            });
  }
}
