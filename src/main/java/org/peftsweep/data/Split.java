package org.peftsweep.data;

import java.util.List;
import java.util.Locale;

/** The parts in which a task's rows are published. */
public enum Split {
  TRAIN,
  /** What GLUE calls dev and Hugging Face validation: the reported set. */
  DEV,
  /** Usually without labels. */
  TEST;

  /** File name stems, best first, of the part that feeds that evaluation set. */
  List<String> stems(String evaluationSet) {
    String suffix =
        this == TRAIN || evaluationSet.equals("dev") || evaluationSet.isEmpty()
            ? ""
            : "_" + evaluationSet;
    return switch (this) {
      case TRAIN -> List.of("train");
      case DEV -> List.of("dev" + suffix, "validation" + suffix);
      case TEST -> List.of("test" + suffix);
    };
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
