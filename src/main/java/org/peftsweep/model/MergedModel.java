package org.peftsweep.model;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.peftsweep.checkpoint.DType;
import org.peftsweep.checkpoint.FloatSource;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.Placement;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.DenseWeight;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Weight;

/**
 * A trained model as a plain one in Hugging Face layout: adapters are folded into the matrices that
 * they adapt, all else is written as it is, in 32-bit floats.
 */
public final class MergedModel {
  private MergedModel() {}

  /**
   * Writes {@code config.json} and {@code model.safetensors} of a trained model.
   *
   * @param config with the labels of the model's head
   */
  public static void write(Path folder, ModelConfig config, Model model, Backend backend) {
    requireMergeable(model);
    Map<Parameter, Tensor> merged = new HashMap<>();
    try {
      for (Norm norm : model.norms()) {
        if (norm.adapter() != null) {
          Tensor gain = copy(backend, norm.gain(), merged);
          norm.adapter().merge(backend, gain, copy(backend, norm.shift(), merged));
        }
      }
      for (Linear linear : model.projections()) {
        if (linear.adapter() != null) {
          Tensor weight = copy(backend, linear.weight(), merged);
          Tensor bias = linear.bias() == null ? null : copy(backend, linear.bias(), merged);
          linear.adapter().merge(backend, linear, weight, bias);
        }
      }
      write(
          folder,
          config,
          model.task(),
          model.parameters(),
          parameter ->
              merged.containsKey(parameter)
                  ? new DenseWeight(merged.get(parameter))
                  : parameter.asWeight(),
          backend);
    } finally {
      merged.values().forEach(tensor -> backend.free(tensor.memory()));
    }
  }

  /**
   * Refuses a model with additions that are no change of its weights.
   *
   * @throws IllegalArgumentException saying so
   */
  public static void requireMergeable(Model model) {
    if (!model.additions().stream().allMatch(Addition::isMergeable)) {
      throw new IllegalArgumentException(
          "Cannot fold what was trained into the base's weights, it adds computations to the model:"
              + " use the kept tensors");
    }
  }

  /**
   * Writes the same files of the base as it was before training, without a head that learns.
   *
   * @param config with the labels of the head that a trained adapter brings
   */
  public static void writeBase(Path folder, ModelConfig config, Model model, Backend backend) {
    List<Parameter> base =
        model.parameters().stream()
            .filter(parameter -> parameter.role() != Role.HEAD || model.isLanguageModel())
            .toList();
    write(folder, config, model.task(), base, Parameter::origin, backend);
  }

  private static void write(
      Path folder,
      ModelConfig config,
      String task,
      List<Parameter> parameters,
      Function<Parameter, Weight> value,
      Backend backend) {
    SafeTensorsWriter writer = new SafeTensorsWriter().metadata("format", "pt");
    Map<String, List<Parameter>> stored = new LinkedHashMap<>();
    for (Parameter parameter : parameters) {
      Placement placement = config.architecture().placement(parameter.name());
      stored.computeIfAbsent(placement.tensor(), name -> new ArrayList<>()).add(parameter);
    }
    stored.forEach(
        (name, parts) -> {
          parts.sort(
              Comparator.comparingInt(part -> config.architecture().placement(part.name()).part()));
          List<Long> shape = TrainedTensors.shape(parts.get(0));
          boolean isTurned = config.architecture().placement(parts.get(0).name()).isTurned();
          List<FloatSource> values =
              parts.stream()
                  .map(part -> TrainedTensors.source(backend, value.apply(part)))
                  .toList();
          writer.add(
              name,
              DType.F32,
              Placement.joinedShape(shape, parts.size(), isTurned),
              Placement.joined(values, shape, isTurned));
        });
    writer.write(folder.resolve("model.safetensors"));
    config.write(folder.resolve("config.json"), task);
  }

  private static Tensor copy(Backend backend, Parameter parameter, Map<Parameter, Tensor> to) {
    Tensor copy = new Tensor(backend.allocate(parameter.size()), 0, parameter.shape());
    to.put(parameter, copy);
    parameter.asWeight().copy(backend, copy);
    return copy;
  }
}
