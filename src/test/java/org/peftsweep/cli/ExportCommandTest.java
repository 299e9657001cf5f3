package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.sweep.TrainerEngine;
import org.yaml.snakeyaml.Yaml;

/** Sweeps of one short trial each, and what can be had of them. */
class ExportCommandTest {
  private static final String SWEEP =
      """
      name: small
      model: builtin:mini
      tasks: [mini-rte]
      train-limit: 40
      grid: [{method: %s}]
      training: {max-steps: 2, max-tokens: 32, batch: 8}
      """;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @TempDir Path folder;
  private Path exported;

  @BeforeAll
  static void startSpark() {
    LocalSpark.session();
  }

  @BeforeEach
  void nameFolder() {
    exported = folder.resolve("exported");
  }

  @Test
  void writesTheAdapterAndTheMergedModel() throws IOException {
    String id = trained("lora, rank: 4");
    assertThat(export(id)).isZero();
    assertThat(text(out))
        .isEqualTo(
            "Adapter: %1$s/adapter\nBase:    %1$s/base\nMerged:  %1$s/merged\n"
                .formatted(exported));
    try (PeftFolder adapter = PeftFolder.open(exported.resolve("adapter"));
        Checkpoint merged = Checkpoint.open(exported.resolve("merged"))) {
      assertThat(adapter.setting("base_model_name_or_path").orElseThrow().asText())
          .isEqualTo(exported.resolve("base").toString());
      assertThat(adapter.names()).contains("base_model.model.classifier.out_proj.weight");
      assertThat(merged.tensors()).containsKey("classifier.out_proj.weight");
    }
    for (String part : List.of("base", "merged")) {
      assertThat(names(exported.resolve(part)))
          .contains("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json");
    }
    assertThat(names(exported.resolve("adapter")))
        .containsExactly(
            "README.md",
            "adapter_config.json",
            "adapter_model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json");
  }

  @Test
  void theCardSaysScoreIntervalRecipeAndHowToMakeItAgain() throws IOException {
    String id = trained("lora, rank: 4, ratio: 2", "--set", "seeds=[0,1]");
    assertThat(export(id)).isZero();
    String card = Files.readString(exported.resolve("adapter/README.md"));
    Map<String, Object> matter = new Yaml().load(card.split("---\n")[1]);
    assertThat(matter)
        .containsEntry("library_name", "peft")
        .containsEntry("base_model", exported.resolve("base").toString())
        .containsEntry("license", "unknown")
        .containsEntry("tags", List.of("text-classification", "lora", "peft"))
        .containsEntry("metrics", List.of("accuracy"))
        .containsKey("model-index");
    assertThat(card)
        .contains("# LoRA QV for mini-rte")
        .contains("| the recipe, mean of 2 seeds |")
        .containsPattern("\\| 95 % interval \\| \\d+\\.\\d\\d … \\d+\\.\\d\\d \\|")
        .contains("The interval covers the choice of seeds, on these examples.")
        .contains("| rank | 4 |", "| ratio | 2.0 |", "| max-steps | 2 |", "| train-limit | 40 |")
        .contains("AutoPeftModelForSequenceClassification.from_pretrained(folder)")
        .contains("jobs/replay.sh " + id);
    assertThat(Files.readString(exported.resolve("merged/README.md")))
        .contains("library_name: transformers", "pipeline(\"text-classification\"");
  }

  @Test
  void textsOfAnyLengthAreCutByTheTokenizerToWhatTheModelTakes() throws IOException {
    assertThat(export(trained("lora"))).isZero();
    for (String part : List.of("adapter", "base", "merged")) {
      JsonNode settings =
          new ObjectMapper()
              .readTree(exported.resolve(part).resolve("tokenizer_config.json").toFile());
      // The embedding has 66 rows, of which RoBERTa leaves the first two to padding.
      assertThat(settings.path("model_max_length").asInt()).isEqualTo(64);
      assertThat(settings.path("pad_token").asText()).isEqualTo("<pad>");
      assertThat(settings.path("model_input_names").toString()).doesNotContain("token_type_ids");
    }
  }

