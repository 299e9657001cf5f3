package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.TestFolders;

class SentencePieceFileTest {
  private static final Path MODELS = Path.of("src/test/resources/sentencepiece");

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "bytes",
        "plain",
        "nospace",
        "mapped",
        "unigram",
        "unigram-bytes",
        "unigram-plain"
      })
  void textsBecomeWhatSentencePieceMakesOfThem(String name) throws IOException {
    place(MODELS.resolve(name + ".model"));
    JsonNode texts = new ObjectMapper().readTree(MODELS.resolve(name + ".json").toFile());
    assertThat(texts).hasSizeGreaterThan(30);
    try (Tokenizer tokenizer = Tokenizer.open(folder)) {
      for (JsonNode given : texts) {
        String text = given.path("text").asText();
        int[] ids = new int[given.path("ids").size()];
        Arrays.setAll(ids, i -> given.path("ids").get(i).asInt());
        assertThat(tokenizer.encodeRaw(text)).as(text).isEqualTo(ids);
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {} | 1 | 0
          {"add_bos_token": false} | 0 | 0
          {"add_eos_token": true} | 1 | 1
          """)
  void specialTokensStandWhereTheConfigWantsThem(String config, int begins, int ends)
      throws IOException {
    place(MODELS.resolve("bytes.model"));
    Files.writeString(folder.resolve("tokenizer_config.json"), config);
    try (Tokenizer tokenizer = Tokenizer.open(folder)) {
      int[] bare = tokenizer.encodeRaw("The man");
      int[] whole = tokenizer.encode("The man").ids();
      assertThat(whole).hasSize(bare.length + begins + ends);
      assertThat(Arrays.copyOfRange(whole, begins, begins + bare.length)).isEqualTo(bare);
      assertThat(whole[0] == 1).isEqualTo(begins == 1);
      assertThat(whole[whole.length - 1] == 2).isEqualTo(ends == 1);
      int[] pair = tokenizer.encode("The man", "who", 50).ids();
      assertThat(Arrays.stream(pair).filter(id -> id == 1)).hasSize(2 * begins);
    }
  }

  @Test
  void llamasOwnFileReadsWords() throws IOException {
    place(TestFolders.shared("tokenizers/llama2/tokenizer.model"));
    try (Tokenizer tokenizer = Tokenizer.open(folder)) {
      // As its authors' code encodes it.
      assertThat(tokenizer.encode("Hello world, how are you?").ids())
          .containsExactly(1, 15043, 3186, 29892, 920, 526, 366, 29973);
      assertThat(tokenizer.decode(new int[] {15043, 3186})).isEqualTo("Hello world");
    }
  }

  /** A model of DeBERTa's has such a file, and its mask after all pieces. */
  @Test
  void spmModelHasTheSpecialTokensOfDeberta() throws IOException {
    Files.copy(MODELS.resolve("unigram.model"), folder.resolve("spm.model"));
    try (Tokenizer tokenizer = Tokenizer.open(folder)) {
      int[] first = tokenizer.encodeRaw("the man");
      int[] second = tokenizer.encodeRaw("who");
      assertThat(tokenizer.encode("the man").ids()).isEqualTo(joined(one(1), first, one(2)));
      Encoded pair = tokenizer.encode("the man", "who", 50);
      assertThat(pair.ids()).isEqualTo(joined(one(1), first, one(2), second, one(2)));
      assertThat(pair.typeIds()[first.length + 1]).isZero();
      assertThat(pair.typeIds()[first.length + 2]).isEqualTo(1);
      assertThat(tokenizer.padId()).isZero();
      assertThat(tokenizer.maskId()).hasValue(900);
      assertThat(tokenizer.vocabularyTokens()).isEqualTo(901);
    }
  }

  @Test
  void tokensThatWereAddedHaveTheIdsOfTheirList() throws IOException {
    Files.copy(MODELS.resolve("unigram.model"), folder.resolve("spm.model"));
    Path list = folder.resolve("added_tokens.json");
    Files.writeString(list, "{\"[MASK]\": 900, \"[NAME]\": 901}");
    try (Tokenizer tokenizer = Tokenizer.open(folder)) {
      assertThat(tokenizer.idOf("[NAME]")).hasValue(901);
      assertThat(tokenizer.encodeRaw("[NAME]")).containsExactly(901);
    }
    Files.writeString(list, "{\"[MASK]\": 1900}");
    assertRefused("spm.model", "the id of [MASK] in added_tokens.json is 1900, not 900");
  }

  @Test
  void lowersWhereTheConfigDoesAndRefusesToSplitByPunctuation() throws IOException {
    Files.copy(MODELS.resolve("unigram.model"), folder.resolve("spm.model"));
    Path config = folder.resolve("tokenizer_config.json");
    Files.writeString(config, "{\"do_lower_case\": true}");
    try (Tokenizer tokenizer = Tokenizer.open(folder)) {
      assertThat(tokenizer.encodeRaw("THE Man")).isEqualTo(tokenizer.encodeRaw("the man"));
    }
    Files.writeString(config, "{\"split_by_punct\": true}");
    assertRefused("spm.model", "its tokenizer_config.json has split_by_punct = true");
  }

  /** Ids are one higher than the file's, but those of special tokens. */
  @Test
  void sentencepieceBpeModelHasTheIdsOfXlmRoberta() throws IOException {
    Path file = MODELS.resolve("unigram-bytes.model");
    Files.copy(file, folder.resolve("sentencepiece.bpe.model"));
    place(file);
    Path plain = Files.createDirectory(folder.resolve("plain"));
    Files.move(folder.resolve("tokenizer.model"), plain.resolve("tokenizer.model"));
    try (Tokenizer own = Tokenizer.open(plain);
        Tokenizer tokenizer = Tokenizer.open(folder)) {
      int[] text = Arrays.stream(own.encodeRaw("the man")).map(id -> id + 1).toArray();
      assertThat(tokenizer.encodeRaw("the man")).isEqualTo(text);
      assertThat(tokenizer.encode("the man").ids()).isEqualTo(joined(one(0), text, one(2)));
      assertThat(tokenizer.encode("the man", "the man", 50).ids())
          .isEqualTo(joined(one(0), text, new int[] {2, 2}, text, one(2)));
      assertThat(tokenizer.padId()).isEqualTo(1);
      assertThat(tokenizer.maskId()).hasValue(901);
    }
    Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"camembert\"}");
    assertRefused("sentencepiece.bpe.model", "CamemBERT has other ids than XLM-RoBERTa");
  }

  @ParameterizedTest
  @CsvSource({
    "spm.model, bytes, it lacks [PAD]",
    "sentencepiece.bpe.model, unigram, its first ids are not those of XLM-RoBERTa"
  })
  void modelsOfOthersAreRefused(String file, String model, String why) throws IOException {
    Files.copy(MODELS.resolve(model + ".model"), folder.resolve(file));
    assertRefused(file, why);
  }

  /** Fields of the file that change what is cut: another kind, and blanks in other places. */
  @ParameterizedTest
  @CsvSource({
    "2, 3, 3, its SentencePiece model is neither of byte pairs nor unigram",
    "2, 24, 1, its SentencePiece model has blanks at the end of words",
    "3, 5, 0, its SentencePiece model does not escape blanks"
  })
  void otherKindsAreRefused(int message, int field, int value, String why) throws IOException {
    ByteArrayOutputStream part = new ByteArrayOutputStream();
    CodedOutputStream inner = CodedOutputStream.newInstance(part);
    inner.writeInt32(field, value);
    inner.flush();
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    file.writeBytes(Files.readAllBytes(MODELS.resolve("unigram-plain.model")));
    CodedOutputStream outer = CodedOutputStream.newInstance(file);
    outer.writeByteArray(message, part.toByteArray());
    outer.flush();
    Files.write(folder.resolve("tokenizer.model"), file.toByteArray());
    assertRefused("tokenizer.model", why);
  }

  private void assertRefused(String file, String why) {
    assertThatThrownBy(() -> Tokenizer.open(folder))
        .isInstanceOf(DataException.class)
        .hasMessage(
            "Cannot use %s, %s: supply the tokenizer.json of the same model",
            folder.resolve(file), why);
  }

  private static int[] one(int id) {
    return new int[] {id};
  }

  private static int[] joined(int[]... parts) {
    return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
  }

  /** Cut or changed anywhere, a file is refused in one sentence or still a tokenizer. */
  @Test
  void aDamagedFileIsRefused() throws IOException {
    damage("plain");
    damage("mapped");
    damage("unigram");
  }

  private void damage(String name) throws IOException {
    byte[] whole = Files.readAllBytes(MODELS.resolve(name + ".model"));
    SplittableRandom random = new SplittableRandom(1);
    int refused = 0;
    for (int i = 0; i < 40; i++) {
      byte[] bytes = Arrays.copyOf(whole, i % 2 == 0 ? random.nextInt(whole.length) : whole.length);
      if (i % 2 == 1) {
        bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
      }
      Files.write(folder.resolve("tokenizer.model"), bytes);
      try (Tokenizer tokenizer = Tokenizer.open(folder)) {
        assertThat(tokenizer.encodeRaw("the man")).isNotNull();
      } catch (DataException e) {
        refused++;
        assertThat(e).hasMessageStartingWith("Cannot use ").hasMessageContaining("supply");
      }
    }
    assertThat(refused).isGreaterThan(5);
  }

  private void place(Path model) throws IOException {
    Files.copy(model, folder.resolve("tokenizer.model"));
  }
}
