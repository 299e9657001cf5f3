package org.peftsweep.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.TestFolders;

class ModelConfigTest {
  private static final String SIZES =
      "\"hidden_size\": 768, \"num_hidden_layers\": 12, \"num_attention_heads\": 12,"
          + " \"intermediate_size\": 3072, \"vocab_size\": 50265,"
          + " \"max_position_embeddings\": 514";
  private static final String ROBERTA = "\"model_type\": \"roberta\", \"type_vocab_size\": 1, ";
  private static final String LLAMA = "\"model_type\": \"llama\", ";

  @TempDir Path folder;

  @Test
  void absentKeysHaveTheReferenceLibrarysDefaults() throws IOException {
    ModelConfig roberta = read(ROBERTA + SIZES);
    assertThat(roberta.architecture()).isEqualTo(Architectures.of("roberta", "a test"));
    assertThat(roberta.sizes())
        .isEqualTo(new ModelConfig.Sizes(50265, 768, 12, 12, 12, 64, 3072, 514, 1));
    assertThat(roberta.normEpsilon()).isEqualTo(1e-12);
    assertThat(roberta.dropout()).isEqualTo(new ModelConfig.Dropout(0.1, 0.1, 0.1));
    assertThat(roberta.padTokenId()).hasValue(1);
    assertThat(roberta.rope()).isEmpty();
    assertThat(roberta.tiedEmbeddings()).isTrue();
    assertThat(roberta.labels()).containsExactly("LABEL_0", "LABEL_1");

    ModelConfig llama = read(LLAMA + SIZES);
    assertThat(llama.normEpsilon()).isEqualTo(1e-6);
    assertThat(llama.dropout()).isEqualTo(new ModelConfig.Dropout(0, 0, 0));
    assertThat(llama.padTokenId()).isEmpty();
    assertThat(llama.rope()).contains(new Rope(10_000, new Rope.None()));
    assertThat(llama.attentionBias()).isFalse();
    assertThat(llama.tiedEmbeddings()).isFalse();
    assertThat(llama.sizes().keyValueHeads()).isEqualTo(12);
  }

