package org.peftsweep.data.grammar;

import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Predicate;

/** Draws words and scenes from a lexicon by one random stream. */
final class Words {

  private final Lexicon lexicon;
  private final GrammarSettings settings;
  private final SplittableRandom random;

  Words(Lexicon lexicon, GrammarSettings settings, SplittableRandom random) {
    this.lexicon = lexicon;
    this.settings = settings;
    this.random = random;
  }

  GrammarSettings settings() {
    return settings;
  }

  boolean chance(double share) {
    return random.nextDouble() < share;
  }

  boolean coin() {
    return random.nextBoolean();
  }

  int below(int bound) {
    return random.nextInt(bound);
  }

  <T> T pick(List<T> choices) {
    return choices.get(random.nextInt(choices.size()));
  }

  Word any(Kind kind) {
    return pick(lexicon.words(kind));
  }

  Word where(Kind kind, Predicate<Word> condition) {
    return pick(lexicon.words(kind).stream().filter(condition).toList());
  }

  /** The other word of its concept; itself where it has none. */
  Word synonym(Word word) {
    List<Word> others =
        lexicon.words(word.kind()).stream()
            .filter(other -> other.means(word) && !other.equals(word))
            .toList();
    return others.isEmpty() ? word : pick(others);
  }

  Word opposite(Word adjective) {
    return where(
        Kind.ADJECTIVE,
        other -> other.category() == adjective.category() && !other.means(adjective));
  }

  Word hypernym(int category) {
    return where(Kind.HYPERNYM, word -> word.category() == category);
  }

  /** A noun that the verb takes. */
  Word object(Word verb) {
    return where(Kind.NOUN, noun -> lexicon.takes(verb, noun.category()));
  }

  /** A noun that the verb does not take. */
  Word misfit(Word verb) {
    return where(Kind.NOUN, noun -> !lexicon.takes(verb, noun.category()));
  }

  /** The other of the two categories that the verb takes. */
  int otherCategory(Word verb, int category) {
    return where(
            Kind.HYPERNYM,
            word -> word.category() != category && lexicon.takes(verb, word.category()))
        .category();
  }

  /** A noun of that category. */
  Word noun(int category) {
    return where(Kind.NOUN, noun -> noun.category() == category);
  }

  /** A scene with an adjective, a place and a time, in either order. */
  Scene scene() {
    Word verb = any(Kind.VERB);
    return new Scene(
        any(Kind.AGENT),
        verb,
        null,
        any(Kind.ADJECTIVE),
        object(verb),
        any(Kind.PLACE),
        any(Kind.TIME),
        false,
        coin());
  }

  /** The same scene with synonyms here and there. */
  Scene reworded(Scene scene) {
    Scene result = scene.withTimeFirst(coin());
    for (Slot slot : Slot.values()) {
      Word word = slot.of(scene);
      if (word != null && chance(settings.synonymShare())) {
        result = slot.put(result, synonym(word));
      }
    }
    return result;
  }

  /**
   * Another scene: one of those slots gets a word that fits as well but means something else. A
   * noun keeps its category, a verb still takes the noun.
   */
  Scene altered(Scene scene, Slot slot) {
    Word word = slot.of(scene);
    Word other =
        where(
            word.kind(),
            candidate ->
                !candidate.means(word)
                    && (word.kind() != Kind.NOUN || candidate.category() == word.category())
                    && (word.kind() != Kind.VERB
                        || lexicon.takes(candidate, scene.noun().category())));
    return slot.put(scene, other);
  }
}
