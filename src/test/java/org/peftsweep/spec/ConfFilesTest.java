package org.peftsweep.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.data.Padding;
import org.peftsweep.method.Methods;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Optimizers;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Schedule;

class ConfFilesTest {
  private static final Pattern COUNT = Pattern.compile("= (\\d+) trials\\.$");

  @ParameterizedTest
  @CsvSource({
    "quickstart, 20",
    "table2-mini, 40",
    "precision, 40",
    "precision-minilm, 10",
    "quantised, 180",
    "quantised-minilm, 15",
    "quickstart-methods, 72",
    "paper-table2, 168",
    "paper-figure1, 36",
    "paper-figure2, 70",
    "paper-table1, 36",
    "glue-small, 40",
    "glue-minilm, 24",
    "evidence-rates, 384",
    "evidence, 480",
    "glue-bert-base, 4",
    "tuned, 32",
    "optimizers, 63",
    "zoo, 71",
    "zoo-minilm, 194",
    "search-grid, 205",
    "search-seeds, 30",
    "search-grid-minilm, 205",
    "search-seeds-minilm, 15",
    "instruct-mini, 24",
    "samediff, 2",
  })
  void expandsToItsExactCount(String name, int trials) {
    Sweep sweep = sweep("conf/" + name + ".yaml");

    assertThat(sweep.name()).isEqualTo(name);
    assertThat(sweep.expand(model -> "m", task -> "t").stream().map(Trial::id).distinct())
        .hasSize(trials);
  }

  @ParameterizedTest
  @MethodSource("everySweepFile")
  void saysInItsFirstLineWhatItAnswersAndHowMany(Path file) throws IOException {
    String first = Files.readAllLines(file).get(0);

    Matcher count = COUNT.matcher(first);
    assertThat(first).startsWith("# ");
    assertThat(count.find()).as(first).isTrue();
    assertThat(Integer.parseInt(count.group(1)))
        .isEqualTo(sweep(file.toString()).expand(model -> "m", task -> "t").size());
  }

  @Test
  void tableTwoHasTheRowsOfThePaperInItsSettings() {
    List<Trial> trials = sweep("conf/paper-table2.yaml").expand(model -> "m", task -> "t");

    Map<String, List<Trial>> byLabel =
        trials.stream()
            .collect(
                Collectors.groupingBy(
                    trial -> trial.methodLabel() + " " + trial.targetsLabel(),
                    LinkedHashMap::new,
                    Collectors.toList()));
    Map<String, Integer> rows = new LinkedHashMap<>();
    byLabel.forEach((label, of) -> rows.put(label.strip(), of.size() / 8));
    assertThat(rows)
        .containsExactly(
            Map.entry("Before Fine-tune", 1),
            Map.entry("Full Fine-tune QKV", 1),
            Map.entry("LoRA QKV", 2),
            Map.entry("DoRA QKV", 2),
            Map.entry("Full Fine-tune QV", 3),
            Map.entry("LoRA QV", 6),
            Map.entry("DoRA QV", 6));
    Trial rte = trials.stream().filter(trial -> trial.method().learns()).findFirst().orElseThrow();
    assertThat(rte.rates()).isEqualTo(new Rates(1e-4, 1, 1e-4, Rates.Grouping.PAPER));
    assertThat(rte.training())
        .isEqualTo(
            new Training(
                20,
                0,
                32,
                1,
                128,
                Padding.MAX,
                1,
                Schedule.LINEAR,
                0,
                1,
                0,
                new AdamW(0.9, 0.99, 1e-8),
                500,
                Training.Precision.FP32));
    assertThat(trials)
        .filteredOn(trial -> trial.task().task().name().equals("mnli") && trial.method().learns())
        .allMatch(trial -> trial.training().epochs() == 10);
  }

  @Test
  void quickstartMethodsHoldsTheBenchmarksMethodsOnceForEachOfTheirTargets() {
    List<Recipe> recipes = sweep("conf/quickstart-methods.yaml").recipes();

    Map<String, Long> times =
        recipes.stream()
            .collect(
                Collectors.groupingBy(
                    recipe -> Methods.id(recipe.method()), Collectors.counting()));
    assertThat(times.keySet())
        .contains("adalora", "dora", "eva", "full", "galore", "ia3", "lora", "lora+ist")
        .contains("olora", "pissa", "rslora", "sift");
    assertThat(recipes)
        .allSatisfy(
            recipe ->
                assertThat(times.get(Methods.id(recipe.method())))
                    .isEqualTo(recipe.method().usesTargets() ? 2 : 1));
  }

  @Test
  void zooHoldsEveryMethodPlugInAndOptimizer() {
    List<Trial> trials = sweep("conf/zoo.yaml").expand(model -> "m", task -> "t");

    assertThat(trials.stream().map(trial -> trial.method().id()).map(id -> id.split("\\+")[0]))
        .containsAll(Methods.all().keySet());
    assertThat(trials.stream().map(trial -> trial.method().id()).map(id -> id.split("\\+")))
        .filteredOn(parts -> parts.length > 1)
        .extracting(parts -> parts[1])
        .containsAll(Methods.plugIns().keySet());
    assertThat(trials.stream().map(trial -> Optimizers.id(trial.training().optimizer().getClass())))
        .containsAll(Optimizers.all().keySet());
  }

  @Test
  void figureTwoCoversThePublishedRates() {
    List<Rates> rates =
        sweep("conf/paper-figure2.yaml").recipes().stream().map(Recipe::rates).toList();

    assertThat(rates.get(0).ratio()).isEqualTo(1);
    assertThat(rates.get(34).learningRate()).isEqualTo(1e-4);
    assertThat(rates.get(34).valueLearningRate()).isEqualTo(4e-4);
    assertThat(rates.get(6).ratio()).isEqualTo(400);
  }

