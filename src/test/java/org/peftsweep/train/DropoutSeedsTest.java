package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Tensor;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;

/** No two passes of a trial drop the same, also where an epoch ends on a short group of passes. */
class DropoutSeedsTest {
  private static final Library LIBRARY = new Library(new Configuration());

  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({"8, 1, 2", "9, 2, 2", "10, 3, 3", "7, 4, 4", "5, 3, 6", "11, 5, 3"})
  void areUniqueOverPassesAndSteps(int examples, int accumulate, int epochs) throws IOException {
    Map<Long, Integer> uses = new HashMap<>();
    try (Backend backend = Backends.open("cpu", 1)) {
      Backend hearing =
          (Backend)
              Proxy.newProxyInstance(
                  getClass().getClassLoader(),
                  new Class<?>[] {Backend.class},
                  (proxy, method, arguments) -> {
                    if (method.getName().equals("dropout")) {
                      uses.merge(seed(backend, (Tensor) arguments[2]), 1, Integer::sum);
                    }
                    try {
                      return method.invoke(backend, arguments);
                    } catch (InvocationTargetException e) {
                      throw e.getCause();
                    }
                  });
      new TrialRun(LIBRARY, hearing).run(trial(examples, accumulate, epochs), Progress.SILENT);
    }
    int passes = examples * epochs;
    assertThat(uses.size()).isPositive();
    // The same places drop in every pass, so each place has a seed of its own in each pass.
    assertThat(uses.size() % passes).isZero();
    int places = uses.size() / passes;
    assertThat(places).isGreaterThanOrEqualTo(4);
    // One use forward, and one at most on the way back.
    assertThat(uses.values()).allMatch(count -> count <= 2);
  }

  private static long seed(Backend backend, Tensor seed) {
    Tensor bits = new Tensor(ElementType.F64, seed.memory(), seed.offset(), 1);
    return Double.doubleToRawLongBits(backend.numbers(bits)[0]);
  }

  private Trial trial(int examples, int accumulate, int epochs) throws IOException {
    Path file = folder.resolve("sweep.yaml");
    Files.writeString(
        file,
        """
        name: sweep
        model: builtin:mini
        tasks: [mini-rte]
        seeds: [0]
        train-limit: %d
        grid:
          - {method: lora, targets: qv, rank: 2, dropout: 0.5}
        training: {epochs: %d, batch: 1, accumulate: %d, max-tokens: 16, evaluate-every: 1000}
        """
            .formatted(examples, epochs, accumulate));
    return SweepFile.read(file.toString(), Map.of(), new Configuration())
        .expand(LIBRARY::modelHash, LIBRARY::taskHash)
        .get(0);
  }
}
