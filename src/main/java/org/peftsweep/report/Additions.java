package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.peftsweep.results.Manifest;
import org.peftsweep.spec.Axes;

/**
 * Commands that add to a sweep what its answers lack.
 *
 * @param manifest what it was last asked to do; empty where that is not known, or of several sweeps
 */
record Additions(Optional<Manifest> manifest) {
  /** A recipe that lacks on a task, by its axes. */
  record Cell(String task, SortedMap<String, String> axes) {}

  /** With five seeds Student's t is within half of the normal distribution's width. */
  private static final int SEEDS = 5;

  private static final String SEED_KEY = "seeds";
  private static final String EVALUATION_KEY = "evaluation-seeds";

  /** Returns the command that evaluates all recipes with five seeds. */
  Optional<String> moreSeeds() {
    String key =
        manifest.map(Manifest::tuningSeeds).orElse(List.of()).isEmpty() ? SEED_KEY : EVALUATION_KEY;
    return call(key)
        .map(
            call -> {
              Manifest asked = manifest.orElseThrow();
              TreeSet<Long> seeds = new TreeSet<>(asked.seeds());
              LongStream.iterate(0, seed -> seed + 1)
                  .filter(seed -> !asked.tuningSeeds().contains(seed))
                  .takeWhile(seed -> seeds.size() < SEEDS)
                  .forEach(seeds::add);
              return call
                  + " --set '"
                  + key
                  + "=["
                  + seeds.stream().map(String::valueOf).collect(Collectors.joining(", "))
                  + "]'";
            });
  }

  /** Returns the command that adds these cells; empty where there are none. */
  Optional<String> cells(Collection<Cell> cells) {
    return cells.isEmpty()
        ? Optional.empty()
        : call("")
            .map(
                call ->
                    call
                        + blocks(cells).stream()
                            .map(block -> " --add " + word(block))
                            .collect(Collectors.joining()));
  }

  /** Returns what the sweep was called with, but for one key. */
  private Optional<String> call(String without) {
    return manifest
        .flatMap(asked -> Optional.ofNullable(asked.source()))
        .map(
            source ->
                "jobs/sweep.sh "
                    + word(source.file())
                    + source.overrides().entrySet().stream()
                        .filter(set -> !set.getKey().equals(without))
                        .map(set -> " --set " + word(set.getKey() + "=" + set.getValue()))
                        .collect(Collectors.joining()));
  }

  private static String word(String text) {
    return text.matches("[A-Za-z0-9@%+=:,./_-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
  }

  /** Returns blocks of a grid, those that differ in one setting as one with a list. */
  private List<String> blocks(Collection<Cell> cells) {
    Map<String, ? extends Map<String, String>> defaults =
        manifest.map(asked -> asked.source().defaults()).orElseThrow();
    Set<SortedMap<String, List<String>>> blocks = new LinkedHashSet<>();
    for (Cell cell : cells) {
      SortedMap<String, List<String>> block = new TreeMap<>();
      Map<String, String> own = defaults.get(cell.task());
      Axes.block(cell.axes(), own == null ? Map.of() : own)
          .forEach((key, value) -> block.put(key, List.of(value)));
      blocks.add(block);
    }
    List<String> keys =
        blocks.stream().flatMap(block -> block.keySet().stream()).distinct().toList();
    for (String key : keys) {
      Map<SortedMap<String, List<String>>, List<String>> merged = new LinkedHashMap<>();
      Set<SortedMap<String, List<String>>> others = new LinkedHashSet<>();
      for (SortedMap<String, List<String>> block : blocks) {
        SortedMap<String, List<String>> rest = new TreeMap<>(block);
        List<String> values = rest.remove(key);
        if (values == null) {
          others.add(block);
        } else {
          merged.computeIfAbsent(rest, all -> new ArrayList<>()).addAll(values);
        }
      }
      blocks = others;
      for (Map.Entry<SortedMap<String, List<String>>, List<String>> entry : merged.entrySet()) {
        SortedMap<String, List<String>> block = new TreeMap<>(entry.getKey());
        block.put(key, entry.getValue().stream().distinct().toList());
        blocks.add(block);
      }
    }
    return blocks.stream()
        .map(
            block ->
                block.entrySet().stream()
                    .map(entry -> entry.getKey() + ": " + values(entry.getValue()))
                    .collect(Collectors.joining(", ", "{", "}")))
        .toList();
  }

  /** One value alone, unless it is a list itself. */
  private static String values(List<String> values) {
    List<String> written = values.stream().map(Additions::scalar).toList();
    return written.size() == 1 && !written.get(0).startsWith("[")
        ? written.get(0)
        : written.toString();
  }

  /** As YAML has it within braces. */
  private static String scalar(String value) {
    return value.matches("\\[[a-z0-9, -]*\\]|[A-Za-z0-9+._/-]+")
        ? value
        : "'" + value.replace("'", "''") + "'";
  }
}
