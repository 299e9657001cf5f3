package org.peftsweep.spec;

import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/** Collects what is wrong with a file, each fault once, so that all can be told together. */
final class SpecErrors {
  private final Set<String> sentences = new LinkedHashSet<>();

  void add(String sentence) {
    sentences.add(sentence);
  }

  /** Returns what {@code read} returns, or notes its faults and returns nothing. */
  <T> Optional<T> attempt(Supplier<T> read) {
    try {
      return Optional.of(read.get());
    } catch (SpecException e) {
      sentences.addAll(e.faults());
      return Optional.empty();
    }
  }

  boolean isEmpty() {
    return sentences.isEmpty();
  }

  void throwIfAny() {
    if (!sentences.isEmpty()) {
      throw new SpecException(sentences);
    }
  }
}
