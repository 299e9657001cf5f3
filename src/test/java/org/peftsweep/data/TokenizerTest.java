package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

  private void assertRefused(String reason) {
    assertThatThrownBy(() -> Tokenizer.open(folder))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(reason);
  }

  @Test
  void theLowestIdThatStandsForAnotherTokenIsTold() {
    ObjectNode tree = TokenizerFiles.parse(JSON, "a");
    ObjectNode words = (ObjectNode) tree.at("/model/vocab");
    int highest = words.size() - 1;
    try (Tokenizer tokenizer = Tokenizer.ofJson(JSON);
        Tokenizer same = Tokenizer.ofJson(JSON)) {
      assertThat(tokenizer.firstDifference(same)).isEmpty();
      int a = words.path("a").asInt();
      int b = words.path("b").asInt();
      words.put("a", b).put("b", a);
      try (Tokenizer turned = Tokenizer.ofJson(tree.toString())) {
        assertThat(tokenizer.firstDifference(turned)).hasValue(a);
        assertThat(tokenizer.token(a)).hasValue("a");
        assertThat(turned.token(a)).hasValue("b");
      }
      words.put("a", a).put("b", b).put("more", highest + 1);
      try (Tokenizer longer = Tokenizer.ofJson(tree.toString())) {
        assertThat(tokenizer.firstDifference(longer)).hasValue(highest + 1);
        assertThat(longer.firstDifference(tokenizer)).hasValue(highest + 1);
        assertThat(tokenizer.token(highest + 1)).isEmpty();
      }
    }
  }
}
