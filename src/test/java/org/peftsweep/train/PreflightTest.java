package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.checkpoint.DType;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.method.Methods;
import org.peftsweep.spec.SpecException;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;

/** Faults of a model's files and of settings that do not go with them, all told before a start. */
class PreflightTest {
  private static final String QUERY = "roberta.encoder.layer.1.attention.self.query.weight";

  @TempDir private Path folder;
  private Path model;

  /** Where sweeps say that the model is; null for its folder on this machine. */
  private String place;

  private final Configuration configuration = new Configuration();

  @BeforeEach
  void copyTheShippedModel() throws IOException {
    model = Files.createDirectory(folder.resolve("model"));
    for (String file : List.of("config.json", "model.safetensors", "tokenizer.json")) {
      try (InputStream in = Preflight.class.getResourceAsStream("/models/mini/" + file)) {
        Files.copy(in, model.resolve(file));
      }
    }
  }

  @Test
  void passesWhatCanRun() throws IOException {
    assertThat(check("method: [lora, full, pissa], layers: [0, 1, 0-1, all]", "")).isEmpty();
  }

  /** Each names the block of the grid, further keys, and the sentence without the model's place. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      textBlock =
          """
          method: lora => max-tokens: 65 => Cannot use max-tokens = 65 with MODEL, a model of 64 positions: give at most that, as with --set training.max-tokens=64
          method: lora, max-tokens: [64, 1000000] => max-tokens: 32 => Cannot use max-tokens = 1000000 with MODEL, a model of 64 positions: give at most that, as with --set training.max-tokens=64
          method: lora, layers: [0, 1-2] => max-tokens: 32 => Cannot use layers = 1-2 with a model of 2 layers: give layers from 0 to 1
          method: ist-lora, layers: 9999 => max-tokens: 32 => Cannot use layers = 9999 with a model of 2 layers: give layers from 0 to 1
          method: full, targets: [[ffn-gate]] => max-tokens: 32 => Cannot aim full at ffn-gate: the model has no such matrix, give others as targets
          method: lora, rank: [8, 129] => max-tokens: 32 => Cannot use rank = 129 on roberta.encoder.layer.0.attention.self.query, 128 x 128: give at most 128
          method: adalora, rank: 100 => max-tokens: 32 => Cannot use rank·initial-factor = 150 on roberta.encoder.layer.0.attention.self.query, 128 x 128: give at most 128
          """)
  void refusesSettingsThatDoNotGoWithTheModel(String block, String training, String sentence) {
    String plain = block.replace("ist-lora", "lora, plug-in: ist");
    assertThatThrownBy(() -> check(plain, training))
        .isInstanceOf(SpecException.class)
        .hasMessage(sentence.replace("MODEL", "file:" + model));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rslora",
        "dora",
        "lorafa",
        "loraplus",
        "adalora",
        "eva",
        "olora",
        "pissa",
        "loraxs"
      })
  void refusesARankAboveTheMatrixOfEveryMethodThatCannotHaveIt(String method) {
    assertThatThrownBy(() -> check("method: " + method + ", rank: 65536", "max-tokens: 32"))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining("roberta.encoder.layer.0.attention.self.query");
  }

  @Test
  void quantisedWeightsGoWithEveryMethodThatLeavesThemAsTheyAre() throws IOException {
    Set<String> refused = new TreeSet<>();
    for (String id : Methods.all().keySet()) {
      try {
        check("method: " + id + ", weights: [int8, nf4]", "max-tokens: 32");
      } catch (SpecException refusal) {
        refused.add(id);
        for (String weights : List.of("int8", "nf4")) {
          assertThat(refusal)
              .hasMessageContaining(
                  "Cannot use weights = %s with method = %s, which trains matrices of the base"
                      .formatted(weights, id));
        }
        assertThat(refusal.faults())
            .hasSize(2)
            .allMatch(fault -> fault.endsWith(": use fp32 or bf16"));
      }
    }
    assertThat(refused)
        .containsExactly("apet", "full", "galore", "hft", "sara", "sift", "spiel", "spielma");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "hidden_size",
        "num_hidden_layers",
        "intermediate_size",
        "vocab_size",
        "max_position_embeddings",
        "type_vocab_size"
      })
  void refusesSizesThatTheWeightsDoNotHave(String key) throws IOException {
    SplittableRandom random = new SplittableRandom(key.hashCode());
    String config = Files.readString(model.resolve("config.json"));
    for (int value : new int[] {1_000_000_000, Integer.MAX_VALUE, 1 + random.nextInt(900), 1000}) {
      String text = config.replaceFirst("(\"" + key + "\" *: *)\\d+", "$1" + value);
      Files.writeString(model.resolve("config.json"), text);
      assertTimeout(
          Duration.ofSeconds(20),
          () ->
              assertThatThrownBy(() -> check("method: lora", "max-tokens: 4"))
                  .as("%s = %d", key, value)
                  .isInstanceOf(SpecException.class)
                  .hasMessageStartingWith("Cannot ")
                  .hasMessageContaining(model.toString()));
    }
  }

  @Test
  void refusesAMissingWeightByItsName() throws IOException {
    rewrite(tensors -> tensors.equals(QUERY) ? null : tensors, false);
    assertThatThrownBy(() -> check("method: lora", "max-tokens: 32"))
        .isInstanceOf(SpecException.class)
        .hasMessageStartingWith("Cannot find " + QUERY);
  }

  @Test
  void aRandomBaseNeedsNoWeights() throws IOException {
    rewrite(tensors -> tensors.equals(QUERY) ? null : tensors, false);
    assertThat(check("method: lora, init: random", "max-tokens: 32")).isEmpty();
  }

  @Test
  void refusesAWeightThatIsNoNumber() throws IOException {
    rewrite(name -> name, true);
    assertThatThrownBy(() -> check("method: lora", "max-tokens: 32"))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining(QUERY);
  }

  /** One tensor of another type, of an embedding, a matrix, a bias or a norm. */
  @ParameterizedTest
  @ValueSource(strings = {"F64", "I64", "I32", "I8", "U8", "F8_E4M3", "BOOL"})
  void refusesAWeightOfATypeThatIsNotRead(String type) throws IOException {
    byte[] sound = Files.readAllBytes(model.resolve("model.safetensors"));
    int headerBytes = ByteBuffer.wrap(sound).order(ByteOrder.LITTLE_ENDIAN).getInt(0);
    String header = new String(sound, 8, headerBytes, StandardCharsets.UTF_8);
    for (String name :
        List.of(
            QUERY,
            QUERY.replace("weight", "bias"),
            "roberta.embeddings.word_embeddings.weight",
            "roberta.encoder.layer.0.output.LayerNorm.weight")) {
      Matcher entry =
          Pattern.compile(
                  Pattern.quote("\"" + name + "\"")
                      + "\\s*:\\s*\\{.*?\"dtype\"\\s*:\\s*\"(F32|F16|BF16)\".*?"
                      + "\"data_offsets\"\\s*:\\s*\\[(\\d+),\\s*(\\d+)\\]")
              .matcher(header);
      assertThat(entry.find()).isTrue();
      long end = sound.length - 8 - headerBytes;
      long elements =
          (Long.parseLong(entry.group(3)) - Long.parseLong(entry.group(2)))
              / DType.valueOf(entry.group(1)).bytes();
      long bytes = elements * DType.valueOf(type).bytes();
      String other =
          header.substring(0, entry.start())
              + entry
                  .group()
                  .replace(entry.group(1), type)
                  .replaceFirst("\\[\\d+,\\s*\\d+\\]$", "[" + end + "," + (end + bytes) + "]")
              + header
                  .substring(entry.end())
                  // No byte may lie outside all tensors.
                  .replaceFirst(
                      "\\}\\s*$",
                      ",\"gap\":{\"dtype\":\"U8\",\"shape\":["
                          + (Long.parseLong(entry.group(3)) - Long.parseLong(entry.group(2)))
                          + "],\"data_offsets\":["
                          + entry.group(2)
                          + ","
                          + entry.group(3)
                          + "]}}");
      byte[] text = other.getBytes(StandardCharsets.UTF_8);
      ByteBuffer file =
          ByteBuffer.allocate((int) (8 + text.length + end + bytes))
              .order(ByteOrder.LITTLE_ENDIAN)
              .putLong(text.length)
              .put(text)
              .put(sound, 8 + headerBytes, (int) end);
      Files.write(model.resolve("model.safetensors"), file.array());
      assertThatThrownBy(() -> check("method: lora", "max-tokens: 32"))
          .as(name)
          .isInstanceOf(SpecException.class)
          .hasMessage(
              "Cannot read %s of %s as floats: its type is %s; save it as one of [F32, F16, BF16]"
                  .formatted(name, model.resolve("model.safetensors"), type));
    }
  }

