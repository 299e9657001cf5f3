package org.peftsweep.method;

import java.util.Locale;

/** The ids of methods' records. */
final class MethodId {
  /** Sweeps have many trials, each of which asks. */
  private static final ClassValue<String> IDS =
      new ClassValue<>() {
        @Override
        protected String computeValue(Class<?> method) {
          return method
              .getSimpleName()
              .replaceAll("([a-z])((?!Lo[Rr])[A-Z][a-z])", "$1-$2")
              .toLowerCase(Locale.ROOT);
        }
      };

  private MethodId() {}

  /**
   * Returns the id of a record: {@code LoRA} is {@code lora}, {@code HeadOnly} {@code head-only},
   * {@code AdaLoRA} {@code adalora}.
   */
  static String of(Class<?> method) {
    return IDS.get(method);
  }
}
