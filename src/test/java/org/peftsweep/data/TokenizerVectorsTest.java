package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.TestFolders;

/** Published inputs with the ids that real tokenizers give. */
class TokenizerVectorsTest {

  @TempDir Path folder;

  @ParameterizedTest(name = "roberta-base from {0}")
  @ValueSource(strings = {"tokenizer.json", "vocab.json merges.txt"})
  void robertaGivesTheExpectedIds(String files) throws IOException {
    try (Tokenizer tokenizer = open("roberta-base", files)) {
      assertVectors(tokenizer, "ggml-vocab-roberta-bpe.gguf");
    }
  }

  @ParameterizedTest(name = "bert-base-uncased from {0}")
  @ValueSource(strings = {"tokenizer.json", "vocab.txt"})
  void bertGivesTheExpectedIds(String files) throws IOException {
    try (Tokenizer tokenizer = open("bert-base-uncased", files)) {
      assertVectors(tokenizer, "ggml-vocab-bert-bge.gguf");
    }
  }

  @ParameterizedTest(name = "bert-base-uncased from {0}")
  @ValueSource(strings = {"tokenizer.json", "vocab.txt"})
  void bertTokenizesTenThousandQuestionsAsExpected(String files) throws IOException {
    ObjectMapper json = new ObjectMapper();
    Path vectors = TestFolders.shared("tokenizers/vectors");
    JsonNode questions = json.readTree(vectors.resolve("question_tokens.json").toFile());
    JsonNode expected = json.readTree(vectors.resolve("tokenized_questions.json").toFile());
    assertThat(questions.size()).isEqualTo(10570).isEqualTo(expected.size());
    List<String> wrong = new ArrayList<>();
    try (Tokenizer tokenizer = open("bert-base-uncased", files)) {
      for (int i = 0; i < questions.size(); i++) {
        String text = questions.get(i).get("original").asText();
        String ids = Arrays.toString(tokenizer.encodeRaw(text)).replace(" ", "");
        if (!ids.equals(expected.get(i).toString())) {
          wrong.add(text + " " + ids + " not " + expected.get(i));
        }
      }
    }
    assertThat(wrong).isEmpty();
  }

  @ParameterizedTest(name = "{0}")
  @ValueSource(strings = {"roberta-base", "bert-base-uncased"})
  void oldFilesAndTokenizerJsonAgreeOnPairsAndTruncation(String model) throws IOException {
    String old = model.startsWith("roberta") ? "vocab.json merges.txt" : "vocab.txt";
    String longText = "The quick brown fox, jumping over it. ".repeat(10);
    try (Tokenizer whole = open(model, "tokenizer.json");
        Tokenizer made = open(model, old)) {
      for (int limit : new int[] {5, 8, 16, 33, 128}) {
        for (String first : List.of("Caf\u00e9", longText, "")) {
          Encoded pair = made.encode(first, longText, limit);
          assertThat(pair.tokens()).isLessThanOrEqualTo(limit);
          assertThat(pair.ids()).isEqualTo(whole.encode(first, longText, limit).ids());
          assertThat(pair.typeIds()).isEqualTo(whole.encode(first, longText, limit).typeIds());
          assertThat(made.encode(first, limit).ids()).isEqualTo(whole.encode(first, limit).ids());
        }
      }
      assertThat(made.padId()).isEqualTo(whole.padId());
      assertThat(made.maskId()).isEqualTo(whole.maskId());
      assertThat(made.vocabularyTokens()).isEqualTo(whole.vocabularyTokens());
    }
  }

  @Test
  void specialTokensAreThoseOfTheModels() throws IOException {
    try (Tokenizer roberta = open("roberta-base", "vocab.json merges.txt");
        Tokenizer bert = open("bert-base-uncased", "vocab.txt")) {
      assertThat(roberta.encode("Hello", " world", 16).ids())
          .containsExactly(0, 31414, 2, 2, 232, 2);
      assertThat(roberta.encode("Hello", " world", 16).typeIds()).containsOnly(0);
      assertThat(bert.encode("hello", "world", 16).ids())
          .containsExactly(101, 7592, 102, 2088, 102);
      assertThat(bert.encode("hello", "world", 16).typeIds()).containsExactly(0, 0, 0, 1, 1);
      assertThat(roberta.padId()).isEqualTo(1);
      assertThat(roberta.maskId()).hasValue(50264);
      assertThat(roberta.vocabularyTokens()).isEqualTo(50265);
      assertThat(bert.padId()).isZero();
      assertThat(bert.maskId()).hasValue(103);
      assertThat(bert.vocabularyTokens()).isEqualTo(30522);
      assertThat(bert.isSpecial(101)).isTrue();
      assertThat(bert.isSpecial(7592)).isFalse();
    }
  }

  @Test
  void aCasedBertKeepsCaseWhereItsConfigSaysSo() throws IOException {
    copy("bert-base-uncased", "vocab.txt");
    Files.writeString(folder.resolve("tokenizer_config.json"), "{\"do_lower_case\": false}");
    try (Tokenizer cased = Tokenizer.open(folder)) {
      assertThat(cased.encodeRaw("Hello hello")).containsExactly(100, 7592);
    }
  }

  @Test
  void aModelOfTiktokenAloneIsRefused() {
    Path llama = TestFolders.shared("tokenizers/llama3");
    assertThatThrownBy(() -> Tokenizer.open(llama))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("supply the tokenizer.json of the same model");
  }

  private static void assertVectors(Tokenizer tokenizer, String name) throws IOException {
    Path vectors = TestFolders.shared("tokenizers/vectors");
    String[] inputs =
        Files.readString(vectors.resolve(name + ".inp")).split("\n__ggml_vocab_test__\n", -1);
    String[] outputs = Files.readString(vectors.resolve(name + ".out")).split("\n", -1);
    assertThat(inputs).hasSize(47);
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < inputs.length; i++) {
      int[] expected =
          Arrays.stream(outputs[i].trim().split(" "))
              .filter(id -> !id.isEmpty())
              .mapToInt(Integer::parseInt)
              .toArray();
      int[] ids = tokenizer.encodeRaw(inputs[i]);
      if (!Arrays.equals(ids, expected)) {
        wrong.add(
            "'" + inputs[i] + "' " + Arrays.toString(ids) + " not " + Arrays.toString(expected));
      }
    }
    assertThat(wrong).isEmpty();
  }

  private Tokenizer open(String model, String files) throws IOException {
    Path own = Files.createTempDirectory(folder, model);
    for (String file : files.split(" ")) {
      Files.copy(TestFolders.shared("tokenizers/" + model + "/" + file), own.resolve(file));
    }
    return Tokenizer.open(own);
  }

  private void copy(String model, String file) throws IOException {
    Files.copy(TestFolders.shared("tokenizers/" + model + "/" + file), folder.resolve(file));
  }
}