  @Test
  void saysWhatCanBeHadWherePeftKnowsNoSuchMethod() throws IOException {
    String id = trained("bitfit");
    assertThat(export(id, "--format", "peft")).isEqualTo(2);
    assertThat(text(err).lines())
        .singleElement()
        .asString()
        .startsWith("Cannot write bitfit as a PEFT adapter")
        .endsWith("export the merged model");
    assertThat(export(id)).isZero();
    assertThat(names(exported)).containsExactly("merged");
  }

  @Test
  void writesAGraphForSameDiff() throws IOException {
    String id = trained("prefix");
    assertThat(export(id, "--format", "samediff", "--merged")).isEqualTo(2);
    assertThat(text(err)).startsWith("Cannot fold what was trained into the base's weights");
    assertThat(export(id, "--merged")).isEqualTo(2);
    assertThat(text(err)).contains("Cannot use --merged with --format both");
    assertThat(export(id, "--format", "samediff")).isZero();
    assertThat(text(out)).isEqualTo("SameDiff: " + exported.resolve("samediff") + "\n");
    assertThat(names(exported.resolve("samediff")))
        .containsExactly("model.fb", "task.json", "tokenizer.json", "tokenizer_config.json");
    assertThat(export(id, "--format", "dl4j")).isZero();
    assertThat(text(out)).endsWith("Deeplearning4j: " + exported.resolve("dl4j") + "\n");
    assertThat(names(exported.resolve("dl4j")))
        .containsExactly("model.zip", "task.json", "tokenizer.json", "tokenizer_config.json");
  }

  @Test
  void refusesWhatWasNotKeptOrNeverRun() throws IOException {
    String id = trained("head-only", "--set", "compute.keep-mebibytes=0");
    assertThat(export(id)).isEqualTo(2);
    assertThat(text(err)).contains("its tensors were not kept; compute.keep-mebibytes");
    err.reset();
    assertThat(export("0123456789ab")).isEqualTo(2);
    assertThat(text(err)).contains("has no such trial");
    assertThat(exported).doesNotExist();
  }

  @Test
  void refusesTensorsWithAFlippedBit() throws IOException {
    String id = trained("ln-tuning");
    Path kept = folder.resolve("output/small/adapters/" + id + "-1.safetensors");
    byte[] bytes = Files.readAllBytes(kept);
    bytes[bytes.length - 7] ^= 1;
    Files.write(kept, bytes);

    assertThat(export(id)).isEqualTo(2);
    assertThat(text(err)).contains("is damaged; let the trial run again").contains("--rerun " + id);
    assertThat(exported).doesNotExist();
  }

  /** Runs a sweep of one trial and returns its id. */
  private String trained(String method, String... more) throws IOException {
    Path file = Files.writeString(folder.resolve("small.yaml"), SWEEP.formatted(method));
    List<String> args =
        Stream.concat(
                Stream.of("sweep", file.toString(), "--output", folder + "/output"),
                Stream.of(more))
            .toList();
    assertThat(run(args.toArray(new String[0]))).as("%s", text(err)).isZero();
    out.reset();
    err.reset();
    return names(folder.resolve("output/small/trials")).stream()
        .filter(name -> name.endsWith(".parquet"))
        .map(name -> name.substring(0, name.indexOf('-')))
        .findFirst()
        .orElseThrow();
  }

  private int export(String id, String... more) {
    return run(
        Stream.concat(
                Stream.of("export", id, exported.toString(), "--output", folder + "/output"),
                Stream.of(more))
            .toArray(String[]::new));
  }

  private int run(String... args) {
    return Main.run(
        new TrainerEngine(),
        new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8),
        args);
  }

  private static String text(ByteArrayOutputStream bytes) {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  private static List<String> names(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.startsWith("."))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
