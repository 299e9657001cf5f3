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
    List<String> names =
        switch (this) {
          case TRAIN -> List.of("train");
          case DEV -> List.of("dev", "validation", "valid", "val", "eval");
          case TEST -> List.of("test");
        };
    return names.stream().map(name -> name + suffix).toList();
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
