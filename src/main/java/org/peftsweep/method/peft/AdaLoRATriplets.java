package org.peftsweep.method.peft;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.compute.Backend;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.TrainedTensors;

/**
 * Which of a matrix's triplets are left in an adapter of AdaLoRA: PEFT stores no others, and says
 * under {@code rank_pattern} where the stored ones belong.
 *
 * @param left places of the stored triplets, rising
 */
record AdaLoRATriplets(List<Integer> left) {
  private static final String B = ".lora_B";

  /** Returns those of a parameter's matrix; empty where the adapter stores all triplets. */
  static Optional<AdaLoRATriplets> of(PeftFolder adapter, Parameter parameter) {
    if (!adapter.setting("peft_type").map(JsonNode::asText).orElse("").equals("ADALORA")
        || !parameter.name().matches(".*\\.lora_[AEB]")) {
      return Optional.empty();
    }
    String name = parameter.module() + ".lora_E";
    JsonNode pattern = adapter.setting("rank_pattern").orElse(null);
    int rank = parameter.value().shape()[parameter.name().endsWith(B) ? 1 : 0];
    if (pattern == null || pattern.path(name).size() != rank) {
      return Optional.empty();
    }
    List<Integer> left = new ArrayList<>();
    for (int i = 0; i < pattern.get(name).size(); i++) {
      if (pattern.get(name).get(i).asBoolean()) {
        left.add(i);
      }
    }
    return Optional.of(new AdaLoRATriplets(left));
  }

  /** Returns the sizes of a parameter as they are stored. */
  List<Long> shape(Parameter parameter) {
    List<Long> shape = new ArrayList<>(TrainedTensors.shape(parameter));
    shape.set(parameter.name().endsWith(B) ? 1 : 0, (long) left.size());
    return shape;
  }

  /** Returns a parameter's values with the stored ones in their places, E zero in all others. */
  static float[] spread(PeftFolder adapter, Parameter parameter, float[] stored, Backend backend) {
    return of(adapter, parameter)
        .map(triplets -> triplets.spread(parameter, stored, backend))
        .orElse(stored);
  }

  private float[] spread(Parameter parameter, float[] stored, Backend backend) {
    int columns = parameter.value().columns();
    int rows = parameter.value().rows();
    float[] all = TrainedTensors.floats(parameter, backend);
    for (int i = 0; i < left.size(); i++) {
      if (parameter.name().endsWith(B)) {
        for (int row = 0; row < rows; row++) {
          all[row * columns + left.get(i)] = stored[row * left.size() + i];
        }
      } else {
        System.arraycopy(stored, i * columns, all, left.get(i) * columns, columns);
      }
    }
    return all;
  }
}
