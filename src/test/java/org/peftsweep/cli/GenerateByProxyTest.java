package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.sweep.TrainerEngine;
import org.peftsweep.train.TinyWriter;

/** A tiny Llama that learned to write tunes a larger one, which nobody trained, by proxy. */
class GenerateByProxyTest {
  /** A trial and its score, NaN for none. */
  private record Found(String id, double score) {}

  private static final List<String> PROMPTS =
      List.of("the colour of snow is ", "the colour of sky is ", "grass is ", "of coal");

  @TempDir static Path folder;

  private static TinyWriter tiny;
  private static String large;
  private static String small;

  private static final ByteArrayOutputStream OUT = new ByteArrayOutputStream();
  private static final ByteArrayOutputStream ERR = new ByteArrayOutputStream();

  /** Trials of the task of prompts: of the small model, as it was and tuned, and of the large. */
  private static Found untuned;

  private static Found tuned;
  private static Found ofLarge;

  @BeforeAll
  static void start() throws IOException {
    LocalSpark.session();
    tiny = new TinyWriter(folder);
    small = tiny.model().toString();
    large = tiny.larger().toString();
    tuned = trial("tuned", "plain", "{method: lora, rank: 8, targets: all}", 120, small);
    untuned = trial("untuned", "plain", "{method: untrained}", 1, small);
    ofLarge = trial("large", "plain", "{method: untrained}", 1, large);
  }

  private static int run(String... args) {
    OUT.reset();
    ERR.reset();
    return Main.run(
        new TrainerEngine(),
        new PrintStream(OUT, true, StandardCharsets.UTF_8),
        new PrintStream(ERR, true, StandardCharsets.UTF_8),
        args);
  }

  private static String output() {
    return folder.resolve("output").toString();
  }

  private static Found trial(
      String name, String task, String block, int steps, String model, String... more)
      throws IOException {
    Path file = folder.resolve(name + ".yaml");
    Files.writeString(file, tiny.sweep(task, block, steps, model));
    List<String> sweep = new ArrayList<>(List.of("sweep", file.toString(), "--output", output()));
    sweep.addAll(List.of("--set", "name=" + name));
    sweep.addAll(List.of(more));
    assertThat(run(sweep.toArray(String[]::new))).as("%s%s", OUT, ERR).isZero();
    String sql = "SELECT id, score FROM trials WHERE sweep = '" + name + "'";
    assertThat(run("query", sql, "--output", output(), "--format", "csv")).as("%s", ERR).isZero();
    String[] row =
        OUT.toString(StandardCharsets.UTF_8).lines().skip(1).findFirst().get().split(",");
    return new Found(row[0], row.length == 1 ? Double.NaN : Double.parseDouble(row[1]));
  }

  private static List<String> generated(Found by, String... more) {
    List<String> args = new ArrayList<>(List.of("generate", by.id(), "--output", output()));
    PROMPTS.forEach(prompt -> args.addAll(List.of("--prompt", prompt)));
    args.addAll(List.of(more));
    assertThat(run(args.toArray(String[]::new))).as("%s", ERR).isZero();
    List<String> texts = OUT.toString(StandardCharsets.UTF_8).lines().toList();
    assertThat(texts).hasSize(PROMPTS.size());
    return texts;
  }

  private static void refuses(String sentence, Found by, String... more) {
    List<String> args = new ArrayList<>(List.of("generate", by.id(), "--output", output()));
    args.addAll(List.of("--prompt", PROMPTS.get(0)));
    args.addAll(List.of(more));
    assertThat(run(args.toArray(String[]::new))).as("%s%s", OUT, ERR).isEqualTo(2);
    assertThat(OUT.toString(StandardCharsets.UTF_8)).isEmpty();
    assertThat(ERR.toString(StandardCharsets.UTF_8)).isEqualTo(sentence + "\n");
  }

  @Test
  void whatDoesNotDifferCancels() {
    List<String> byTuned = generated(tuned);
    List<String> byLarge = generated(ofLarge);
    assertThat(byTuned).isNotEqualTo(byLarge).isNotEqualTo(generated(untuned));
    assertThat(generated(tuned, "--proxy-for", small)).isEqualTo(byTuned);
    assertThat(generated(untuned, "--proxy-for", large)).isEqualTo(byLarge);
    assertThat(generated(tuned, "--proxy-for", large, "--proxy-scale", "0")).isEqualTo(byLarge);
    assertThat(generated(tuned, "--proxy-for", large)).isNotEqualTo(byLarge);
    String[] drawn = {"--temperature", "0.8", "--top-p", "0.9", "--seed", "5"};
    String[] drawnByProxy = {
      "--temperature", "0.8", "--top-p", "0.9", "--seed", "5", "--proxy-for", large
    };
    assertThat(generated(untuned, drawnByProxy)).isEqualTo(generated(ofLarge, drawn));
  }

  @Test
  void theLargeModelIsStoredAsIsAskedFor() throws IOException {
    Found quantised =
        trial("nf4", "plain", "{method: untrained}", 1, large, "--set", "weights=nf4");
    List<String> byQuantised = generated(quantised);
    assertThat(byQuantised).isNotEqualTo(generated(ofLarge));
    assertThat(generated(untuned, "--proxy-for", large, "--proxy-weights", "nf4"))
        .isEqualTo(byQuantised);
  }

