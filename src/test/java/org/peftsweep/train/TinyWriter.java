package org.peftsweep.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.peftsweep.checkpoint.DType;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.BpeTrainer;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.RandomWeights;
import org.peftsweep.model.TrainedTensors;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;

/**
 * A folder with a tiny Llama that was never trained, and three tasks of the same rows: the colour
 * of a thing, as prompt and completion, as messages and as running text.
 */
public final class TinyWriter {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final Map<String, String> COLOURS =
      Map.of("sky", "blue", "grass", "green", "blood", "red", "snow", "white", "coal", "black");

  private static final String TEMPLATE =
      "{% for m in messages %}<{{ m.role }}> {{ m.content }} </s>{% endfor %}"
          + "{% if add_generation_prompt %}<assistant> {% endif %}";

  private final Path folder;

  /** Writes model and data into a folder. */
  public TinyWriter(Path folder) throws IOException {
    this.folder = folder;
    List<String> things = new ArrayList<>(COLOURS.keySet().stream().sorted().toList());
    Files.createDirectories(folder.resolve("llama"));
    Files.writeString(
        folder.resolve("llama/config.json"),
        """
        {"model_type": "llama", "hidden_act": "silu", "num_hidden_layers": 2, "vocab_size": 300,
         "max_position_embeddings": 128, "hidden_size": 32, "num_attention_heads": 4,
         "num_key_value_heads": 2, "intermediate_size": 48, "rms_norm_eps": 1e-5,
         "initializer_range": 0.2, "tie_word_embeddings": true}
        """);
    List<String> texts = things.stream().map(thing -> prompt(thing) + COLOURS.get(thing)).toList();
    Files.writeString(
        folder.resolve("llama/tokenizer.json"),
        new BpeTrainer(290, 2).train(texts.stream()).toString());
    Files.writeString(
        folder.resolve("llama/tokenizer_config.json"),
        JSON.writeValueAsString(
            Map.of("bos_token", "<s>", "eos_token", "</s>", "chat_template", TEMPLATE)));
    writeWeights(folder.resolve("llama"), 1);
    SplittableRandom random = new SplittableRandom(1);
    for (String part : List.of("train", "dev")) {
      int rows = part.equals("train") ? 120 : 20;
      List<String> plain = new ArrayList<>();
      List<String> chats = new ArrayList<>();
      List<String> running = new ArrayList<>();
      for (int i = 0; i < rows; i++) {
        String thing = things.get(random.nextInt(things.size()));
        String colour = COLOURS.get(thing);
        plain.add(JSON.writeValueAsString(Map.of("ask", prompt(thing), "tell", colour)));
        chats.add(
            JSON.writeValueAsString(
                Map.of(
                    "messages",
                    List.of(
                        Map.of("role", "user", "content", prompt(thing)),
                        Map.of("role", "assistant", "content", colour)))));
        running.add(JSON.writeValueAsString(Map.of("text", prompt(thing) + colour)));
      }
      write("plain", part, plain);
      write("chats", part, chats);
      write("running", part, running);
    }
  }

  /** Returns the folder of the tiny Llama. */
  public Path model() {
    return folder.resolve("llama");
  }

  /** Writes a Llama of three layers that reads the same tokens, and was not trained either. */
  public Path larger() throws IOException {
    Path large = Files.createDirectories(folder.resolve("larger"));
    for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
      Files.copy(model().resolve(file), large.resolve(file), StandardCopyOption.REPLACE_EXISTING);
    }
    Files.writeString(
        large.resolve("config.json"),
        Files.readString(model().resolve("config.json"))
            .replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3")
            .replace("\"intermediate_size\": 48", "\"intermediate_size\": 64"));
    writeWeights(large, 2);
    return large;
  }

  private static void writeWeights(Path model, long seed) {
    ModelConfig config = ModelConfig.read(model.resolve("config.json"));
    SafeTensorsWriter tensors = new SafeTensorsWriter();
    try (Backend backend = Backends.open(Backends.DEFAULT, 1);
        Model llama =
            Models.build(
                config,
                Task.NEXT_TOKEN,
                backend,
                new RandomWeights(backend, config.initializerRange(), new Seeds(seed)))) {
      for (Parameter parameter : llama.parameters()) {
        tensors.add(
            parameter.name(),
            DType.F32,
            TrainedTensors.shape(parameter),
            TrainedTensors.source(backend, parameter.asWeight()));
      }
      tensors.write(model.resolve("model.safetensors"));
    }
  }

  private static String prompt(String thing) {
    return "the colour of " + thing + " is ";
  }

  private void write(String task, String part, List<String> rows) throws IOException {
    Path file = folder.resolve("data").resolve(task).resolve(part + ".jsonl");
    Files.createDirectories(file.getParent());
    Files.write(file, rows);
  }

  /**
   * Returns a trial.
   *
   * @param block of the grid
   * @param model another than the tiny Llama
   */
  Trial trial(Library library, String task, String block, int steps, String... model) {
    String file = sweep(task, block, steps, model);
    return SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null))
        .expand(library::modelHash, library::taskHash)
        .get(0);
  }

  /** Returns a sweep file. */
  public String sweep(String task, String block, int steps, String... model) {
    return """
        name: tiny
        model: %s
        data: %s
        tasks: [%s]
        declare-tasks:
          plain:
            prompt-columns: [ask]
            completion-column: tell
            metrics: [exact-match, token-f1, rouge-l, numeric, token-accuracy, loss, perplexity]
            max-new-tokens: 8
          chats: {messages-column: messages, max-new-tokens: 8}
          running: {text-column: text}
        grid: [%s]
        training: {max-steps: %d, evaluate-every: %d, max-tokens: 40, batch: 12}
        rates: {learning-rate: 5e-3}
        """
        .formatted(
            model.length == 0 ? folder.resolve("llama") : model[0],
            folder.resolve("data"),
            task,
            block,
            steps,
            Math.max(1, steps));
  }
}
