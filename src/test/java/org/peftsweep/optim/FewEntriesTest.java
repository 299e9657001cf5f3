package org.peftsweep.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

/** Updates of few entries of a matrix, by steps computed by hand and by what they promise. */
class FewEntriesTest {
  private static final AdamW ADAM = new AdamW(0.9, 0.999, 1e-8);

  private Backend backend;

  @BeforeEach
  void open() {
    backend = Backends.open("cpu", 1);
  }

  @AfterEach
  void close() {
    backend.close();
  }

  private Parameter parameter(int rows, int columns, float... values) {
    Parameter parameter =
        Parameter.zeros(backend, "w", Role.QUERY, 0, rows, columns).train(backend);
    backend.write(values, 0, parameter.value(), 0, values.length);
    return parameter;
  }

  private Updates updates(Parameter parameter, double rate, double decay, Update update) {
    Rates rates = new Rates(rate, 1, rate, Rates.Grouping.ROLES);
    return new Updates(backend, List.of(parameter), rates, decay, ADAM, (any, optimizer) -> update);
  }

  private void step(Parameter parameter, Updates updates, float... gradient) {
    parameter.var().markGradientFresh();
    backend.write(gradient, 0, parameter.var().gradient(), 0, gradient.length);
    updates.receive();
    updates.step(1);
  }

  private float[] value(Parameter parameter) {
    return TinyModels.read(backend, parameter.value());
  }

  /** The second step ends a window: entry 0 changed least, and row 1 times column 2 is largest. */
  @Test
  void spielMovesBySm3AndGrowsWhereItsSumsAreLargest() {
    float[] start = {1, 2, 3, 4, 5, 6};
    Parameter parameter = parameter(2, 3, start);
    SpIELAdam.Schedule schedule = new SpIELAdam.Schedule(2, 0, 0.5, true);
    SpIELSM3 update = new SpIELSM3(parameter, new int[] {0, 2, 4}, schedule, () -> 4);
    try (Updates updates = updates(parameter, 0.1, 0, update)) {
      step(parameter, updates, 0, 9, 2, 9, -1, 9);
      // u = g²: steps of the rate against the gradient's sign.
      assertThat(value(parameter))
          .containsExactly(new float[] {1, 2, 2.9f, 4, 5.1f, 6}, within(1e-6f));
      assertThat(update.sums()).isDeepEqualTo(new float[][] {{4, 1}, {0, 1, 4}});
      step(parameter, updates, 0.1f, 9, 1, 9, 3, 9);
      // Entry (0, 0): u = min(4, 0) + 0.01; (0, 2): 4 + 1; (1, 1): 1 + 9.
      float[] moved = {
        0.9f, (float) (2.9 - 0.1 / Math.sqrt(5)), (float) (5.1 - 0.3 / Math.sqrt(10))
      };
      assertThat(update.sums()[0]).containsExactly(new float[] {5, 10}, within(1e-5f));
      assertThat(update.sums()[1]).containsExactly(new float[] {0.01f, 10, 5}, within(1e-5f));
      // A quarter of three is none: cosine of half the trial.
      assertThat(update.places()).containsExactly(0, 2, 4);
      assertThat(value(parameter))
          .containsExactly(new float[] {moved[0], 2, moved[1], 4, moved[2], 6}, within(1e-6f));
    }
  }

  @Test
  void spielKeepsItsCountAndDropsToTheStart() {
    SplittableRandom random = new SplittableRandom(3);
    float[] start = gaussian(random, 8 * 5);
    Parameter parameter = parameter(8, 5, start);
    SpIELAdam.Schedule schedule = new SpIELAdam.Schedule(3, 0, 0.9, false);
    SpIELSM3 update =
        new SpIELSM3(parameter, new int[] {0, 3, 7, 12, 13, 20, 31, 39}, schedule, () -> 12);
    float[][] sums = update.sums();
    int grown = 0;
    try (Updates updates = updates(parameter, 0.05, 0.1, update)) {
      for (int step = 1; step <= 12; step++) {
        int[] before = update.places();
        step(parameter, updates, gaussian(random, start.length));
        int[] places = update.places();
        assertThat(places).hasSize(8).isSorted().doesNotHaveDuplicates();
        float[] now = value(parameter);
        for (int place = 0; place < now.length; place++) {
          if (Arrays.binarySearch(places, place) < 0) {
            assertThat(now[place]).isEqualTo(start[place]);
          }
        }
        for (int i = 0; i < places.length; i++) {
          if (Arrays.binarySearch(before, places[i]) < 0) {
            grown++;
            assertThat(step % 3).isZero();
            assertThat(update.changes()[i]).isZero();
            assertThat(largerOutside(update.sums(), places, before, places[i])).isFalse();
          }
        }
        for (int side = 0; side < 2; side++) {
          for (int i = 0; i < sums[side].length; i++) {
            assertThat(update.sums()[side][i]).isGreaterThanOrEqualTo(sums[side][i]);
          }
        }
        sums = update.sums();
      }
    }
    assertThat(grown).isEqualTo((int) (8 * 0.675) + (int) (8 * 0.45) + (int) (8 * 0.225));
  }

