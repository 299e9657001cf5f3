package org.peftsweep.data.grammar;

/** What a word of the grammar is. */
enum Kind {
  NOUN,
  /** The name of a category of nouns. */
  HYPERNYM,
  ADJECTIVE,
  VERB,
  AGENT,
  PLACE,
  TIME
}
