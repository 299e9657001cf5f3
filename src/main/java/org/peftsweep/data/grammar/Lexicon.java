package org.peftsweep.data.grammar;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.peftsweep.data.Seeds;

/** The closed vocabulary: invented content words with their properties, English function words. */
final class Lexicon {

  /** All other words that the grammar writes. */
  static final List<String> FUNCTION_WORDS =
      List.of(
          ("le la un una some every no in at did not was very but though where when what place time"
                  + " so perhaps namely whereas indeed alas glad sad is a kind of also called the"
                  + " opposite")
              .split(" "));

  private static final String CONSONANTS = "bdfgklmnprstvz";
  private static final String VOWELS = "aeiou";

  private final int categories;
  private final Map<Kind, List<Word>> words = new EnumMap<>(Kind.class);

  private Lexicon(int categories) {
    this.categories = categories;
  }

  /** All words. */
  static Lexicon of(GrammarSettings settings) {
    return new Builder(settings).lexicon();
  }

  /** The first share of the concepts of each kind, with all hypernyms. */
  Lexicon restrictedTo(double share) {
    Lexicon part = new Lexicon(categories);
    words.forEach(
        (kind, all) -> {
          Map<Integer, List<Integer>> concepts = new TreeMap<>();
          for (Word word : all) {
            List<Integer> own = concepts.computeIfAbsent(group(word), c -> new ArrayList<>());
            if (!own.contains(unit(word))) {
              own.add(unit(word));
            }
          }
          part.words.put(
              kind,
              all.stream()
                  .filter(
                      word -> {
                        List<Integer> own = concepts.get(group(word));
                        return kind == Kind.HYPERNYM
                            || own.indexOf(unit(word)) < Math.ceil(share * own.size());
                      })
                  .toList());
        });
    return part;
  }

  /** Nouns are split within each category, so that each keeps some. */
  private static int group(Word word) {
    return word.kind() == Kind.NOUN ? word.category() : 0;
  }

  /** Opposites stay together, so that each keeps its opposite. */
  private static int unit(Word word) {
    return word.kind() == Kind.ADJECTIVE ? word.category() : word.concept();
  }

  List<Word> words(Kind kind) {
    return words.get(kind);
  }

  List<Word> words() {
    return words.values().stream().flatMap(List::stream).toList();
  }

  /** Whether that verb takes objects of that category; each takes two. */
  boolean takes(Word verb, int category) {
    return category == verb.concept() % categories || category == (verb.concept() + 3) % categories;
  }

  private static final class Builder {
    private final GrammarSettings settings;
    private final SplittableRandom random;
    private final Set<String> taken = new HashSet<>(FUNCTION_WORDS);
    private final Lexicon lexicon;

    Builder(GrammarSettings settings) {
      this.settings = settings;
      random = new Seeds(settings.lexiconSeed()).random("lexicon");
      lexicon = new Lexicon(settings.categories());
      for (Kind kind : Kind.values()) {
        lexicon.words.put(kind, new ArrayList<>());
      }
    }

    Lexicon lexicon() {
      int concept = 0;
      for (int category = 0; category < settings.categories(); category++) {
        add(Kind.HYPERNYM, category, category, category % 4 < 2, 1);
        for (int i = 0; i < settings.conceptsPerCategory(); i++) {
          add(Kind.NOUN, category, concept++, i % 2 == 1, 2);
        }
      }
      for (int pair = 0; pair < settings.adjectivePairs(); pair++) {
        add(Kind.ADJECTIVE, pair, 2 * pair, false, 2);
        add(Kind.ADJECTIVE, pair, 2 * pair + 1, true, 2);
      }
      addAll(Kind.VERB, settings.verbs(), 2);
      addAll(Kind.AGENT, settings.agents(), 1);
      addAll(Kind.PLACE, settings.places(), 2);
      addAll(Kind.TIME, settings.times(), 2);
      return lexicon;
    }

    private void addAll(Kind kind, int concepts, int synonyms) {
      for (int concept = 0; concept < concepts; concept++) {
        add(kind, 0, concept, false, synonyms);
      }
    }

    private void add(Kind kind, int category, int concept, boolean isMarked, int synonyms) {
      for (int i = 0; i < synonyms; i++) {
        lexicon.words.get(kind).add(new Word(spelling(), kind, category, concept, isMarked));
      }
    }

    private String spelling() {
      while (true) {
        StringBuilder text = new StringBuilder();
        for (int syllable = 0; syllable < 2; syllable++) {
          text.append(CONSONANTS.charAt(random.nextInt(CONSONANTS.length())));
          text.append(VOWELS.charAt(random.nextInt(VOWELS.length())));
        }
        if (taken.add(text.toString())) {
          return text.toString();
        }
      }
    }
  }
}