  /** Whether an entry that stayed out has a larger product than one that was grown. */
  private static boolean largerOutside(float[][] sums, int[] places, int[] before, int grown) {
    for (int place = 0; place < sums[0].length * sums[1].length; place++) {
      if (Arrays.binarySearch(places, place) < 0
          && Arrays.binarySearch(before, place) < 0
          && product(sums, place) > product(sums, grown)) {
        return true;
      }
    }
    return false;
  }

  private static double product(float[][] sums, int place) {
    return (double) sums[0][place / sums[1].length] * sums[1][place % sums[1].length];
  }

  @Test
  void saraChoosesTheSmallestAndOfEqualsTheFirst() {
    float[] values = {0.5f, -0.1f, 0.3f, 0, -0.3f, 0.3f, -2};
    assertThat(SaRAAdam.Smallest.of(values, 4).places()).containsExactly(1, 2, 3, 4);
    assertThat(SaRAAdam.Smallest.of(values, 4).limit()).isEqualTo(0.3f);
    assertThat(SaRAAdam.Smallest.of(values, 1).places()).containsExactly(3);
    assertThat(SaRAAdam.Smallest.of(values, 7).places()).hasSize(7);
  }

  /** Of diag(3, −4) alone, U·Vᵀ is diag(1, −1); the other two entries do not learn. */
  @Test
  void saraAddsTheGradientOfTheNuclearNorm() {
    Parameter parameter = parameter(2, 2, 3, 7, 8, -4);
    SaRAAdam.Smallest smallest = SaRAAdam.Smallest.of(value(parameter), 2);
    assertThat(smallest.places()).containsExactly(0, 3);
    boolean[] drawn = {true};
    SaRAAdam update =
        new SaRAAdam(parameter, ADAM, smallest, new SaRAAdam.Settings(0.5, 9), () -> drawn[0]);
    try (Updates updates = updates(parameter, 0.1, 0, update)) {
      parameter.var().markGradientFresh();
      backend.write(new float[] {0.25f, 9, 9, 1}, 0, parameter.var().gradient(), 0, 4);
      updates.receive();
      assertThat(TinyModels.read(backend, parameter.var().gradient()))
          .containsExactly(new float[] {0.75f, 0, 0, 0.5f}, within(1e-6f));
      updates.step(1);
      assertThat(value(parameter)).containsExactly(new float[] {2.9f, 7, 8, -4.1f}, within(1e-5f));
      drawn[0] = false;
      parameter.var().markGradientFresh();
      backend.write(new float[] {0.25f, 9, 9, 1}, 0, parameter.var().gradient(), 0, 4);
      updates.receive();
      assertThat(TinyModels.read(backend, parameter.var().gradient()))
          .containsExactly(0.25f, 0, 0, 1);
    }
  }

  /** After two steps entry 0 is beyond the largest that learnt at first, and stays. */
  @Test
  void saraLeavesOutWhatGrew() {
    Parameter parameter = parameter(2, 2, 0.3f, 7, 0.1f, -4);
    SaRAAdam.Smallest smallest = SaRAAdam.Smallest.of(value(parameter), 2);
    SaRAAdam update =
        new SaRAAdam(parameter, ADAM, smallest, new SaRAAdam.Settings(0, 2), () -> false);
    try (Updates updates = updates(parameter, 0.05, 0, update)) {
      for (int step = 0; step < 2; step++) {
        assertThat(update.chosen()).containsExactly(0, 2);
        step(parameter, updates, -1, 1, -1, 1);
      }
      assertThat(value(parameter)).containsExactly(new float[] {0.4f, 7, 0.2f, -4}, within(1e-5f));
      assertThat(update.chosen()).containsExactly(2);
      step(parameter, updates, -1, 1, -1, 1);
      assertThat(value(parameter)).containsExactly(new float[] {0.4f, 7, 0.25f, -4}, within(1e-5f));
    }
  }

  /** Without a gradient decay alone moves what learns, towards 0. */
  @Test
  void saraDecaysItsEntries() {
    Parameter parameter = parameter(2, 2, 0.3f, 7, 0.1f, -4);
    SaRAAdam update =
        new SaRAAdam(
            parameter,
            ADAM,
            SaRAAdam.Smallest.of(value(parameter), 2),
            new SaRAAdam.Settings(0, 9),
            () -> false);
    try (Updates updates = updates(parameter, 0.1, 0.5, update)) {
      step(parameter, updates, 0, 1, 0, 1);
      assertThat(value(parameter))
          .containsExactly(new float[] {0.285f, 7, 0.095f, -4}, within(1e-6f));
    }
  }

  private static float[] gaussian(SplittableRandom random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
