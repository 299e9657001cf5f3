package org.peftsweep.data.grammar;

/**
 * Every number that decides how hard the built-in tasks are.
 *
 * @param lexiconSeed draws the spelling of the words; tasks and corpus must agree on it
 * @param categories kinds of things, each with a hypernym
 * @param conceptsPerCategory nouns of a category, not counting synonyms
 * @param adjectivePairs pairs of opposites
 * @param verbs verb concepts; each takes objects of two categories
 * @param agents names
 * @param places place concepts
 * @param times time concepts
 * @param trainShare share of the concepts of each kind that labelled train rows use; dev rows use
 *     all of them. Below 1, only a base that learned from the corpus which words belong together
 *     can answer for the others
 * @param synonymShare chance that a word that is kept in meaning changes to its synonym; the
 *     higher, the less does the overlap of two texts say
 * @param nameShare chance that two texts that say different things differ in the name, which shows
 *     without any knowledge of words
 * @param negationShare chance of a negated clause; at 0.5 an adjective alone says nothing about the
 *     sentiment, and "not" nothing about contradiction
 * @param quantifierShare chance of "every" or "no" in {@code mini-rte}, where the direction of
 *     entailment turns round
 * @param connectiveShare chance that a document of the corpus says how its two sentences relate
 * @param definitionShare chance that a document of the corpus defines a word
 */
public record GrammarSettings(
    long lexiconSeed,
    int categories,
    int conceptsPerCategory,
    int adjectivePairs,
    int verbs,
    int agents,
    int places,
    int times,
    double trainShare,
    double synonymShare,
    double nameShare,
    double negationShare,
    double quantifierShare,
    double connectiveShare,
    double definitionShare) {

  /** The grammar of the built-in tasks and of the model that ships with them. */
  public static final GrammarSettings STANDARD =
      new GrammarSettings(1, 6, 6, 8, 12, 12, 6, 6, 0.5, 0.5, 0.2, 0.2, 0.3, 0.8, 0.2);

  public GrammarSettings {
    if (categories < 4 || conceptsPerCategory < 4 || adjectivePairs < 4) {
      throw new IllegalArgumentException(
          String.format(
              "Cannot build a grammar of %d categories, %d concepts each and %d pairs of"
                  + " adjectives: give at least 4 each",
              categories, conceptsPerCategory, adjectivePairs));
    }
    if (verbs < 2 * categories || agents < 4 || places < 4 || times < 4) {
      throw new IllegalArgumentException(
          String.format(
              "Cannot build a grammar of %d verbs, %d agents, %d places and %d times: give two"
                  + " verbs a category and at least 4 of the others",
              verbs, agents, places, times));
    }
    if (!(trainShare >= 0.5 && trainShare <= 1)) {
      throw new IllegalArgumentException(
          "Cannot train on a share of " + trainShare + " of the words: give 0.5 to 1");
    }
    for (double share :
        new double[] {
          synonymShare, nameShare, negationShare, quantifierShare, connectiveShare, definitionShare
        }) {
      if (!(share >= 0 && share <= 1)) {
        throw new IllegalArgumentException(
            "Cannot use a chance of " + share + " in the grammar: give 0 to 1");
      }
    }
  }
}
