package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.sweep.TrainerEngine;
import org.peftsweep.train.TinyWriter;

/** A trial that learned to write, from its sweep file to texts and exports. */
class GenerateCommandTest {
  @TempDir static Path folder;

  private static TinyWriter tiny;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @BeforeAll
  static void start() throws IOException {
    LocalSpark.session();
    tiny = new TinyWriter(folder);
  }

  private int run(String... args) {
    out.reset();
    err.reset();
    return Main.run(
        new TrainerEngine(),
        new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8),
        args);
  }

  private String trained(String task, String block, int steps) throws IOException {
    Path file = folder.resolve("sweep.yaml");
    Files.writeString(file, tiny.sweep(task, block, steps));
    String output = folder.resolve("output").toString();
    assertThat(run("sweep", file.toString(), "--output", output, "--set", "name=" + task))
        .as("%s%s", out, err)
        .isZero();
    assertThat(
            run(
                "query",
                "SELECT id FROM trials WHERE sweep = '" + task + "'",
                "--output",
                output,
                "--format",
                "csv"))
        .as("%s", err)
        .isZero();
    return out.toString(StandardCharsets.UTF_8).lines().skip(1).findFirst().orElseThrow();
  }

  @Test
  void aTrialAnswersAndIsExportedForPeft() throws IOException {
    String id = trained("chats", "{method: lora, rank: 8, targets: all}", 120);
    String output = folder.resolve("output").toString();
    String prompt = "the colour of snow is ";
    assertThat(run("generate", id, "--prompt", prompt, "--prompt", prompt, "--output", output))
        .as("%s", err)
        .isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("white \nwhite \n");
    assertThat(run("generate", id, "--output", output)).isEqualTo(2);
    assertThat(err.toString()).startsWith("Cannot write text without a prompt: ");
    assertThat(run("generate", id, "--prompt", "x ".repeat(300), "--output", output)).isEqualTo(2);
    assertThat(err.toString()).matches("Cannot go on with a prompt of \\d+ tokens: .*\\n");
    assertThat(run("generate", id, "--prompt", "x", "--top-p", "2", "--output", output))
        .isEqualTo(2);
    assertThat(err.toString())
        .isEqualTo("Cannot use top-p = 2.0: give a number above 0, at most 1\n");

    Path exported = folder.resolve("exported");
    assertThat(run("export", id, exported.toString(), "--output", output)).as("%s", err).isZero();
    JsonNode settings = json(exported.resolve("adapter/adapter_config.json"));
    assertThat(settings.path("task_type").asText()).isEqualTo("CAUSAL_LM");
    assertThat(settings.has("modules_to_save")).isFalse();
    JsonNode config = json(exported.resolve("merged/config.json"));
    assertThat(config.path("architectures").toString()).isEqualTo("[\"LlamaForCausalLM\"]");
    assertThat(json(exported.resolve("merged/generation_config.json")).path("eos_token_id"))
        .isNotEmpty();
    assertThat(Files.readString(exported.resolve("adapter/README.md")))
        .contains(
            "AutoPeftModelForCausalLM", "apply_chat_template", "pipeline_tag: text-generation");
    try (Checkpoint merged = Checkpoint.open(exported.resolve("merged"))) {
      assertThat(merged.tensors()).containsKey("model.embed_tokens.weight");
    }
    // What was folded into the weights writes the same.
    Path again = folder.resolve("again.yaml");
    Files.writeString(
        again,
        tiny.sweep("chats", "{method: untrained}", 1, exported.resolve("merged").toString()));
    assertThat(run("sweep", again.toString(), "--output", output, "--set", "name=again"))
        .as("%s", err)
        .isZero();
    assertThat(
            run(
                "query",
                "SELECT sweep, round(score, 6) s FROM trials ORDER BY sweep",
                "--output",
                output,
                "--format",
                "csv"))
        .isZero();
    List<String> rows = out.toString(StandardCharsets.UTF_8).lines().skip(1).toList();
    assertThat(rows).hasSize(2);
    assertThat(rows.get(0).split(",")[1]).isEqualTo(rows.get(1).split(",")[1]);
  }

  private static JsonNode json(Path file) throws IOException {
    return new ObjectMapper().readTree(file.toFile());
  }
}