  @Test
  void scoresOfAnswersAreThoseOfTheTables() {
    assertThat(tuned.score()).isGreaterThan(0.5);
    assertThat(
            run("generate", tuned.id(), "--output", output(), "--proxy-for", small, "--score", "0"))
        .as("%s", ERR)
        .isZero();
    List<String> lines = OUT.toString(StandardCharsets.UTF_8).lines().toList();
    assertThat(lines.get(0))
        .isEqualTo("exact-match × 100 on 20 rows of dev, ± half of its 95 % interval over rows:");
    assertThat(lines.get(1).split(" {2,}")).containsExactly("answers", "score", "proxy less these");
    assertThat(lines).hasSize(7);
    assertThat(lines.get(3)).startsWith("large").contains(text(untuned));
    assertThat(lines.get(4)).startsWith("tuned").contains(text(tuned)).endsWith(" +0.00 ± 0.00");
    assertThat(lines.get(5)).startsWith("untuned").contains(text(untuned));
    assertThat(lines.get(6)).startsWith("proxy").contains(text(tuned));
    assertThat(lines.get(3)).contains(String.format(Locale.ROOT, " %+.2f ± ", difference()));
    assertThat(
            run("generate", tuned.id(), "--output", output(), "--proxy-for", small, "--score", "7"))
        .isZero();
    assertThat(OUT.toString(StandardCharsets.UTF_8)).contains(" on 7 rows of dev,");
  }

  @Test
  void scoresOfTokensAreThoseOfTheTables() throws IOException {
    Found taught = trial("taught", "running", "{method: lora, rank: 8, targets: all}", 20, small);
    Found before = trial("before", "running", "{method: untrained}", 1, small);
    Path exported = folder.resolve("exported");
    assertThat(
            run(
                "export",
                tuned.id(),
                exported.toString(),
                "--output",
                output(),
                "--format",
                "merged"))
        .as("%s", ERR)
        .isZero();
    String able = exported.resolve("merged").toString();
    Found alone = trial("alone", "running", "{method: untrained}", 1, able);
    assertThat(taught.score()).isGreaterThan(before.score());
    assertThat(alone.score()).isGreaterThan(0.1).isNotEqualTo(taught.score());
    assertThat(
            run("generate", taught.id(), "--output", output(), "--proxy-for", able, "--score", "0"))
        .as("%s", ERR)
        .isZero();
    List<String> lines = OUT.toString(StandardCharsets.UTF_8).lines().toList();
    assertThat(lines.get(0)).startsWith("token-accuracy × 100 on 20 rows of dev,");
    assertThat(lines.get(3)).startsWith("large").contains(text(alone));
    assertThat(lines.get(4)).startsWith("tuned").contains(text(taught));
    assertThat(lines.get(5)).startsWith("untuned").contains(text(before));
  }

  private static String text(Found trial) {
    return String.format(Locale.ROOT, " %.2f ± ", 100 * trial.score());
  }

  private static double difference() {
    return 100 * (tuned.score() - untuned.score());
  }

  @Test
  void refusesWhatCannotBeAddedUp() throws IOException {
    String instead = "; give a model with the same tokenizer";
    Path other =
        changed("other", json -> ((ObjectNode) json.at("/model/vocab")).put("A", 70).put("B", 69));
    refuses(
        "Cannot tune %s by proxy of %s: token 69 is \"B\" there, and \"A\" with %s%s"
            .formatted("file:" + other, tuned.id(), "file:" + small, instead),
        tuned,
        "--proxy-for",
        other.toString());
    Path longer =
        changed(
            "longer",
            json ->
                json.withArray("added_tokens")
                    .addObject()
                    .put("id", 297)
                    .put("content", "<turn>")
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", false)
                    .put("special", true));
    refuses(
        "Cannot tune %s by proxy of %s: token 297 is \"<turn>\" there, and none with %s%s"
            .formatted("file:" + longer, tuned.id(), "file:" + small, instead),
        tuned,
        "--proxy-for",
        longer.toString());
    Path unstarted = changed("unstarted", json -> json.putNull("post_processor"));
    refuses(
        "Cannot tune %s by proxy of %s: their tokenizers cut \"the colour of snow is\" differently from token 1 on%s"
            .formatted("file:" + unstarted, tuned.id(), instead),
        tuned,
        "--proxy-for",
        unstarted.toString());
    String row =
        Files.readAllLines(folder.resolve("data/plain/dev.jsonl")).stream()
            .map(line -> line.replaceAll(".*\"(the colour of \\w+ is) \".*", "$1"))
            .findFirst()
            .orElseThrow();
    refuses(
        "Cannot tune %s by proxy of %s: their tokenizers cut \"%s\" differently from token 1 on%s"
            .formatted("file:" + unstarted, tuned.id(), row, instead),
        tuned,
        "--proxy-for",
        unstarted.toString(),
        "--score",
        "0");
    Path shorter = changed("shorter", json -> {});
    Path config = shorter.resolve("config.json");
    Files.writeString(
        config, Files.readString(config).replace("embeddings\": 128", "embeddings\": 32"));
    refuses(
        "Cannot score "
            + tuned.id()
            + " on rows of up to max-tokens = 40 with a model of 32 positions: give another",
        tuned,
        "--proxy-for",
        shorter.toString(),
        "--score",
        "0");
    refuses(
        "Cannot write text with model_type = roberta: give a decoder",
        tuned,
        "--proxy-for",
        "builtin:mini");
    refuses(
        "Cannot find folder file:"
            + folder.resolve("nowhere")
            + ": give builtin:mini, a folder with config.json, model.safetensors and a tokenizer,"
            + " or for an adapter one with adapter_config.json",
        tuned,
        "--proxy-for",
        folder.resolve("nowhere").toString());
  }

