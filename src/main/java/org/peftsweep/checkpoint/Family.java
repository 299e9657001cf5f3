package org.peftsweep.checkpoint;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.peftsweep.data.Shown;

/** The transformer families whose checkpoints can be used. */
public enum Family {
  ROBERTA("roberta.", "gelu", "Roberta", List.of("roberta", "xlm-roberta", "camembert")),
  BERT("bert.", "gelu", "Bert", List.of("bert")),
  LLAMA("model.", "silu", "Llama", List.of("llama"));

  private final String prefix;
  private final String activation;
  private final String className;
  private final List<String> modelTypes;

  Family(String prefix, String activation, String className, List<String> modelTypes) {
    this.prefix = prefix;
    this.activation = activation;
    this.className = className;
    this.modelTypes = modelTypes;
  }

  /** What the names of the base model's tensors begin with in a checkpoint that has a head. */
  public String prefix() {
    return prefix;
  }

  /** Whether it is a bidirectional encoder with learnt positions, as opposed to a decoder. */
  public boolean isEncoder() {
    return this != LLAMA;
  }

  /** The one {@code hidden_act} that the family's models are built with. */
  String activation() {
    return activation;
  }

  /** How the reference library's class names begin, as in {@code RobertaForMaskedLM}. */
  String className() {
    return className;
  }

  /** The {@code model_type} that is written. */
  String modelType() {
    return modelTypes.get(0);
  }

  static Family ofModelType(String modelType, String where) {
    return Arrays.stream(values())
        .filter(family -> family.modelTypes.contains(modelType))
        .findFirst()
        .orElseThrow(
            () ->
                new CheckpointException(
                    "Cannot use model_type = %s in %s: choose one of %s"
                        .formatted(Shown.value(modelType), where, modelTypeList())));
  }

  private static List<String> modelTypeList() {
    return Arrays.stream(values())
        .flatMap(family -> family.modelTypes.stream())
        .collect(Collectors.toList());
  }
}
