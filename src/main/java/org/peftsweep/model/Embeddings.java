package org.peftsweep.model;

/** Where tokens become vectors, with what a method puts before them. */
public final class Embeddings {
  private final Parameter words;
  private final float factor;
  private Prompt prompt;

  Embeddings(Parameter words) {
    this(words, 1);
  }

  /**
   * The same of a model that scales its words.
   *
   * @param factor what their rows are multiplied by; prompts are not
   */
  Embeddings(Parameter words, float factor) {
    this.words = words;
    this.factor = factor;
  }

  /** Returns the word embedding {@code [vocabulary, width]}. */
  public Parameter words() {
    return words;
  }

  /** Returns what the model multiplies the row of a word by, which a prompt in its place is not. */
  public float factor() {
    return factor;
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
