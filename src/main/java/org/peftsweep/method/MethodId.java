package org.peftsweep.method;

import org.peftsweep.optim.Id;

/** The ids that methods' records declare. */
final class MethodId {
  /** Sweeps have many trials, each of which asks. */
  private static final ClassValue<String> IDS =
      new ClassValue<>() {
        @Override
        protected String computeValue(Class<?> method) {
          return method.getAnnotation(Id.class).value();
        }
      };

  private MethodId() {}

  static String of(Class<?> method) {
    return IDS.get(method);
  }
}
