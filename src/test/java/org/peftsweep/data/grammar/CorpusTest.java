package org.peftsweep.data.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.peftsweep.data.BpeTrainer;
import org.peftsweep.data.Dataset;
import org.peftsweep.data.Example;
import org.peftsweep.data.Task;
import org.peftsweep.data.Tasks;
import org.peftsweep.data.Tokenizer;

class CorpusTest {

  private final Corpus corpus = new Corpus(GrammarSettings.STANDARD, 0);

  @Test
  void documentsDependOnSeedAndNumberOnly() {
    List<List<String>> first = corpus.documents(200).toList();
    assertThat(corpus.documents(100).toList()).isEqualTo(first.subList(0, 100));
    assertThat(corpus.document(150)).isEqualTo(first.get(150));
    assertThat(new Corpus(GrammarSettings.STANDARD, 1).documents(200).toList()).isNotEqualTo(first);
  }

  @Test
  void theTextUsesAllWordsOfTheGrammarAndNoOther() {
    Set<String> used = new HashSet<>();
    corpus.sentences(20_000).forEach(line -> used.addAll(List.of(line.split(" "))));
    assertThat(used)
        .containsExactlyInAnyOrderElementsOf(GrammarTask.vocabulary(GrammarSettings.STANDARD));
  }

  @Test
  void sentencesAreShortAndStartWithAFunctionWord() {
    corpus
        .documents(5000)
        .forEach(
            document -> {
              assertThat(document).hasSizeBetween(1, 2);
              for (String sentence : document) {
                String[] words = sentence.split(" ");
                assertThat(words.length).as(sentence).isLessThanOrEqualTo(14);
                assertThat(Lexicon.FUNCTION_WORDS).as(sentence).contains(words[0]);
              }
            });
  }

  @Test
  void aSmallVocabularyTrainedOnTheTextHasOneTokenForEachWord() {
    String json = new BpeTrainer(1000, 2).train(corpus.sentences(20_000));
    try (Tokenizer tokenizer = Tokenizer.ofJson(json)) {
      assertThat(tokenizer.vocabularyTokens()).isLessThanOrEqualTo(1000);
      corpus.sentences(2000).forEach(sentence -> assertOneTokenAWord(tokenizer, sentence));
      for (Task task : Tasks.builtIn()) {
        Dataset dataset = new GrammarTask(task, GrammarSettings.STANDARD, 1, 500, 0).dataset();
        for (Example example : dataset.dev().get(0).examples()) {
          assertOneTokenAWord(tokenizer, example.first());
          if (example.isPair()) {
            assertOneTokenAWord(tokenizer, example.second());
          }
          assertThat(tokenizer.encode(example, 48).tokens()).isLessThanOrEqualTo(30);
        }
      }
    }
  }

  private static void assertOneTokenAWord(Tokenizer tokenizer, String sentence) {
    assertThat(tokenizer.encodeRaw(sentence)).as(sentence).hasSameSizeAs(sentence.split(" "));
  }
}
