package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.peftsweep.method.LoRA;
import org.peftsweep.results.Manifest;
import org.peftsweep.spec.Axes;

/** Commands that are printed ask for what the sweep was asked for, and what is added. */
class AdditionsTest {
  private static final Pattern SET = Pattern.compile("--set (?:'([^']*)'|(\\S+))");
  private static final Map<String, String> SETTINGS =
      Map.of(
          "seeds", "[0, 1, 2, 3, 4]",
          "evaluation-seeds", "[3, 4]",
          "tuning-seeds", "[100]",
          "training.epochs", "3",
          "name", "mine",
          "tasks", "[rte]");

  /** Cells that are added get the seeds of all others, or nothing would be in common with them. */
  @Test
  void keepsWhateverTheSweepWasCalledWith() {
    SortedMap<String, String> cell =
        Axes.of(Runs.trial(new LoRA(8, 8, 0), SampleSweep.QV, 1e-3, 4, 1e-3, 0));
    for (int draw = 0; draw < 50; draw++) {
      Map<String, String> set = drawn(new Random(draw));
      boolean isTuned = set.containsKey("tuning-seeds");
      Additions additions = new Additions(Optional.of(manifest(set, isTuned)));
      assertThat(set(additions.cells(List.of(cell)).orElseThrow())).isEqualTo(set);
      Map<String, String> longer = new TreeMap<>(set);
      longer.put(isTuned ? "evaluation-seeds" : "seeds", "[0, 1, 2, 7, 8]");
      String more = additions.moreSeeds().orElseThrow();
      assertThat(set(more)).isEqualTo(longer);
      assertThat(more.split("--set ")).hasSize(longer.size() + 1);
    }
  }

  private static Map<String, String> drawn(Random random) {
    List<String> keys = new ArrayList<>(new TreeMap<>(SETTINGS).keySet());
    Collections.shuffle(keys, random);
    Map<String, String> set = new TreeMap<>();
    keys.subList(0, random.nextInt(keys.size() + 1))
        .forEach(key -> set.put(key, SETTINGS.get(key)));
    return set;
  }

  private static Map<String, String> set(String command) {
    Map<String, String> set = new TreeMap<>();
    Matcher matcher = SET.matcher(command);
    while (matcher.find()) {
      String[] parts = (matcher.group(1) == null ? matcher.group(2) : matcher.group(1)).split("=");
      set.put(parts[0], parts[1]);
    }
    return set;
  }

  private static Manifest manifest(Map<String, String> set, boolean isTuned) {
    return new Manifest(
        List.of("rte"),
        isTuned ? List.of(100L) : List.of(),
        List.of(7L, 8L),
        List.of(),
        Map.of(),
        List.of(),
        0,
        new Manifest.Source("conf/x.yaml", new LinkedHashMap<>(set), ""),
        List.of(),
        Map.of(),
        false);
  }
}