  @Test
  void refusesWeightsThatAreCutAnywhere() throws IOException {
    byte[] whole = Files.readAllBytes(model.resolve("model.safetensors"));
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 20; i++) {
      Files.write(
          model.resolve("model.safetensors"),
          java.util.Arrays.copyOf(whole, random.nextInt(whole.length)));
      assertThatThrownBy(() -> check("method: lora", "max-tokens: 32"))
          .isInstanceOf(SpecException.class)
          .hasMessageStartingWith("Cannot ");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "{", "[]", "{}", "{\"model\": 3}", "null", "{\"model\": {\"type\": \"BPE\"}}"})
  void refusesATokenizerThatIsNone(String text) throws IOException {
    Files.writeString(model.resolve("tokenizer.json"), text);
    assertThatThrownBy(() -> check("method: lora", "max-tokens: 32"))
        .isInstanceOf(SpecException.class)
        .hasMessageStartingWith("Cannot ");
  }

  /** An unknown token that is not in the vocabulary matters once a text has a word that is not. */
  @ParameterizedTest
  @CsvSource({
    "WordPiece, the film, ",
    "WordPiece, the filmxq, filmxq",
    "WordLevel, the film, ",
    "WordLevel, the filmxq, filmxq"
  })
  void refusesTextsThatTheTokenizerCannotCut(String type, String text, String unknown)
      throws IOException {
    Files.writeString(
        model.resolve("tokenizer.json"),
        """
        {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
         "model": {"type": "%s", "unk_token": "[NOPE]", "vocab": {"the": 0, "film": 1}%s}}
        """
            .formatted(
                type,
                type.equals("WordLevel")
                    ? ""
                    : ", \"continuing_subword_prefix\": \"##\", \"max_input_chars_per_word\": 99"));
    for (String part : List.of("train", "dev")) {
      Path data = Files.createDirectories(folder.resolve(part + "/mine"));
      for (String other : List.of("train", "dev")) {
        Files.writeString(
            data.resolve(other + ".csv"),
            "a,y\nthe,bad\n" + (other.equals(part) ? text : "film") + ",good\nfilm,bad\n");
      }
      for (String block : List.of("method: lora", "method: lora, train-fraction: 0.4")) {
        String sweep =
            """
            name: sweep
            model: %s
            data: %s
            tasks: [mine]
            declare-tasks:
              mine: {text-columns: [a], label-column: y, labels: [bad, good], metrics: [accuracy]}
            seeds: [0, 1]
            grid: [{%s}]
            training: {max-steps: 1, max-tokens: 16}
            """
                .formatted("file:" + model, data.getParent(), block);
        if (unknown == null) {
          assertThat(check(sweep)).isEmpty();
        } else {
          assertThatThrownBy(() -> check(sweep))
              .isInstanceOf(SpecException.class)
              .hasMessage(
                  "Cannot cut \"%s\" into tokens of the tokenizer of %s: its unk_token [NOPE] is not"
                          .formatted(text, model)
                      + " in its vocab; supply the tokenizer that the model was trained with");
        }
      }
    }
  }

  @Test
  void refusesAModelWithoutATokenizer() throws IOException {
    Files.delete(model.resolve("tokenizer.json"));
    assertThatThrownBy(() -> check("method: lora", "max-tokens: 32"))
        .isInstanceOf(SpecException.class)
        .hasMessageContaining(model.toString());
  }

  @Test
  void refusesATokenizerOfMoreTokensThanTheVocabulary() throws IOException {
    String text = Files.readString(model.resolve("tokenizer.json"));
    String added =
        "{\"id\": 999999, \"content\": \"<extra>\", \"single_word\": false, \"lstrip\": false,"
            + " \"rstrip\": false, \"normalized\": false, \"special\": true}";
    Files.writeString(
        model.resolve("tokenizer.json"),
        text.replaceFirst("(\"added_tokens\" *: *\\[)", "$1" + added + ","));
    assertThatThrownBy(() -> check("method: lora", "max-tokens: 32"))
        .isInstanceOf(SpecException.class)
        .hasMessageStartingWith("Cannot use a tokenizer of ");
  }

  /** A file system that is elsewhere, whose files are brought to this machine first. */
  public static final class Elsewhere extends RawLocalFileSystem {
    @Override
    public URI getUri() {
      return URI.create("elsewhere://host");
    }

    @Override
    public String getScheme() {
      return "elsewhere";
    }
  }

  @ParameterizedTest
  @CsvSource({
    "config.json, {",
    "config.json, '{\"model_type\": \"none\"}'",
    "model.safetensors, cut",
    "tokenizer.json, {",
    "tokenizer.json, '{\"model\": {\"type\": \"BPE\"}}'",
    "tokenizer.json, ",
  })
  void ofAModelThatIsElsewhereMessagesNameThatPlace(String file, String content)
      throws IOException {
    if (content == null) {
      Files.delete(model.resolve(file));
    } else {
      Files.writeString(model.resolve(file), content);
    }
    configuration.setClass("fs.elsewhere.impl", Elsewhere.class, FileSystem.class);
    place = "elsewhere://host" + model;
    assertThatThrownBy(() -> check("method: lora", "max-tokens: 32"))
        .isInstanceOf(SpecException.class)
        .message()
        .startsWith("Cannot ")
        .contains(place)
        .doesNotContain("peft-sweep-model");
  }

  @Test
  void refusesConversationsWhereTheModelHasNoTemplate() throws IOException {
    String row =
        "{\"messages\": [{\"role\": \"%s\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}]}\n";
    assertThatThrownBy(() -> checkTexts("messages-column: messages", row.formatted("user"), 64))
        .isInstanceOf(SpecException.class)
        .hasMessageStartingWith(
            "Cannot write conversations for the tokenizer of builtin:mini-causal: it has no"
                + " chat_template");
  }

  /** Rows of prompts alone, then with ever more rows whose answers begin in time. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3, 8})
  void refusesTextsOfWhichNothingIsToBeWrittenInTime(int whole) throws IOException {
    String late =
        "{\"p\": \"" + "a small dog sees the house . ".repeat(20) + "\", \"c\": \"yes\"}\n";
    String inTime = "{\"p\": \"a dog .\", \"c\": \"yes\"}\n";
    String rows = late.repeat(8 - whole) + inTime.repeat(whole);
    String columns = "prompt-columns: [p], completion-column: c";
    String within = " row of train of texts has a token to be written within max-tokens = 16";
    if (whole == 0) {
      assertThatThrownBy(() -> checkTexts(columns, rows, 16))
          .isInstanceOf(SpecException.class)
          .hasMessage("Cannot use texts: no" + within + ", give more tokens or shorter prompts");
      return;
    }
    List<String> notices = checkTexts(columns, rows, 16);
    if (whole == 8) {
      assertThat(notices).isEmpty();
    } else {
      String count = ": " + (8 - whole) + " of 8 have none";
      assertThat(notices)
          .containsExactly(
              "Not each" + within + count, "Not each" + within.replace("train", "dev") + count);
    }
  }

  private List<String> checkTexts(String columns, String rows, int maxTokens) throws IOException {
    Path data = Files.createDirectories(folder.resolve("data/texts"));
    Files.writeString(data.resolve("train.jsonl"), rows);
    Files.writeString(data.resolve("dev.jsonl"), rows);
    return check(
        """
        name: sweep
        model: builtin:mini-causal
        data: %s
        tasks: [texts]
        declare-tasks: {texts: {%s, metrics: [token-accuracy]}}
        seeds: [0]
        grid: [{method: lora}]
        training: {max-steps: 1, max-tokens: %d}
        """
            .formatted(data.getParent(), columns, maxTokens));
  }

  @Test
  void tellsTheFaultsOfAllTrialsOnce() {
    assertThatThrownBy(
            () -> check("method: lora, rank: [8, 200], layers: [all, 7]", "max-tokens: 65"))
        .isInstanceOfSatisfying(
            SpecException.class, refusal -> assertThat(refusal.faults()).hasSize(1));
    assertThatThrownBy(
            () -> check("method: lora, rank: [8, 200], layers: [all, 7]", "max-tokens: 64"))
        .isInstanceOfSatisfying(
            SpecException.class, refusal -> assertThat(refusal.faults()).hasSize(2));
  }

  /** Copies the weights under other names, null for none, maybe with a value that is no number. */
  private void rewrite(UnaryOperator<String> names, boolean breaks) throws IOException {
    Path file = model.resolve("model.safetensors");
    Path copy = folder.resolve("copy.safetensors");
    SafeTensorsWriter writer = new SafeTensorsWriter();
    try (SafeTensors weights = SafeTensors.open(file)) {
      weights
          .shapes()
          .forEach(
              (name, shape) -> {
                String other = names.apply(name);
                if (other != null) {
                  float[] values = weights.floats(name);
                  if (breaks && name.equals(QUERY)) {
                    values[values.length - 1] = Float.NaN;
                  }
                  writer.add(other, shape, values);
                }
              });
      writer.write(copy);
    }
    Files.move(copy, file, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
  }

  private List<String> check(String block, String training) throws IOException {
    return check(
        """
        name: sweep
        model: %s
        tasks: [mini-rte]
        seeds: [0, 1]
        train-limit: 64
        grid: [{%s}]
        training: {max-steps: 1%s}
        """
            .formatted(
                place == null ? "file:" + model : place,
                block,
                training.isEmpty() ? ", max-tokens: 64" : ", " + training));
  }

  private List<String> check(String sweep) throws IOException {
    Path file = folder.resolve("sweep.yaml");
    Files.writeString(file, sweep);
    Library library = new Library(configuration);
    List<Trial> trials =
        SweepFile.read(file.toString(), Map.of(), configuration)
            .expand(location -> "m", library::taskHash);
    return new Preflight(library).requireAll(trials);
  }
}
