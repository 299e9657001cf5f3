package org.peftsweep.checkpoint;

import java.util.List;
import java.util.ServiceLoader;
import org.peftsweep.data.Shown;

/** The registry of {@link Architecture}s: those that the class path names as services. */
public final class Architectures {
  private static final List<Architecture> ALL =
      ServiceLoader.load(Architecture.class, Architecture.class.getClassLoader()).stream()
          .map(ServiceLoader.Provider::get)
          .toList();

  private Architectures() {}

  /** Returns all, in the order of the class path. */
  public static List<Architecture> all() {
    return ALL;
  }

  /**
   * Returns the one of a {@code model_type}.
   *
   * @param where the word stands
   * @throws CheckpointException if there is none
   */
  public static Architecture of(String modelType, String where) {
    return ALL.stream()
        .filter(architecture -> architecture.modelTypes().contains(modelType))
        .findFirst()
        .orElseThrow(
            () ->
                new CheckpointException(
                    "Cannot use model_type = %s in %s: choose one of %s%s"
                        .formatted(
                            Shown.name(modelType), where, modelTypes(), closest(modelType))));
  }

  private static String closest(String modelType) {
    return ALL.stream()
        .filter(architecture -> architecture.relatives().contains(modelType))
        .map(architecture -> ", of which " + architecture.modelTypes().get(0) + " is most like it")
        .findFirst()
        .orElse("");
  }

  private static List<String> modelTypes() {
    return ALL.stream().flatMap(architecture -> architecture.modelTypes().stream()).toList();
  }
}
