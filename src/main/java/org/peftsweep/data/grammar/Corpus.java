package org.peftsweep.data.grammar;

import java.util.List;
import java.util.function.LongFunction;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.peftsweep.data.Seeds;

/**
 * Endless unlabelled text of the same grammar and of all its words, to pretrain on by masked words.
 *
 * <p>A document is one or two sentences. Two belong together: a restatement, what follows, what
 * contradicts, an answer after its question, how somebody feels about what was said. Most documents
 * say by a connective how ("namely", "so", "but" ...), as texts do, so that to predict the masked
 * words of one sentence the other must be consulted, and to predict the connective both must be
 * compared. Some define a word by its synonym, hypernym or opposite. Documents without a connective
 * are always consistent.
 *
 * @param settings the grammar, the same as that of the tasks
 * @param seed draws the documents, not the words
 */
public record Corpus(GrammarSettings settings, long seed) {

  /**
   * A document: how it is made, and the connective for each label.
   *
   * @param consistent the label of the pairs that need no connective
   */
  private record Form(String task, List<String> connectives, int consistent) {}

  private static final List<Form> FORMS =
      List.of(
          new Form("mini-mrpc", List.of("whereas", "namely"), 1),
          new Form("mini-qqp", List.of("whereas", "namely"), 1),
          new Form("mini-mnli", List.of("so", "perhaps", "but"), 0),
          new Form("mini-qnli", List.of("indeed", "alas"), 0),
          new Form("mini-rte", List.of("so", "perhaps"), 0));

  /**
   * Kinds of documents: the forms, a well-formed sentence, a sentiment, two shares of definitions.
   */
  private static final int KINDS = FORMS.size() + 4;

  /** The sentences, one or two, of document {@code number}; any may be asked for first. */
  public List<String> document(long number) {
    return new Source(settings, seed).document(number);
  }

  /** Makes documents by number faster, where many are wanted. */
  LongFunction<List<String>> source() {
    return new Source(settings, seed)::document;
  }

  /** The first documents, each as its sentences. */
  public Stream<List<String>> documents(long count) {
    Source source = new Source(settings, seed);
    return LongStream.range(0, count).mapToObj(source::document);
  }

  /** The sentences of the first documents, one by one. */
  public Stream<String> sentences(long documents) {
    return documents(documents).flatMap(List::stream);
  }

  private static final class Source {
    private final GrammarSettings settings;
    private final Seeds seeds;
    private final Lexicon lexicon;

    Source(GrammarSettings settings, long seed) {
      this.settings = settings;
      seeds = new Seeds(seed);
      lexicon = Lexicon.of(settings);
    }

    List<String> document(long number) {
      Words words = new Words(lexicon, settings, seeds.random("document " + number));
      if (words.chance(settings.definitionShare())) {
        return List.of(definition(words));
      }
      int kind = (int) (number % KINDS);
      if (kind < FORMS.size()) {
        return pair(FORMS.get(kind), words);
      }
      return kind == FORMS.size()
          ? List.of(SingleTexts.acceptability(1, words).first())
          : sentiment(words);
    }

    private List<String> pair(Form form, Words words) {
      boolean isSaid = words.chance(settings.connectiveShare());
      int label = isSaid ? words.below(form.connectives.size()) : form.consistent;
      Row row = GrammarTask.maker(form.task).make(label, words);
      return List.of(row.first(), (isSaid ? form.connectives.get(label) + " " : "") + row.second());
    }

    private static List<String> sentiment(Words words) {
      boolean isPraise = words.coin();
      return List.of(
          SingleTexts.sentiment(isPraise ? 1 : 0, words).first(),
          "so " + words.any(Kind.AGENT).text() + " was " + (isPraise ? "glad" : "sad"));
    }

    private static String definition(Words words) {
      Word noun = words.any(Kind.NOUN);
      Word hypernym = words.hypernym(noun.category());
      Word adjective = words.any(Kind.ADJECTIVE);
      Word other = words.any(words.pick(List.of(Kind.VERB, Kind.PLACE, Kind.TIME, Kind.ADJECTIVE)));
      String article = Scene.article(noun, words.coin());
      return switch (words.pick(List.of(0, 0, 1, 1, 2, 3, 3))) {
        case 0 -> article + " " + noun.text() + " is a kind of " + hypernym.text();
        case 1 -> article + " " + noun.text() + " is also called " + words.synonym(noun).text();
        case 2 -> "the opposite of " + adjective.text() + " is " + words.opposite(adjective).text();
        default -> "what is called " + other.text() + " is also " + words.synonym(other).text();
      };
    }
  }
}
