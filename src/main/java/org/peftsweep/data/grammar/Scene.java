package org.peftsweep.data.grammar;

import java.util.ArrayList;
import java.util.List;

/**
 * What a clause says: {@code in PLACE AGENT [did not] VERB le [ADJECTIVE] NOUN [at TIME]}. Clauses
 * start with a place or a time, whichever is there, so that no invented word stands first.
 *
 * @param determiner the word before the noun; null: the article that agrees with the noun
 * @param adjective null where there is none
 * @param noun a noun or a hypernym
 * @param place null where there is none; then time is there
 * @param time null where there is none; then place is there
 * @param isNegated whether it did not happen
 * @param startsWithTime which comes first where both are there
 */
record Scene(
    Word agent,
    Word verb,
    String determiner,
    Word adjective,
    Word noun,
    Word place,
    Word time,
    boolean isNegated,
    boolean startsWithTime) {

  /** The article of a noun. */
  static String article(Word noun, boolean isDefinite) {
    return isDefinite ? (noun.isMarked() ? "la" : "le") : (noun.isMarked() ? "una" : "un");
  }

  String text() {
    List<String> words = new ArrayList<>();
    boolean timeFirst = place == null || (time != null && startsWithTime);
    words.add(timeFirst ? "at " + time.text() : "in " + place.text());
    words.add(agent.text());
    words.add((isNegated ? "did not " : "") + verb.text());
    words.add(object());
    if (place != null && time != null) {
      words.add(timeFirst ? "in " + place.text() : "at " + time.text());
    }
    return String.join(" ", words);
  }

  /** Determiner, adjective and noun. */
  String object() {
    String first = determiner == null ? article(noun, true) : determiner;
    return first + (adjective == null ? "" : " " + adjective.text()) + " " + noun.text();
  }

  Scene withAgent(Word other) {
    return new Scene(
        other, verb, determiner, adjective, noun, place, time, isNegated, startsWithTime);
  }

  Scene withVerb(Word other) {
    return new Scene(
        agent, other, determiner, adjective, noun, place, time, isNegated, startsWithTime);
  }

  Scene withDeterminer(String other) {
    return new Scene(agent, verb, other, adjective, noun, place, time, isNegated, startsWithTime);
  }

  Scene withAdjective(Word other) {
    return new Scene(agent, verb, determiner, other, noun, place, time, isNegated, startsWithTime);
  }

  Scene withNoun(Word other) {
    return new Scene(
        agent, verb, determiner, adjective, other, place, time, isNegated, startsWithTime);
  }

  Scene withPlace(Word other) {
    return new Scene(
        agent, verb, determiner, adjective, noun, other, time, isNegated, startsWithTime);
  }

  Scene withTime(Word other) {
    return new Scene(
        agent, verb, determiner, adjective, noun, place, other, isNegated, startsWithTime);
  }

  Scene withNegation(boolean negated) {
    return new Scene(
        agent, verb, determiner, adjective, noun, place, time, negated, startsWithTime);
  }

  Scene withTimeFirst(boolean timeFirst) {
    return new Scene(agent, verb, determiner, adjective, noun, place, time, isNegated, timeFirst);
  }
}
