package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.peftsweep.method.LoRA;
import org.peftsweep.results.Manifest;
import org.peftsweep.spec.Axes;
import org.peftsweep.spec.SpecException;
import org.peftsweep.spec.Sweep;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.TextSource;
import org.peftsweep.spec.Trial;

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
      assertThat(set(additions.cells(List.of(new Additions.Cell("rte", cell))).orElseThrow()))
          .isEqualTo(set);
      Map<String, String> longer = new TreeMap<>(set);
      longer.put(isTuned ? "evaluation-seeds" : "seeds", "[0, 1, 2, 7, 8]");
      String more = additions.moreSeeds().orElseThrow();
      assertThat(set(more)).isEqualTo(longer);
      assertThat(more.split("--set ")).hasSize(longer.size() + 1);
    }
  }

  /** Values of a block, not all of which are right for all methods. */
  private static final Map<String, List<String>> KEYS =
      Map.ofEntries(
          Map.entry("batch", List.of("8", "16", "[8, 16]")),
          Map.entry("precision", List.of("fp32", "bf16")),
          Map.entry("optimizer", List.of("adamw", "lion", "[adamw, lion]")),
          Map.entry("weight-decay", List.of("0", "0.1")),
          Map.entry("weights", List.of("fp32", "bf16", "nf4")),
          Map.entry("init", List.of("pretrained", "random")),
          Map.entry("layers", List.of("all", "0", "[[0, 2-3]]")),
          Map.entry("train-fraction", List.of("1", "0.5")),
          Map.entry("max-steps", List.of("0", "7")),
          Map.entry("learning-rate", List.of("1e-3", "[1e-3, 2e-3]")),
          Map.entry("head-learning-rate", List.of("same", "1e-3", "[same, 5e-3]")),
          Map.entry("targets", List.of("qv", "[[query, ffn-up]]")),
          Map.entry("ratio", List.of("1", "[1, 4]")));

  private static final List<String> METHODS =
      List.of("lora", "full", "lora, plug-in: ist", "bitfit", "head-only", "untrained");

  /** Read back, the command adds the recipes that lack, whatever they differ in, and no other. */
  @Test
  void addsTheCellsThatLackAndNoOthers() {
    int added = 0;
    for (int draw = 0; draw < 120; draw++) {
      Random random = new Random(draw);
      String top =
          "name: x\nmodel: builtin:mini\ntasks: [mini-rte, mini-cola]\nseeds: [0]\n"
              + "weights: "
              + pick(random, List.of("fp32", "bf16"))
              + "\nrates: {head-learning-rate: "
              + pick(random, List.of("same", "1e-3"))
              + "}\ntraining: {batch: "
              + pick(random, List.of("16", "32", "[16, 32]"))
              + ", max-steps: "
              + pick(random, List.of("0", "9"))
              + ", optimizer: "
              + pick(random, List.of("adamw", "lion"))
              + "}\nper-task: {mini-cola: {weight-decay: 0.3}}\ngrid:\n";
      String base = "  - {method: lora, targets: qv, rank: 4}\n";
      Optional<Sweep> lacking = read(top + "  - {" + block(random) + "}\n");
      if (lacking.isEmpty()) {
        continue;
      }
      List<Additions.Cell> cells =
          trials(lacking.get()).stream()
              .filter(trial -> trial.task().task().name().equals("mini-rte"))
              .map(trial -> new Additions.Cell("mini-rte", Axes.of(trial)))
              .toList();
      Manifest.Source source =
          new Manifest.Source("x.yaml", Map.of(), "", read(top + base).orElseThrow().defaults());
      String command =
          new Additions(Optional.of(manifest(source, false))).cells(cells).orElseThrow();
      StringBuilder longer = new StringBuilder(top + base);
      Matcher matcher = Pattern.compile("--add '((?:[^']|'\\\\'')*)'").matcher(command);
      while (matcher.find()) {
        longer.append("  - ").append(matcher.group(1).replace("'\\''", "'")).append("\n");
      }
      Set<SortedMap<String, String>> all = new LinkedHashSet<>();
      Optional<Sweep> both = read(longer.toString());
      assertThat(both).as(longer.toString()).isPresent();
      trials(both.get()).forEach(trial -> all.add(onTask(trial)));
      Set<SortedMap<String, String>> expected = new LinkedHashSet<>();
      trials(read(top + base).orElseThrow()).forEach(trial -> expected.add(onTask(trial)));
      cells.forEach(cell -> expected.add(cell.axes()));
      assertThat(all).as(longer.toString()).containsExactlyInAnyOrderElementsOf(expected);
      added++;
    }
    assertThat(added).isGreaterThan(60);
  }

  /** Axes on the one task; on the other one those are left out. */
  private static SortedMap<String, String> onTask(Trial trial) {
    return trial.task().task().name().equals("mini-rte") ? Axes.of(trial) : new TreeMap<>();
  }

  private static List<Trial> trials(Sweep sweep) {
    return sweep.expand(model -> "m", task -> "t");
  }

  private static Optional<Sweep> read(String text) {
    try {
      return Optional.of(SweepFile.read("x.yaml", Map.of(), texts(text)));
    } catch (SpecException e) {
      return Optional.empty();
    }
  }

  private static TextSource texts(String text) {
    return location -> location.equals("x.yaml") ? Optional.of(text) : Optional.empty();
  }

  private static String block(Random random) {
    StringBuilder block = new StringBuilder("method: " + pick(random, METHODS));
    new TreeMap<>(KEYS)
        .forEach(
            (key, values) -> {
              if (random.nextInt(4) == 0) {
                block.append(", ").append(key).append(": ").append(pick(random, values));
              }
            });
    return block.toString();
  }

  private static <T> T pick(Random random, List<T> values) {
    return values.get(random.nextInt(values.size()));
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
    return manifest(new Manifest.Source("conf/x.yaml", new LinkedHashMap<>(set), ""), isTuned);
  }

  private static Manifest manifest(Manifest.Source source, boolean isTuned) {
    return new Manifest(
        List.of("rte"),
        isTuned ? List.of(100L) : List.of(),
        List.of(7L, 8L),
        List.of(),
        Map.of(),
        List.of(),
        0,
        source,
        List.of(),
        Map.of(),
        false);
  }
}
