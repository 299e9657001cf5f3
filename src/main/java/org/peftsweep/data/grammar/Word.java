package org.peftsweep.data.grammar;

/**
 * A content word and what a speaker knows of it.
 *
 * @param text its spelling
 * @param kind what it is
 * @param category of a noun or its hypernym: the category; of an adjective: the pair of opposites
 *     that it belongs to; else 0
 * @param concept words of one kind and concept are synonyms
 * @param isMarked of a noun or hypernym: whether its articles are the second form; of an adjective:
 *     whether it praises; else false
 */
record Word(String text, Kind kind, int category, int concept, boolean isMarked) {

  /** Whether both say the same. */
  boolean means(Word other) {
    return kind == other.kind && concept == other.concept;
  }
}
