package org.peftsweep.data.grammar;

/** The tasks with one text. */
final class SingleTexts {

  private SingleTexts() {}

  /**
   * Acceptable (1): every article agrees with its noun and the verb takes its object. Unacceptable
   * (0): one article of two is of the wrong form, or the object is of a category that the verb does
   * not take. Hard because neither article, noun nor verb says anything alone.
   */
  static Row acceptability(int label, Words words) {
    Word verb = words.any(Kind.VERB);
    Word subject = words.any(Kind.NOUN);
    boolean isMisfit = label == 0 && words.chance(0.4);
    Word object = isMisfit ? words.misfit(verb) : words.object(verb);
    boolean isDisagreement = label == 0 && !isMisfit;
    boolean atSubject = words.coin();
    String text =
        String.join(
            " ",
            article(subject, isDisagreement && atSubject, words),
            words.any(Kind.ADJECTIVE).text(),
            subject.text(),
            verb.text(),
            article(object, isDisagreement && !atSubject, words),
            object.text(),
            "in",
            words.any(Kind.PLACE).text());
    return new Row(text, null, label);
  }

  private static String article(Word noun, boolean isWrong, Words words) {
    boolean isMarked = noun.isMarked() != isWrong;
    return Scene.article(
        new Word(noun.text(), noun.kind(), noun.category(), noun.concept(), isMarked),
        words.coin());
  }

  /**
   * Positive (1) or negative (0) by the adjective of the main clause, turned round by "not". After
   * "but" stands the main clause, after "though" a clause of opposite sentiment that does not
   * count. Hard because the adjective must be combined with a negation and the right one chosen of
   * two.
   */
  static Row sentiment(int label, Words words) {
    Word noun = words.any(Kind.NOUN);
    String topic = Scene.article(noun, true) + " " + noun.text() + " was ";
    if (words.coin()) {
      topic = "in " + words.any(Kind.PLACE).text() + " " + topic;
    }
    String main = predicate(label == 1, words);
    String other = predicate(label == 0, words);
    String text =
        switch (words.below(4)) {
          case 0, 1 -> topic + main;
          case 2 -> topic + other + " but " + main;
          default -> topic + main + " though " + other;
        };
    return new Row(text, null, label);
  }

  private static String predicate(boolean isPraise, Words words) {
    boolean isNegated = words.chance(words.settings().negationShare());
    Word adjective =
        words.where(Kind.ADJECTIVE, word -> word.isMarked() == (isPraise != isNegated));
    return (isNegated ? "not " : words.chance(0.3) ? "very " : "") + adjective.text();
  }
}
