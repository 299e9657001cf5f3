package org.peftsweep.data.grammar;

import java.util.ArrayList;
import java.util.List;

/** The tasks that compare two texts word by word. */
final class Comparisons {

  private static final List<Slot> SLOTS =
      List.of(Slot.AGENT, Slot.VERB, Slot.ADJECTIVE, Slot.NOUN, Slot.PLACE);
  private static final List<Slot> REWORDED =
      List.of(Slot.VERB, Slot.ADJECTIVE, Slot.NOUN, Slot.PLACE);
  private static final List<Slot> ASKED_ABOUT = List.of(Slot.VERB, Slot.NOUN);

  private Comparisons() {}

  /**
   * Equivalent (1): the second says the same with other words, in another order. Not equivalent
   * (0): likewise, but three words mean something else, or the name is another. Hard because both
   * classes share equally few words: only who knows the synonyms can tell.
   */
  static Row paraphrase(int label, Words words) {
    Scene first = words.scene();
    Scene second = compared(first, label == 0, REWORDED, 3, words);
    return new Row(first.text(), second.text(), label);
  }

  /**
   * Questions that ask the same (1) or not (0), because they ask for time rather than place or
   * about something else.
   */
  static Row questions(int label, Words words) {
    Scene first = words.scene();
    boolean asksPlace = words.coin();
    boolean isOtherKind = label == 0 && words.coin();
    Scene second = compared(first, label == 0 && !isOtherKind, ASKED_ABOUT, 1, words);
    return new Row(
        question(first, asksPlace, words),
        question(second, asksPlace != isOtherKind, words),
        label);
  }

  /**
   * A question for a place or a time, and a sentence that answers it (0) or does not (1), because
   * it tells the other or because it is about something else. Hard because the kind of the question
   * must be matched as well as what it is about.
   */
  static Row answers(int label, Words words) {
    Scene asked = words.scene();
    boolean asksPlace = words.coin();
    boolean isOtherKind = label == 1 && words.coin();
    Scene told = compared(asked, label == 1 && !isOtherKind, ASKED_ABOUT, 1, words);
    boolean tellsPlace = asksPlace != isOtherKind;
    told = tellsPlace ? told.withTime(null) : told.withPlace(null);
    return new Row(question(asked, asksPlace, words), told.text(), label);
  }

  /**
   * A rewording in which some of the slots surely have other words: synonyms, or words that mean
   * something else. So the number of words that two texts share does not tell which.
   *
   * @param changes how many of the slots
   */
  private static Scene compared(
      Scene scene, boolean isAltered, List<Slot> slots, int changes, Words words) {
    boolean isOtherName = isAltered && words.chance(words.settings().nameShare());
    Scene second = words.reworded(scene);
    List<Slot> left = new ArrayList<>(slots);
    for (int i = 0; i < changes; i++) {
      Slot slot = words.pick(left);
      left.remove(slot);
      second =
          isAltered && !isOtherName
              ? words.altered(second, slot)
              : slot.put(second, words.synonym(slot.of(scene)));
    }
    return isOtherName ? words.altered(second, Slot.AGENT) : second;
  }

  private static String question(Scene scene, boolean asksPlace, Words words) {
    String word =
        words.coin()
            ? (asksPlace ? "where" : "when")
            : (asksPlace ? "in what place" : "at what time");
    Scene asked = scene.withAdjective(null);
    return word + " did " + asked.agent().text() + " " + asked.verb().text() + " " + asked.object();
  }

  /**
   * Similarity from 0 to 5: one point for each of agent, verb, adjective, noun and place that means
   * the same, half a point for a noun of the same category and for an opposite adjective.
   *
   * @param level how many of the five mean the same
   */
  static Row similarity(int level, Words words) {
    Scene first = words.scene().withTime(null);
    Scene second = words.reworded(first);
    List<Slot> slots = new ArrayList<>(SLOTS);
    double score = level;
    for (int changes = SLOTS.size() - level; changes > 0; changes--) {
      Slot slot = words.pick(slots);
      slots.remove(slot);
      boolean isRelated = words.coin();
      if (slot == Slot.NOUN && isRelated) {
        second = words.altered(second, slot);
        score += 0.5;
      } else if (slot == Slot.NOUN) {
        int category = first.noun().category();
        second = second.withNoun(words.where(Kind.NOUN, noun -> noun.category() != category));
      } else if (slot == Slot.ADJECTIVE && isRelated) {
        second = second.withAdjective(words.opposite(second.adjective()));
        score += 0.5;
      } else if (slot == Slot.ADJECTIVE) {
        int pair = first.adjective().category();
        second = second.withAdjective(words.where(Kind.ADJECTIVE, word -> word.category() != pair));
      } else {
        second = words.altered(second, slot);
      }
    }
    return new Row(first.text(), second.text(), score);
  }
}