  @Test
  void defaultsNameEverySettingOnceWithItsMeaning() throws IOException {
    SpecErrors faults = new SpecErrors();
    String text = Files.readString(Path.of("conf/defaults.yaml"));
    Value.Section defaults = YamlText.file("conf/defaults.yaml", text, faults);
    List<String> leaves = new ArrayList<>();
    leaves("", defaults, leaves);

    assertThat(faults.isEmpty()).isTrue();
    List<String> settings = new ArrayList<>();
    Methods.all()
        .forEach(
            (id, type) ->
                RecordFields.names(type)
                    .forEach(setting -> settings.add("methods." + id + "." + setting)));
    Methods.plugIns()
        .forEach(
            (id, type) ->
                RecordFields.names(type)
                    .forEach(setting -> settings.add("plug-ins." + id + "." + setting)));
    Optimizers.all()
        .forEach(
            (id, type) ->
                RecordFields.names(type)
                    .forEach(setting -> settings.add("optimizers." + id + "." + setting)));
    RecordFields.names(Training.class).forEach(key -> settings.add("training." + key));
    RecordFields.names(Execution.class).forEach(key -> settings.add("compute." + key));
    assertThat(leaves).containsAll(settings);
    List<String> top = new ArrayList<>(SweepFile.keys());
    top.removeAll(List.of("name", "model", "tasks", "grid", "extends"));
    assertThat(defaults.entries().keySet()).containsExactlyInAnyOrderElementsOf(top);
    assertThat(text.lines())
        .filteredOn(line -> line.matches(" *[a-z0-9-]+: [^#]*"))
        .as("lines with a value but no meaning")
        .isEmpty();
  }

  static List<Path> everySweepFile() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of("conf"), 2)) {
      return files
          .filter(file -> file.toString().endsWith(".yaml"))
          .filter(file -> contains(file, "\ngrid:"))
          .sorted()
          .toList();
    }
  }

  static List<Path> everyClaimsFile() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of("conf"), 2)) {
      return files
          .filter(file -> file.toString().endsWith(".yaml"))
          .filter(file -> contains(file, "\nclaims:\n"))
          .sorted()
          .toList();
    }
  }

  /** Each statement of a sweep file has both of its sides among the sweep's own recipes. */
  @ParameterizedTest
  @MethodSource("everyClaimsFile")
  void declaresStatementsThatItsSweepTests(Path file) {
    List<Claim> claims = ClaimReader.read(file.toString(), TextSource.files(new Configuration()));
    assertThat(claims).isNotEmpty();
    if (!contains(file, "\ngrid:")) {
      return;
    }
    Sweep sweep = sweep(file.toString());
    assertThat(sweep.claims()).isEqualTo(claims);
    assertThat(sweep.name()).isEqualTo(file.getFileName().toString().replace(".yaml", ""));
    List<SortedMap<String, String>> cells =
        sweep.expand(model -> "m", task -> "t").stream().map(Axes::of).toList();
    if (!claims.get(0).source().contains("2410.02247, Table 2")) {
      assertThat(sweep.seeds()).as("seeds that make a verdict").hasSizeGreaterThanOrEqualTo(5);
    }
    assertThat(claims)
        .allSatisfy(
            claim -> {
              for (Map<String, List<String>> side : List.of(claim.first(), claim.second())) {
                assertThat(cells)
                    .as("%s of %s", side, claim.name())
                    .anyMatch(
                        cell ->
                            side.entrySet().stream()
                                .allMatch(
                                    axis ->
                                        axis.getValue().stream()
                                            .anyMatch(
                                                value ->
                                                    Axes.areSame(cell.get(axis.getKey()), value))));
              }
            });
  }

  /** The figures that the statements carry are the printed table's. */
  @Test
  void thePapersStatementsCarryThePapersFigures() throws IOException {
    List<Claim> claims =
        ClaimReader.read("conf/claims/paper.yaml", TextSource.files(new Configuration()));
    Map<String, String[]> rows = new LinkedHashMap<>();
    List<String> lines = Files.readAllLines(Path.of("src/main/resources/paper/table2.csv"));
    for (String line : lines.subList(1, lines.size())) {
      String[] cells = line.split(",", -1);
      rows.put(String.join(" ", cells[0], cells[1], cells[2], cells[3]).strip(), cells);
    }
    int rte = 5;
    double expected = 0;
    for (String method : List.of("LoRA", "DoRA")) {
      for (String rank : List.of("8", "16")) {
        expected +=
            (Double.parseDouble(rows.get(method + " QV " + rank + " 4")[rte])
                    - Double.parseDouble(rows.get(method + " QKV " + rank)[rte]))
                / 4;
      }
    }
    assertThat(claims.get(0).paper().get("rte")).isCloseTo(expected, within(0.006));
    assertThat(claims.get(0).paper()).hasSize(8);
    assertThat(claims.get(3).paper().get("qnli")).isCloseTo(50.54 - 91.96, within(0.006));
  }

  private static boolean contains(Path file, String text) {
    try {
      return Files.readString(file).contains(text);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static void leaves(String path, Value.Section section, List<String> leaves) {
    section
        .entries()
        .forEach(
            (key, entry) -> {
              if (entry.value() instanceof Value.Section inner && !inner.entries().isEmpty()) {
                leaves(path + key + ".", inner, leaves);
              } else {
                leaves.add(path + key);
              }
            });
  }

  private static Sweep sweep(String file) {
    return SweepFile.read(file, Map.of(), new Configuration());
  }
}
