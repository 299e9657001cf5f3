package org.peftsweep.sweep;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.results.Requests;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Trial;

class SteeredWorkTest {
  private static final Trial TRIAL = Samples.trial("rte", 1);

  /** Whatever is asked on the way, each trial starts once, is held back, or was asked to stop. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void losesNoTrialAndStartsNoneThatIsNotToStart(long seed) {
    Random random = new Random(seed);
    for (int round = 0; round < 200; round++) {
      List<List<PlannedTrial>> packs = packs(random);
      int all = packs.stream().mapToInt(List::size).sum();
      Set<String> before = some(all, random);
      AtomicReference<Requests> asked = new AtomicReference<>(Requests.NONE);
      SteeredWork work = new SteeredWork(Work.of(packs), asked::get, before);
      Set<String> begun = new HashSet<>(before);
      Set<String> started = new HashSet<>();
      for (int look = 0; look < 20; look++) {
        if (random.nextInt(3) == 0) {
          asked.set(requests(all, random));
        }
        boolean wasCapped = asked.get().isCapped(begun.size());
        List<PlannedTrial> pack = work.poll(2);
        assertThat(pack == null || !wasCapped).isTrue();
        if (pack != null) {
          assertThat(pack).isNotEmpty();
          for (PlannedTrial trial : pack) {
            assertThat(asked.get().stops()).doesNotContain(trial.id());
            assertThat(begun.contains(trial.id()) || !asked.get().isCapped(begun.size())).isTrue();
            assertThat(started.add(trial.id())).isTrue();
            begun.add(trial.id());
          }
        }
        assertThat(work.cap().isPresent()).isEqualTo(pack == null && held(work, started) < all);
      }
      asked.set(Requests.NONE);
      for (List<PlannedTrial> pack = work.poll(2); pack != null; pack = work.poll(2)) {
        pack.forEach(trial -> assertThat(started.add(trial.id())).isTrue());
      }
      assertThat(work.cap()).isEmpty();
      assertThat(Collections.disjoint(work.left(), started)).isTrue();
      assertThat(held(work, started)).isEqualTo(all);
    }
  }

  private static int held(SteeredWork work, Set<String> started) {
    return work.left().size() + started.size();
  }

  private static Requests requests(int all, Random random) {
    Requests asked = new Requests("run", some(all, random), null, null);
    return switch (random.nextInt(4)) {
      case 0 -> asked.upTo(random.nextInt(all + 2));
      case 1 -> asked.until(Instant.now().plusSeconds(random.nextBoolean() ? -60 : 3_600));
      case 2 -> asked;
      default -> Requests.NONE;
    };
  }

  private static Set<String> some(int all, Random random) {
    Set<String> some = new HashSet<>();
    for (int i = random.nextInt(all); i > 0; i--) {
      some.add("" + random.nextInt(all));
    }
    return some;
  }

  private static List<List<PlannedTrial>> packs(Random random) {
    List<List<PlannedTrial>> packs = new ArrayList<>();
    int id = 0;
    for (int i = 1 + random.nextInt(8); i > 0; i--) {
      List<PlannedTrial> pack = new ArrayList<>();
      for (int lane = 1 + random.nextInt(4); lane > 0; lane--) {
        pack.add(new PlannedTrial(TRIAL, "" + id++, "trial", 1, 1));
      }
      packs.add(pack);
    }
    return packs;
  }
}