  @Test
  void keysThatAreGivenAreUsed() throws IOException {
    ModelConfig roberta =
        read(
            ROBERTA
                + SIZES
                + ", \"layer_norm_eps\": 1e-05, \"hidden_dropout_prob\": 0.2,"
                + " \"attention_probs_dropout_prob\": 0.3, \"classifier_dropout\": 0.4,"
                + " \"pad_token_id\": 3, \"initializer_range\": 0.01,"
                + " \"id2label\": {\"1\": \"b\", \"0\": \"a\", \"2\": \"c\"}");
    assertThat(roberta.normEpsilon()).isEqualTo(1e-5);
    assertThat(roberta.dropout()).isEqualTo(new ModelConfig.Dropout(0.2, 0.3, 0.4));
    assertThat(roberta.padTokenId()).hasValue(3);
    assertThat(roberta.initializerRange()).isEqualTo(0.01);
    assertThat(roberta.labels()).containsExactly("a", "b", "c");
    assertThat(read(ROBERTA + SIZES + ", \"classifier_dropout\": null").dropout().classifier())
        .isEqualTo(0.1);
    assertThat(read(ROBERTA + SIZES + ", \"num_labels\": 3").labels()).hasSize(3);

    ModelConfig llama =
        read(
            LLAMA
                + SIZES
                + ", \"num_key_value_heads\": 4, \"head_dim\": 32, \"rms_norm_eps\": 1e-05,"
                + " \"attention_bias\": true, \"mlp_bias\": true, \"attention_dropout\": 0.5,"
                + " \"tie_word_embeddings\": true, \"pad_token_id\": -1");
    assertThat(llama.sizes().keyValueHeads()).isEqualTo(4);
    assertThat(llama.sizes().headWidth()).isEqualTo(32);
    assertThat(llama.attentionBias()).isTrue();
    assertThat(llama.mlpBias()).isTrue();
    assertThat(llama.dropout().attention()).isEqualTo(0.5);
    assertThat(llama.tiedEmbeddings()).isTrue();
    assertThat(llama.padTokenId()).isEqualTo(OptionalInt.empty());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"rope_theta\": 500000.0, \"rope_scaling\": {\"rope_type\": \"llama3\", %s}",
        "\"rope_theta\": 500000, \"rope_scaling\": {\"type\": \"llama3\", %s}",
        "\"rope_parameters\": {\"rope_theta\": 500000.0, \"rope_type\": \"llama3\", %s}",
        "\"rope_theta\": 7, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2},"
            + " \"rope_parameters\": {\"rope_theta\": 500000.0, \"rope_type\": \"llama3\", %s}",
      })
  void everySpellingOfTheLlama3RotationIsRead(String rope) throws IOException {
    String factors =
        "\"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0,"
            + " \"original_max_position_embeddings\": 8192";
    assertThat(read(LLAMA + SIZES + ", " + rope.formatted(factors)).rope())
        .contains(new Rope(500_000, new Rope.Llama3(8, 1, 4, 8192)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"rope_type", "type"})
  void linearAndDefaultRotationsAreRead(String key) throws IOException {
    String start = LLAMA + SIZES + ", \"rope_scaling\": {\"" + key + "\": ";
    assertThat(read(start + "\"linear\", \"factor\": 2.5}").rope())
        .contains(new Rope(10_000, new Rope.Linear(2.5)));
    assertThat(read(start + "\"default\"}").rope()).contains(new Rope(10_000, new Rope.None()));
    assertThat(read(LLAMA + SIZES + ", \"rope_scaling\": null").rope())
        .contains(new Rope(10_000, new Rope.None()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          "factor": 4.0 | 1.138629436111989
          "factor": 4.0, "mscale": 0.707, "mscale_all_dim": 1.0 | 0.964326914892074
          "factor": 4.0, "mscale": 0.707 | 1.138629436111989
          "factor": 4.0, "attention_factor": 1.3 | 1.3
          "factor": null, "original_max_position_embeddings": 257 | 1.0693147180559945
          "factor": 0.5 | 1
          """)
  void yarnsTemperatureIsTheReferenceLibrarys(String entries, double attention) throws IOException {
    Rope rope =
        read(LLAMA + SIZES + ", \"rope_scaling\": {\"rope_type\": \"yarn\", " + entries + "}")
            .rope()
            .orElseThrow();
    assertThat(((Rope.Yarn) rope.scaling()).attentionFactor()).isCloseTo(attention, within(1e-12));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          "model_type": "mistral" | 514
          "model_type": "mistral", "sliding_window": null | 514
          "model_type": "mistral", "sliding_window": 100 | 100
          "model_type": "qwen2", "sliding_window": 100 | 514
          "model_type": "qwen2", "use_sliding_window": true, "sliding_window": 100 | 100
          "model_type": "qwen2", "use_sliding_window": true, "sliding_window": null | 514
          "model_type": "qwen3", "head_dim": 64, "use_sliding_window": true, "sliding_window": 9 | 9
          """)
  void inputsFitIntoTheWindowOfAttention(String entries, int longest) throws IOException {
    assertThat(read(entries + ", " + SIZES).longestInput()).isEqualTo(longest);
  }

  /** The reference library knows a window of 4,096 where a file of Mistral says nothing. */
  @Test
  void mistralsWindowHasADefault() throws IOException {
    String sizes = SIZES.replace("514", "32768");
    assertThat(read("\"model_type\": \"mistral\", " + sizes).longestInput()).isEqualTo(4096);
    assertThat(read("\"model_type\": \"qwen2\", " + sizes).longestInput()).isEqualTo(32_768);
  }

  @ParameterizedTest
  @ValueSource(strings = {"xlm-roberta", "camembert"})
  void siblingsOfRobertaAreRoberta(String modelType) throws IOException {
    String config = "\"model_type\": \"" + modelType + "\", \"type_vocab_size\": 1, " + SIZES;
    assertThat(read(config).architecture()).isEqualTo(Architectures.of("roberta", "a test"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "vocab_size",
        "max_position_embeddings",
        "type_vocab_size",
        "model_type"
      })
  void aMissingMandatoryKeyIsNamedWithTheFile(String key) {
    assertThatThrownBy(() -> read((ROBERTA + SIZES).replace("\"" + key + "\"", "\"other\"")))
        .isInstanceOf(CheckpointException.class)
        .hasMessage("Cannot find %s in %s: it is mandatory", key, file());
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          "model_type": "gpt_neox" | Cannot use model_type = gpt_neox in | of which llama is most like it
          "hidden_act": "relu" | Cannot use hidden_act = relu in | only silu can be built
          "rope_scaling": {"type": "dynamic"} | Cannot use rope_type = dynamic in | choose one of [default, linear, llama3, yarn]
          "rope_scaling": {"type": "yarn"} | Cannot find factor in | it is mandatory
          "model_type": "qwen3" | Cannot find head_dim in | it is mandatory
          "rope_scaling": {"type": "linear"} | Cannot find factor in | it is mandatory
          "rope_parameters": {"partial_rotary_factor": 0.5} | Cannot use partial_rotary_factor = 0.5 | whole heads
          "num_key_value_heads": 5 | Cannot use num_key_value_heads = 5 in | divide num_attention_heads = 12
          "head_dim": 3 | Cannot use head_dim = 3 in | even
          "pad_token_id": 50265 | Cannot use pad_token_id = 50265 in | below vocab_size = 50265
          "rms_norm_eps": 0 | Cannot use rms_norm_eps = 0 in | above 0
          "rms_norm_eps": 1e999 | Cannot use rms_norm_eps = | above 0
          "rms_norm_eps": NaN | Cannot use rms_norm_eps = | above 0
          "attention_dropout": 1 | Cannot use attention_dropout = 1 in | from 0 to below 1
          "attention_bias": "no" | Cannot use attention_bias = "no" in | true or false
          "num_labels": 0 | Cannot use num_labels = 0 in | from 1 to 1000000
          "num_labels": 2.5 | Cannot use num_labels = 2.5 in | from 1 to 1000000
          "num_labels": 99999999999 | Cannot use num_labels = 99999999999 in | from 1 to 1000000
          "id2label": {"0": "a", "2": "b"} | Cannot use id2label = | 0, 1, 2
          """)
  void aValueThatCannotBeUsedIsNamed(String entry, String start, String advice) {
    String base = entry.startsWith("\"model_type\"") ? SIZES : LLAMA + SIZES;
    assertThatThrownBy(() -> read(base + ", " + entry))
        .isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith(start)
        .hasMessageContaining(file().toString())
        .hasMessageContaining(advice);
  }

  @Test
  void encodersThatAreBuiltOtherwiseAreRefused() {
    assertThatThrownBy(() -> read(ROBERTA + SIZES + ", \"hidden_act\": \"gelu_new\""))
        .hasMessageEndingWith("only gelu can be built");
    assertThatThrownBy(
            () -> read(ROBERTA + SIZES + ", \"position_embedding_type\": \"relative_key\""))
        .hasMessageEndingWith("only absolute can be built");
    assertThatThrownBy(() -> read(ROBERTA + SIZES + ", \"is_decoder\": true"))
        .isInstanceOf(CheckpointException.class);
    assertThatThrownBy(() -> read((ROBERTA + SIZES).replace("768", "769")))
        .hasMessageContaining("hidden_size = 769")
        .hasMessageEndingWith("a multiple of num_attention_heads = 12");
  }

  @Test
  void whatIsNoJsonObjectIsRefused() throws IOException {
    for (String text : List.of("", "[]", "{\"a\": 1, \"a\": 2}", "{} {}", "[".repeat(100_000))) {
      Files.writeString(file(), text);
      assertThatThrownBy(() -> ModelConfig.read(file()))
          .isInstanceOf(CheckpointException.class)
          .hasMessageStartingWith("Cannot read " + file());
    }
    assertThatThrownBy(() -> ModelConfig.read(folder.resolve("absent.json")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageEndingWith("absent.json: there is no such file; supply it");
  }

  @Test
  void writtenConfigsReadBackEqual() throws IOException {
    String rope = ", \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}";
    List<String> configs =
        List.of(
            ROBERTA + SIZES + ", \"classifier_dropout\": 0.3, \"pad_token_id\": 4",
            LLAMA + SIZES + ", \"num_key_value_heads\": 3, \"head_dim\": 10" + rope,
            LLAMA + SIZES + ", \"mlp_bias\": true, \"rms_norm_eps\": 1e-5");
    for (String config : configs) {
      requireRoundTrip(read(config).withHead(List.of("say \"no\"", "да: \\ ", "maybe"), 1));
    }
  }

  @Test
  @Tag("golden")
  void everyGoldenConfigReadsAndWrites() throws IOException {
    List<Path> configs = TestFolders.filesBelow(TestFolders.golden(), "/config.json");
    assertThat(configs).isNotEmpty();
    for (Path config : configs) {
      requireRoundTrip(ModelConfig.read(config));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "debertav2",
        "distilbert",
        "electra",
        "gemma2",
        "gpt2",
        "llamayarn",
        "mistral",
        "modernbert",
        "qwen2",
        "qwen3"
      })
  void familiesOfTheFieldReadAndWrite(String family) throws IOException {
    Path given = TestFolders.shared("cases/16-families").resolve(family).resolve("config.json");
    requireRoundTrip(ModelConfig.read(given));
  }

  @ParameterizedTest
  @CsvSource({"albert, bert", "phi3, llama"})
  void otherFamiliesNameTheNearest(String family, String nearest) {
    Path given = TestFolders.shared("cases/16-families").resolve(family).resolve("config.json");
    assertThatThrownBy(() -> ModelConfig.read(given))
        .isInstanceOf(CheckpointException.class)
        .hasMessageEndingWith(", of which " + nearest + " is most like it");
  }

  @Test
  void aHeadSaysItsProblemAndHasAPaddingToken() throws IOException {
    ModelConfig config = read(LLAMA + SIZES);
    assertThat(config.padTokenId()).isEmpty();
    Path file = folder.resolve("one.json");
    for (List<String> labels : List.of(List.of("LABEL_0"), List.of("no", "yes"))) {
      config.withHead(labels, 5).write(file, "ForSequenceClassification");
      assertThat(ModelConfig.read(file).padTokenId()).hasValue(5);
      assertThat(Files.readString(file))
          .contains(labels.size() == 1 ? "\"regression\"" : "\"single_label_classification\"");
    }
  }

  private void requireRoundTrip(ModelConfig config) throws IOException {
    Path one = folder.resolve("one.json");
    Path two = folder.resolve("two.json");
    config.write(one, "ForSequenceClassification");
    assertThat(ModelConfig.read(one)).isEqualTo(config);
    ModelConfig.read(one).write(two, "ForSequenceClassification");
    assertThat(two).hasSameBinaryContentAs(one);
  }

  private Path file() {
    return folder.resolve("config.json");
  }

  private ModelConfig read(String entries) throws IOException {
    Files.writeString(file(), "{" + entries + "}");
    return ModelConfig.read(file());
  }
}
