package org.peftsweep.model;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.peftsweep.checkpoint.DType;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;

/**
 * A trained model as a plain one in Hugging Face layout: adapters are folded into the matrices that
 * they adapt, all else is written as it is, in 32-bit floats.
 */
public final class MergedModel {
  private MergedModel() {}

  /**
   * Writes {@code config.json} and {@code model.safetensors}.
   *
   * @param config with the labels of the model's head
   */
  public static void write(Path folder, ModelConfig config, Model model, Backend backend) {
    Map<Parameter, Tensor> merged = new HashMap<>();
    try {
      for (Linear linear : model.projections()) {
        if (linear.adapter() != null) {
          Tensor weight = copy(backend, linear.weight(), merged);
          Tensor bias = linear.bias() == null ? null : copy(backend, linear.bias(), merged);
          linear.adapter().merge(backend, linear, weight, bias);
        }
      }
      SafeTensorsWriter writer = new SafeTensorsWriter().metadata("format", "pt");
      for (Parameter parameter : model.parameters()) {
        Tensor value = merged.getOrDefault(parameter, parameter.value());
        writer.add(
            parameter.name(),
            DType.F32,
            TrainedTensors.shape(parameter),
            TrainedTensors.source(backend, value));
      }
      writer.write(folder.resolve("model.safetensors"));
      config.write(folder.resolve("config.json"), "ForSequenceClassification");
    } finally {
      merged.values().forEach(tensor -> backend.free(tensor.memory()));
    }
  }

  private static Tensor copy(Backend backend, Parameter parameter, Map<Parameter, Tensor> to) {
    Memory memory = backend.allocate(parameter.size());
    Tensor copy = new Tensor(memory, 0, parameter.value().shape());
    to.put(parameter, copy);
    backend.copy(parameter.value(), copy);
    return copy;
  }
}
