package org.peftsweep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BpeTrainerTest {

  private static final List<String> TEXT =
      List.of("the low lower lowest", "new newer newest the low", "wide wider widest the");

  @Test
  void frequentPairsBecomeTokensInOrderOfTheirCount() {
    try (Tokenizer tokenizer = trained(270)) {
      assertThat(tokenizer.vocabularyTokens()).isEqualTo(270);
      assertThat(tokenizer.idOf("<s>")).hasValue(0);
      assertThat(tokenizer.padId()).isEqualTo(1);
      assertThat(tokenizer.idOf("</s>")).hasValue(2);
      assertThat(tokenizer.idOf("<unk>")).hasValue(3);
      assertThat(tokenizer.maskId()).hasValue(269);
      assertThat(tokenizer.encodeRaw("the")).isNotEmpty();
    }
    // Counts: a-b 3, a-a 2, then with "ab" made: a-ab 2.
    String json = new BpeTrainer(263, 1).train(List.of("aab", "aab", "ab").stream());
    assertThat(json).contains("\"merges\" : [ \"a b\", \"a ab\" ]");
    // c-d and a-b tie at 2: the smaller ids come first.
    String tied = new BpeTrainer(262, 1).train(List.of("cd ab", "cd\nab").stream());
    assertThat(tied).contains("\"merges\" : [ \"a b\" ]");
  }

  @Test
  void theSameTextGivesTheSameFile() {
    String json = new BpeTrainer(300, 2).train(TEXT.stream());
    assertThat(new BpeTrainer(300, 2).train(TEXT.stream())).isEqualTo(json);
    assertThat(json).contains("RobertaProcessing", "\"ByteLevel\"", "\"add_prefix_space\" : false");
  }

  @Test
  void anyTextComesBackFromItsIds() {
    SplittableRandom random = new SplittableRandom(5);
    try (Tokenizer tokenizer = trained(280)) {
      for (int n = 0; n < 2000; n++) {
        int[] points =
            IntStream.range(0, 1 + random.nextInt(20))
                .map(i -> random.nextInt(4) == 0 ? random.nextInt(128) : random.nextInt(0x110000))
                .filter(point -> point < 0xD800 || point > 0xDFFF)
                .toArray();
        String text = new String(points, 0, points.length);
        assertThat(tokenizer.decode(tokenizer.encodeRaw(text))).isEqualTo(text);
      }
    }
  }

  @Test
  void everyByteHasATokenOfItsOwnLetter() {
    Set<Character> letters = new HashSet<>();
    try (Tokenizer tokenizer = trained(261)) {
      for (int b = 0; b < 256; b++) {
        letters.add(BpeTrainer.letter(b));
        assertThat(tokenizer.idOf(String.valueOf(BpeTrainer.letter(b)))).hasValue(4 + b);
      }
    }
    assertThat(letters).hasSize(256);
    assertThat(BpeTrainer.letter(' ')).isEqualTo('\u0120');
    assertThat(BpeTrainer.letter('\n')).isEqualTo('\u010A');
    assertThat(BpeTrainer.letter(173)).isEqualTo('\u0143');
  }

  @Test
  void rarePairsAreNotMerged() {
    try (Tokenizer few = Tokenizer.ofJson(new BpeTrainer(1000, 50).train(TEXT.stream()))) {
      assertThat(few.vocabularyTokens()).isEqualTo(261);
    }
    assertThatThrownBy(() -> new BpeTrainer(260, 1)).hasMessageContaining("at least 261");
  }

  private static Tokenizer trained(int tokens) {
    return Tokenizer.ofJson(new BpeTrainer(tokens, 1).train(TEXT.stream()));
  }
}
