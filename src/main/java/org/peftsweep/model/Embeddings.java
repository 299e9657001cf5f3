package org.peftsweep.model;

/** Where tokens become vectors, with what a method puts before them. */
public final class Embeddings {
  private final Parameter words;
  private Prompt prompt;

  Embeddings(Parameter words) {
    this.words = words;
  }

  /** Returns the word embedding {@code [vocabulary, width]}. */
  public Parameter words() {
    return words;
  }

  /** Returns the columns of a token's vector. */
  public int width() {
    return words.shape()[1];
  }

  /** Returns what is put before the tokens, or null. */
  public Prompt prompt() {
    return prompt;
  }

  /** Attaches a prompt; there can be one. */
  public void attach(Prompt added) {
    if (prompt != null) {
      throw new IllegalStateException("Cannot attach a second prompt");
    }
    prompt = added;
  }
}
