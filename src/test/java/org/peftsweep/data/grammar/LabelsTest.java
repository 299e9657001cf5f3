package org.peftsweep.data.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.peftsweep.data.Example;
import org.peftsweep.data.Tasks;

/** Labels worked out again from the texts alone, by rules written apart from the generator. */
class LabelsTest {

  private static final GrammarSettings SETTINGS = GrammarSettings.STANDARD;

  private final Lexicon lexicon = Lexicon.of(SETTINGS);
  private final Map<String, Word> words = new HashMap<>();

  LabelsTest() {
    lexicon.words().forEach(word -> words.put(word.text(), word));
  }

  /** What a clause or a question says, by kind of word. */
  private record Said(Map<Kind, Word> by, boolean isNegated, List<String> tokens) {
    boolean same(Said other, Kind kind) {
      Word a = by.get(kind);
      Word b = other.by.get(kind);
      return a == null || b == null ? a == b : a.means(b);
    }

    Word thing() {
      return by.containsKey(Kind.NOUN) ? by.get(Kind.NOUN) : by.get(Kind.HYPERNYM);
    }

    boolean has(String token) {
      return tokens.contains(token);
    }
  }

  @Test
  void acceptableSentencesAgreeAndTheirVerbsTakeTheirObjects() {
    for (Example example : rows("mini-cola")) {
      List<String> tokens = Arrays.asList(example.first().split(" "));
      boolean good =
          agrees(tokens.get(0), tokens.get(2))
              && agrees(tokens.get(4), tokens.get(5))
              && lexicon.takes(words.get(tokens.get(3)), words.get(tokens.get(5)).category());
      assertThat(good).as(example.first()).isEqualTo(example.label() == 1);
    }
  }

  private boolean agrees(String article, String noun) {
    return words.get(noun).isMarked() == List.of("la", "una").contains(article);
  }

  @Test
  void sentimentIsThatOfTheMainClauseTurnedRoundByNot() {
    for (Example example : rows("mini-sst2")) {
      String text = example.first().substring(example.first().indexOf(" was ") + 5);
      String main =
          text.contains(" but ")
              ? text.substring(text.indexOf(" but ") + 5)
              : text.replaceAll(" though .*", "");
      Word adjective = words.get(main.substring(main.lastIndexOf(' ') + 1));
      assertThat(adjective.isMarked() != main.startsWith("not "))
          .as(example.first())
          .isEqualTo(example.label() == 1);
    }
  }

  @Test
  void paraphrasesDifferInNoMeaningAndOthersInTheNameOrInThreeWords() {
    for (Example example : rows("mini-mrpc")) {
      long different = different(said(example.first()), said(example.second()));
      if (example.label() == 1) {
        assertThat(different).as(example.toString()).isZero();
      } else {
        assertThat(different).as(example.toString()).isIn(1L, 3L);
      }
    }
  }

  @Test
  void duplicateQuestionsAskTheSameOfTheSame() {
    for (Example example : rows("mini-qqp")) {
      Said first = said(example.first());
      Said second = said(example.second());
      boolean same = different(first, second) == 0 && asksPlace(first) == asksPlace(second);
      assertThat(same).as(example.toString()).isEqualTo(example.label() == 1);
    }
  }

  @Test
  void answersTellWhatIsAskedOfTheSame() {
    for (Example example : rows("mini-qnli")) {
      Said question = said(example.first());
      Said answer = said(example.second());
      boolean tells = answer.by.containsKey(asksPlace(question) ? Kind.PLACE : Kind.TIME);
      boolean same =
          List.of(Kind.AGENT, Kind.VERB, Kind.NOUN).stream()
              .allMatch(kind -> question.same(answer, kind));
      assertThat(tells && same).as(example.toString()).isEqualTo(example.label() == 0);
    }
  }

  @Test
  void similarityCountsEqualAndRelatedMeanings() {
    for (Example example : rows("mini-stsb")) {
      Said first = said(example.first());
      Said second = said(example.second());
      double score = 0;
      for (Kind kind : List.of(Kind.AGENT, Kind.VERB, Kind.ADJECTIVE, Kind.NOUN, Kind.PLACE)) {
        boolean isRelated =
            List.of(Kind.ADJECTIVE, Kind.NOUN).contains(kind)
                && first.by.get(kind).category() == second.by.get(kind).category();
        score += first.same(second, kind) ? 1 : isRelated ? 0.5 : 0;
      }
      assertThat(score).as(example.toString()).isEqualTo(example.label());
    }
  }

  @Test
  void inferencesFollowFromTheirPremises() {
    for (Example example : rows("mini-mnli")) {
      Said premise = said(example.first());
      Said hypothesis = said(example.second());
      assertThat(inference(premise, hypothesis)).as(example.toString()).isEqualTo(example.label());
    }
  }

  private static double inference(Said premise, Said hypothesis) {
    Word adjective = premise.by.get(Kind.ADJECTIVE);
    boolean isOpposite = !adjective.means(hypothesis.by.get(Kind.ADJECTIVE));
    boolean isAdjunctTold =
        List.of(Kind.PLACE, Kind.TIME).stream()
            .filter(hypothesis.by::containsKey)
            .allMatch(kind -> premise.same(hypothesis, kind));
    boolean isThingEqual = premise.thing().means(hypothesis.thing());
    Said narrower = premise.isNegated ? hypothesis : premise;
    Said wider = premise.isNegated ? premise : hypothesis;
    boolean isWidened = narrower.by.containsKey(Kind.NOUN) && wider.by.containsKey(Kind.HYPERNYM);
    if (premise.isNegated != hypothesis.isNegated || isOpposite) {
      return 2;
    }
    boolean follows = isThingEqual || isWidened;
    return follows && isAdjunctTold ? 0 : 1;
  }

  @Test
  void someEntailsUpwardsEveryAndNoDownwards() {
    for (Example example : rows("mini-rte")) {
      Said premise = said(example.first());
      Said hypothesis = said(example.second());
      boolean isUpward =
          premise.by.containsKey(Kind.NOUN) && hypothesis.by.containsKey(Kind.HYPERNYM);
      boolean follows =
          premise.thing().category() == hypothesis.thing().category()
              && isUpward == premise.has("some");
      assertThat(follows).as(example.toString()).isEqualTo(example.label() == 0);
    }
  }

  private static boolean asksPlace(Said question) {
    return question.has("where") || question.has("place");
  }

  private static long different(Said first, Said second) {
    return Arrays.stream(Kind.values()).filter(kind -> !first.same(second, kind)).count();
  }

  private Said said(String text) {
    Map<Kind, Word> by = new HashMap<>();
    List<String> tokens = Arrays.asList(text.split(" "));
    tokens.stream()
        .map(words::get)
        .filter(Objects::nonNull)
        .forEach(word -> assertThat(by.put(word.kind(), word)).as(text).isNull());
    return new Said(by, tokens.contains("not"), tokens);
  }

  private static List<Example> rows(String task) {
    return new GrammarTask(Tasks.named(task), SETTINGS, 2000, 500, 11)
        .dataset()
        .dev()
        .get(0)
        .examples();
  }
}