  @Test
  void refusesATrialOfLabels() throws IOException {
    Path file = folder.resolve("labels.yaml");
    Files.writeString(
        file,
        """
        name: labels
        model: builtin:mini-causal
        tasks: [mini-cola]
        train-limit: 32
        grid: [{method: lora, targets: qv, rank: 2}]
        training: {max-steps: 1, evaluate-every: 1, max-tokens: 32}
        """);
    assertThat(run("sweep", file.toString(), "--output", output())).as("%s%s", OUT, ERR).isZero();
    String sql = "SELECT id FROM trials WHERE sweep = 'labels'";
    assertThat(run("query", sql, "--output", output(), "--format", "csv")).isZero();
    String id = OUT.toString(StandardCharsets.UTF_8).lines().skip(1).findFirst().orElseThrow();
    refuses(
        "Cannot write text with "
            + id
            + ": it learned mini-cola, whose rows have labels; name a trial of texts, or ask the"
            + " view proxy_scores what its tuning would bring",
        new Found(id, 0),
        "--proxy-for",
        "builtin:mini-causal");
  }

  @Test
  void refusesOptionsThatDoNotFit() {
    String name = " without --proxy-for: name the large model";
    refuses("Cannot use --proxy-scale 2.0" + name, tuned, "--proxy-scale", "2");
    refuses("Cannot use --proxy-weights nf4" + name, tuned, "--proxy-weights", "nf4");
    refuses(
        "Cannot use --score 5 without --proxy-for: the trial's own score is in the tables",
        tuned,
        "--score",
        "5");
    refuses(
        "Cannot use --score -1: give a number of rows, or 0 for all",
        tuned,
        "--proxy-for",
        large,
        "--score",
        "-1");
    refuses(
        "Cannot use --temperature 1.0 with --score: answers are scored as the task has them written",
        tuned,
        "--proxy-for",
        large,
        "--score",
        "5",
        "--temperature",
        "1");
    refuses(
        "Cannot use --proxy-scale = NaN: give a finite number, such as 1",
        tuned,
        "--proxy-for",
        large,
        "--proxy-scale",
        "NaN");
  }

  /** A trial of a validation part must not be told how it does on dev; nor one of other rows. */
  @Test
  void refusesToScoreRowsThatATrialMayNotSee() throws IOException {
    Path data = folder.resolve("data/running/dev.jsonl");
    Found running = trial("running", "running", "{method: untrained}", 1, small);
    String rows = Files.readString(data);
    Files.writeString(data, rows.replace("snow", "coal"));
    refuses(
        "Cannot score %s: the rows of running in file:%s are not those that it was trained with; run it again"
            .formatted(running.id(), folder.resolve("data")),
        running,
        "--proxy-for",
        large,
        "--score",
        "0");
    Files.writeString(data, rows);
    trial(
        "tuning",
        "plain",
        "{method: lora, targets: qv, rank: [2, 4]}",
        1,
        small,
        "--set",
        "tuning-seeds=[7]",
        "--set",
        "evaluation-seeds=[8]",
        "--set",
        "select=[method]",
        "--set",
        "validation-fraction=0.2");
    String sql =
        "SELECT id, phase FROM trials WHERE sweep = 'tuning' ORDER BY phase = 'tuning' DESC";
    assertThat(run("query", sql, "--output", output(), "--format", "csv")).isZero();
    String id =
        OUT.toString(StandardCharsets.UTF_8).lines().skip(1).findFirst().get().split(",")[0];
    refuses(
        "Cannot score "
            + id
            + ": it is of the tuning phase, which never looks at reported sets; name a trial of the"
            + " evaluation",
        new Found(id, 0),
        "--proxy-for",
        large,
        "--score",
        "0");
  }

  /** Returns a copy of the large model with another tokenizer. */
  private static Path changed(String name, Consumer<ObjectNode> change) throws IOException {
    Path copy = Files.createDirectories(folder.resolve(name));
    for (String file : List.of("config.json", "model.safetensors", "tokenizer_config.json")) {
      Files.copy(Path.of(large, file), copy.resolve(file));
    }
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = (ObjectNode) mapper.readTree(Path.of(large, "tokenizer.json").toFile());
    change.accept(json);
    Files.writeString(copy.resolve("tokenizer.json"), mapper.writeValueAsString(json));
    return copy;
  }
}
