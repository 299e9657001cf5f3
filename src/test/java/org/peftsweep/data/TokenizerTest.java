package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {

  private static final String JSON =
      new BpeTrainer(300, 1).train(Stream.of("a small text", "another small text"));

  @TempDir Path folder;

  @Test
  void pairsHaveRobertasSpecialTokensAndAreCutLongestFirst() {
    try (Tokenizer tokenizer = Tokenizer.ofJson(JSON)) {
      int a = tokenizer.idOf("a").orElseThrow();
      int space = tokenizer.idOf("\u0120").orElseThrow();
      assertThat(tokenizer.encode("a", " ", 16).ids()).containsExactly(0, a, 2, 2, space, 2);
      Encoded cut = tokenizer.encode("a", "zzzzzzzzzzzzzzzz", 10);
      int z = tokenizer.idOf("z").orElseThrow();
      assertThat(cut.ids()).containsExactly(0, a, 2, 2, z, z, z, z, z, 2);
      assertThat(tokenizer.encode("zzzzzzzz", 5).ids()).containsExactly(0, z, z, z, 2);
      assertThat(tokenizer.encode("zzzzzzzz").tokens()).isEqualTo(10);
      assertThat(tokenizer.encodeRaw("zz")).containsExactly(z, z);
    }
  }

  @Test
  void whatIsWrittenGivesTheSameIdsAndNamesTheTokens() throws IOException {
    Files.writeString(folder.resolve("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n##b\n<odd>\n");
    Files.writeString(
        folder.resolve("tokenizer_config.json"), "{\"mask_token\": {\"content\": \"<odd>\"}}");
    Path written = folder.resolve("written");
    try (Tokenizer tokenizer = Tokenizer.open(folder)) {
      tokenizer.write(written, 7, true);
      try (Tokenizer again = Tokenizer.open(written)) {
        assertThat(again.encode("ab a", "a", 16))
            .usingRecursiveComparison()
            .isEqualTo(tokenizer.encode("ab a", "a", 16));
        assertThat(again.padId()).isZero();
        assertThat(again.maskId()).hasValue(6);
      }
    }
    JsonNode settings =
        new ObjectMapper().readTree(written.resolve("tokenizer_config.json").toFile());
    assertThat(settings.path("model_max_length").asInt()).isEqualTo(7);
    assertThat(settings.path("model_input_names").toString())
        .isEqualTo("[\"input_ids\",\"token_type_ids\",\"attention_mask\"]");
    assertThat(settings.path("cls_token").asText()).isEqualTo("[CLS]");
    assertThat(settings.path("sep_token").asText()).isEqualTo("[SEP]");
    assertThat(settings.path("unk_token").asText()).isEqualTo("[UNK]");
  }

  @Test
  void truncationAndPaddingOfTheFileAreNotUsed() throws IOException {
    String cut =
        JSON.replace(
            "\"truncation\" : null",
            "\"truncation\" : {\"direction\":\"Right\",\"max_length\":4,"
                + "\"strategy\":\"LongestFirst\",\"stride\":0}");
    assertThat(cut).isNotEqualTo(JSON);
    try (Tokenizer tokenizer = Tokenizer.ofJson(cut)) {
      assertThat(tokenizer.encode("zzzzzzzz").tokens()).isEqualTo(10);
    }
  }

  @Test
  void theOlderFilesGiveTheSameTokenizer() throws IOException {
    JsonNode model = new ObjectMapper().readTree(JSON).get("model");
    Files.writeString(folder.resolve("vocab.json"), model.get("vocab").toString());
    StringBuilder merges = new StringBuilder("#version: 0.2\n");
    model.get("merges").forEach(merge -> merges.append(merge.asText()).append('\n'));
    Files.writeString(folder.resolve("merges.txt"), merges);
    try (Tokenizer tokenizer = Tokenizer.open(folder);
        Tokenizer whole = Tokenizer.ofJson(JSON)) {
      assertThat(tokenizer.json()).isEqualTo(whole.json());
    }
  }

  @Test
  void manyThreadsGetWhatOneGets() {
    List<String> texts = IntStream.range(0, 2000).mapToObj(i -> "small text " + i * i).toList();
    try (Tokenizer tokenizer = Tokenizer.ofJson(JSON)) {
      List<String> one =
          texts.stream().map(text -> Arrays.toString(tokenizer.encode(text, 12).ids())).toList();
      List<String> many =
          texts.parallelStream()
              .map(text -> Arrays.toString(tokenizer.encode(text, 12).ids()))
              .toList();
      assertThat(many).isEqualTo(one);
    }
  }

  @Test
  void theConfigNamesThePaddingToken() throws IOException {
    Files.writeString(folder.resolve("tokenizer.json"), JSON);
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        "{\"pad_token\": {\"content\": \"</s>\"}, \"mask_token\": \"<unk>\"}");
    try (Tokenizer tokenizer = Tokenizer.open(folder)) {
      assertThat(tokenizer.padId()).isEqualTo(2);
      assertThat(tokenizer.maskId()).hasValue(3);
    }
  }

  @Test
  void aFolderThatCannotBeUsedSaysWhatToSupply() throws IOException {
    assertRefused(
        "supply tokenizer.json, vocab.json with merges.txt, vocab.txt, or SentencePiece's"
            + " tokenizer.model, spm.model or sentencepiece.bpe.model");
    Files.writeString(folder.resolve("tokenizer.model"), "sentence pieces");
    assertRefused("it is no whole SentencePiece model: supply the tokenizer.json");
    Files.writeString(folder.resolve("vocab.txt"), "[PAD]\nword\n");
    assertRefused("which lacks [UNK]");
    Files.writeString(folder.resolve("tokenizer.json"), "{\"model\": ");
    assertRefused("as JSON");
    Files.writeString(folder.resolve("tokenizer.json"), "[]");
    assertRefused("must hold one JSON object");
    Files.writeString(folder.resolve("tokenizer.json"), "{\"version\": \"1.0\"}");
    assertRefused("Cannot use the tokenizer of");
  }

  /** Each part of a tokenizer that works is put out of order, alone or within a sequence. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      textBlock =
          """
          model | {"type": "Foo", "vocab": {}} | its model is of the type Foo, not one of [BPE, Unigram, WordLevel, WordPiece]
          model | {"type": "BPE", "vocab": {}} | its model of the type BPE lacks merges
          model | {"type": "WordPiece", "vocab": {}} | its model of the type WordPiece lacks unk_token
          model | {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]} | its model of the type BPE has merges that do not go with its vocab
          model | {"type": "BPE", "vocab": {"a": -1}, "merges": []} | its model of the type BPE has a setting that this type does not have
          model | {"vocab": {"a": "b"}} | its model has a setting that this type does not have
          model | 3 | it has no model
          normalizer | {"type": "Foo"} | its normalizer of the type Foo cannot be used
          normalizer | {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Bar "}]} | its normalizer of the type "Bar " cannot be used
          pre_tokenizer | {"type": "Foo"} | its pre_tokenizer of the type Foo cannot be used
          pre_tokenizer | {"type": "Sequence", "pretokenizers": [{"type": "Split"}]} | its pre_tokenizer of the type Split cannot be used
          post_processor | [] | its post_processor cannot be used
          decoder | {"type": "Foo"} | its decoder of the type Foo cannot be used
          added_tokens | [{"id": "x"}] | its added_tokens cannot be used
          version | "9" | its version cannot be used
          """)
  void thePartThatCannotBeUsedIsNamed(String part, String content, String reason)
      throws IOException {
    ObjectNode tree = TokenizerFiles.parse(JSON, "");
    tree.set(part, TokenizerFiles.JSON.readTree(content));
    Files.writeString(folder.resolve("tokenizer.json"), tree.toString());
    assertThatThrownBy(() -> Tokenizer.open(folder))
        .isInstanceOf(DataException.class)
        .hasMessage("Cannot use the tokenizer of " + folder + ": " + reason + "; supply another");
  }

  /** Every file of a tokenizer, in another encoding, packed, or none at all. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
        "vocab.txt",
        "vocab.json",
        "merges.txt"
      })
  void aFileThatIsNoTextIsNamedWithWhatItIs(String name) throws IOException {
    for (String beside : List.of("vocab.json", "merges.txt", "vocab.txt")) {
      Files.writeString(folder.resolve(beside), beside.endsWith("json") ? "{}" : "[UNK]");
    }
    if (name.equals("vocab.txt")) {
      Files.delete(folder.resolve("merges.txt"));
    }
    Path file = folder.resolve(name);
    String text = "{\n\"sch\u00f6n\": \"tr\u00e8s d\u00e9j\u00e0 vu, h\u00e9las na\u00efve\"\n}\n";
    Files.write(file, text.getBytes(StandardCharsets.ISO_8859_1));
    assertSays("Cannot read " + file + ":2: it is not UTF-8, it looks like ");
    Files.write(file, ("x\n".repeat(40_000) + text).getBytes(StandardCharsets.ISO_8859_1));
    assertSays("Cannot read " + file + ":40002: it is not UTF-8");
    Files.write(file, text.getBytes(StandardCharsets.UTF_16));
    assertSays("Cannot read " + file + ":1: it is UTF-16");
    Files.write(file, new byte[] {0x1f, (byte) 0x8b, 8, 0});
    assertSays("Cannot read " + file + ":1: it is packed by gzip; unpack it");
    Files.writeString(file, "version https://git-lfs.github.com/spec/v1\n");
    assertSays("Cannot read " + file + ":1: it is a pointer of git-lfs; fetch the file itself");
    Files.delete(file);
    Files.createSymbolicLink(file, Path.of("../../blobs/0123"));
    assertSays(
        "Cannot read " + file + ": it is a link to ../../blobs/0123, where nothing is; fetch that");
    Files.delete(file);
    Files.createDirectory(file);
    assertSays("Cannot read " + file + ": it is a folder; supply a file of that name");
  }

  @Test
  void aByteOrderMarkIsNoPartOfAFile() throws IOException {
    Files.writeString(folder.resolve("tokenizer.json"), "\uFEFF" + JSON);
    Files.writeString(folder.resolve("tokenizer_config.json"), "\uFEFF{\"pad_token\": \"</s>\"}");
    try (Tokenizer tokenizer = Tokenizer.open(folder)) {
      assertThat(tokenizer.padId()).isEqualTo(2);
      assertThat(tokenizer.encode("a small text").ids())
          .isEqualTo(Tokenizer.ofJson(JSON).encode("a small text").ids());
    }
  }

  private void assertSays(String start) {
    assertThatThrownBy(() -> Tokenizer.open(folder))
        .isInstanceOf(DataException.class)
        .hasMessageStartingWith(start);
  }

  private void assertRefused(String reason) {
    assertThatThrownBy(() -> Tokenizer.open(folder))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(reason);
  }
}
