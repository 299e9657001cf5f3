package org.peftsweep.train;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.TrainedTensors;
import org.peftsweep.spec.AdapterSource;

/** Makes one start of what several adapters put into a model. */
final class MergedStart {
  private MergedStart() {}

  /**
   * Fills a model. A tensor is merged over the adapters that have it; one that none has, such as a
   * head for other labels, stays as it is.
   *
   * @param reads each fills the model as it is now from one adapter, and tells what it filled
   */
  static void fill(
      Model model,
      Backend backend,
      AdapterSource.Merge merge,
      List<Supplier<Set<Parameter>>> reads) {
    if (reads.size() == 1) {
      reads.get(0).get();
      return;
    }
    List<Parameter> tensors = TrainedTensors.of(model);
    Map<Parameter, float[]> before = new LinkedHashMap<>();
    Map<Parameter, List<float[]>> starts = new LinkedHashMap<>();
    for (Parameter parameter : tensors) {
      before.put(parameter, read(backend, parameter.value()));
      starts.put(parameter, new ArrayList<>());
    }
    for (Supplier<Set<Parameter>> read : reads) {
      before.forEach((parameter, values) -> write(backend, values, parameter.value()));
      Set<Parameter> filled = read.get();
      starts.forEach(
          (parameter, all) -> {
            if (filled.contains(parameter)) {
              all.add(read(backend, parameter.value()));
            }
          });
    }
    starts.forEach(
        (parameter, all) ->
            write(
                backend,
                all.isEmpty() ? before.get(parameter) : merged(all, merge),
                parameter.value()));
  }

  static float[] merged(List<float[]> all, AdapterSource.Merge merge) {
    float[] merged = new float[all.get(0).length];
    for (int i = 0; i < merged.length; i++) {
      double total = 0;
      for (float[] one : all) {
        total += one[i];
      }
      double sum = 0;
      int count = 0;
      for (float[] one : all) {
        if (merge == AdapterSource.Merge.MEAN || one[i] * total > 0) {
          sum += one[i];
          count++;
        }
      }
      merged[i] = count == 0 ? 0 : (float) (sum / count);
    }
    return merged;
  }

  private static float[] read(Backend backend, Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }

  private static void write(Backend backend, float[] values, Tensor tensor) {
    backend.write(values, 0, tensor, 0, values.length);
  }
}
