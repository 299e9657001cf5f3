package org.peftsweep.data.grammar;

import java.util.List;

/** The tasks of entailment. */
final class Inferences {

  private static final int ENTAILMENT = 0;
  private static final int NEUTRAL = 1;
  private static final int CONTRADICTION = 2;

  private Inferences() {}

  /**
   * Entailment (0): the hypothesis says the same or less, with a hypernym or synonyms. Neutral (1):
   * it is more specific, or tells a time where the premise tells a place. Contradiction (2): an
   * opposite adjective, or only one of both is negated. Hard because hypernyms must be known, their
   * direction matters and turns round under negation, and "not" counts only against the other text.
   */
  static Row threeWay(int label, Words words) {
    Scene premise = words.scene().withNegation(words.chance(words.settings().negationShare()));
    Scene hypothesis = words.reworded(premise);
    boolean tellsPlace = words.coin();
    boolean isOtherAdjunct = label == NEUTRAL && words.coin();
    boolean isOpposite = label == CONTRADICTION && !premise.isNegated() && words.coin();
    if (isOpposite) {
      hypothesis = hypothesis.withAdjective(words.opposite(hypothesis.adjective()));
    } else if (label == CONTRADICTION) {
      hypothesis = hypothesis.withNegation(!premise.isNegated());
    }
    Generality generality;
    if (isOtherAdjunct) {
      generality = words.pick(List.of(Generality.values()));
    } else if (isOpposite) {
      generality = words.pick(List.of(Generality.NEITHER, Generality.BOTH));
    } else if ((label == NEUTRAL) == premise.isNegated()) {
      generality = Generality.HYPOTHESIS;
    } else {
      generality = Generality.PREMISE;
    }
    if (label != NEUTRAL && !isOpposite) {
      generality = words.pick(List.of(Generality.NEITHER, Generality.BOTH, generality));
    }
    Word hypernym = words.hypernym(premise.noun().category());
    premise = generality.inPremise ? premise.withNoun(hypernym) : premise;
    hypothesis = generality.inHypothesis ? hypothesis.withNoun(hypernym) : hypothesis;
    // What did not happen there and then may have happened there at another time.
    boolean isAdjunctDropped = premise.isNegated() || words.coin();
    if (isOtherAdjunct) {
      premise = tellsPlace ? premise.withPlace(null) : premise.withTime(null);
    } else if (isAdjunctDropped) {
      premise = tellsPlace ? premise.withTime(null) : premise.withPlace(null);
    }
    hypothesis = tellsPlace ? hypothesis.withTime(null) : hypothesis.withPlace(null);
    return new Row(premise.text(), hypothesis.text(), label);
  }

  /** Which of both texts names the category rather than the thing. */
  private enum Generality {
    NEITHER(false, false),
    BOTH(true, true),
    PREMISE(true, false),
    HYPOTHESIS(false, true);

    private final boolean inPremise;
    private final boolean inHypothesis;

    Generality(boolean inPremise, boolean inHypothesis) {
      this.inPremise = inPremise;
      this.inHypothesis = inHypothesis;
    }
  }

  /**
   * Entailment (0) or not (1) between a noun and a hypernym. With "some", the hypernym follows from
   * the noun; with "every" and "no", the noun from the hypernym. Not entailed: the other direction,
   * or a category that the noun is not of. The hardest, as in GLUE: quantifier, direction and
   * category must all be combined.
   */
  static Row twoWay(int label, Words words) {
    Scene base = words.scene().withAdjective(null).withTime(null);
    boolean isUpward = !words.chance(words.settings().quantifierShare());
    String quantifier = isUpward ? "some" : words.coin() ? "every" : "no";
    base = base.withDeterminer(quantifier);
    int category = base.noun().category();
    boolean isOtherCategory = label == 1 && words.chance(0.6);
    int named = isOtherCategory ? words.otherCategory(base.verb(), category) : category;
    Scene specific = base;
    Scene general = base.withNoun(words.hypernym(named));
    boolean hypernymLast = isUpward == (label == ENTAILMENT || isOtherCategory);
    Scene premise = hypernymLast ? specific : general;
    Scene hypothesis = words.reworded(hypernymLast ? general : specific);
    return new Row(premise.text(), hypothesis.text(), label);
  }
}
