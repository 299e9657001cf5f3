package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
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
  @ValueSource(strings = {"bytes", "plain", "nospace"})
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

  @Test
  void otherKindsAreRefused() throws IOException {
    place(MODELS.resolve("unigram.model"));
    assertThatThrownBy(() -> Tokenizer.open(folder))
        .isInstanceOf(DataException.class)
        .hasMessage(
            "Cannot use %s, its SentencePiece model is not one of byte pairs: supply the"
                + " tokenizer.json of the same model",
            folder.resolve("tokenizer.model"));
  }

  /** Cut or changed anywhere, a file is refused in one sentence or still a tokenizer. */
  @Test
  void aDamagedFileIsRefused() throws IOException {
    byte[] whole = Files.readAllBytes(MODELS.resolve("plain.model"));
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
