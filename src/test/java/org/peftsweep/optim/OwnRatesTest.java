package org.peftsweep.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;

/** Optimizers that find their step size, by the numbers of the authors' rules. */
class OwnRatesTest {
  /** Three gradients, which come again and again. */
  private static final float[][] GRADIENTS = {
    {0.1f, -0.2f, 0.05f}, {0.3f, 0.05f, -0.4f}, {-0.2f, 0.1f, 0.1f}
  };

  private static final Prodigy PRODIGY = new Prodigy(0.9, 0.999, 1e-8, 1e-6, 1, 0, false, false);
  private static final Prodigy PRODIGY_WITH_BIAS =
      new Prodigy(0.9, 0.999, 1e-8, 1e-6, 1, 0, false, true);
  private static final DAdaptation D_ADAPTATION = new DAdaptation(0.9, 0.999, 1e-8, 1e-6, 0);

  @TempDir private Path folder;

  /**
   * Nine steps by the rules written out in double precision give these estimates; floats round w₀ −
   * w.
   */
  @Test
  void estimatesTheDistanceOfTheRule() throws IOException {
    assertThat(distance(PRODIGY, 1e-4)).isCloseTo(8.952955e-06, within(3e-8));
    assertThat(distance(D_ADAPTATION, 1e-4)).isCloseTo(1.885738e-06, within(3e-8));
  }

  /** Steps of a warm-up that begins at 0 leave no trace. */
  @Test
  void whatCannotMoveIsNotMeasured() throws IOException {
    for (Optimizer optimizer : List.of(PRODIGY, PRODIGY_WITH_BIAS, D_ADAPTATION)) {
      assertThat(distance(optimizer, 1e-4, 2)).isEqualTo(distance(optimizer, 1e-4));
    }
  }

  @Test
  void learningRatesDoNotCount() throws IOException {
    for (Optimizer optimizer : List.of(PRODIGY, D_ADAPTATION)) {
      assertThat(distance(optimizer, 7)).isEqualTo(distance(optimizer, 1e-4));
    }
  }

  private double distance(Optimizer optimizer, double rate) throws IOException {
    return distance(optimizer, rate, 0);
  }

  /** After steps of factor 0 and nine of factor 1. */
  private double distance(Optimizer optimizer, double rate, int idle) throws IOException {
    Path file = folder.resolve("state.safetensors");
    try (Backend backend = Backends.open("cpu", 1)) {
      Parameter parameter = Parameter.zeros(backend, "a.w", Role.QUERY, 0, 3).train(backend);
      backend.write(new float[] {0.5f, -0.3f, 0.2f}, 0, parameter.value(), 0, 3);
      Rates rates = new Rates(rate, 1, rate, Rates.Grouping.ROLES);
      try (Updates updates = new Updates(backend, List.of(parameter), rates, 0, optimizer)) {
        for (int step = -idle; step < 9; step++) {
          parameter.var().markGradientFresh();
          float[] gradient = GRADIENTS[Math.floorMod(step, 3)];
          backend.write(gradient, 0, parameter.var().gradient(), 0, 3);
          updates.step(step < 0 ? 0 : 1);
        }
        StateWriter writer = new StateWriter();
        updates.save(writer);
        try (FileChannel channel =
            FileChannel.open(
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE)) {
          writer.write(channel);
        }
        try (StateReader reader = StateReader.open(file)) {
          return reader.under("distance").number("value");
        }
      }
    }
  }
}
