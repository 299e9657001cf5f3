package org.peftsweep.method.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.DoRA;
import org.peftsweep.method.LoHa;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;
import org.peftsweep.method.RSLoRA;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;
import org.peftsweep.model.TrainedTensors;

/** Adapters of matrices that the reference library has joined or turned. */
class JoinedLowRanksTest {
  private static final int RANK = 2;
  private static final double ALPHA = 6;
  private static final String MODULE = "transformer.h.1.attn.c_attn";

  @TempDir Path folder;

  static List<Arguments> methods() {
    return List.of(
        Arguments.of(new LoRA(RANK, ALPHA, 0), EnumSet.of(Role.QUERY, Role.VALUE)),
        Arguments.of(new LoRA(RANK, ALPHA, 0), EnumSet.of(Role.KEY, Role.FFN_DOWN)),
        Arguments.of(new RSLoRA(RANK, ALPHA, 0), EnumSet.of(Role.QUERY, Role.KEY, Role.VALUE)));
  }

  @ParameterizedTest
  @MethodSource("methods")
  void oneLoraOfTheWholeGivesEachPartItsUpdate(Method method, Set<Role> targets) {
    try (Backend backend = Backends.open("cpu", 1);
        Model model = TinyModels.model(Architectures.of("gpt2", "a test"), backend)) {
      method.attach(new AttachContext(model, targets, backend, new Seeds(1)));
      SplittableRandom random = new SplittableRandom(3);
      for (Parameter parameter : model.trainable()) {
        float[] values = new float[(int) parameter.size()];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) random.nextGaussian();
        }
        backend.write(values, 0, parameter.value(), 0, values.length);
      }
      PeftAdapter.write(folder, method, model, AdapterLayout.NONE, backend, "base", 1);
      try (PeftFolder adapter = PeftFolder.open(folder)) {
        assertThat(adapter.setting("fan_in_fan_out").orElseThrow().booleanValue()).isTrue();
        assertThat(adapter.setting("target_modules").orElseThrow().toString()).contains(MODULE);
        int rank = adapter.setting("rank_pattern").orElseThrow().path(MODULE).intValue();
        double alpha = adapter.setting("alpha_pattern").orElseThrow().path(MODULE).doubleValue();
        boolean isRooted = method instanceof RSLoRA;
        double whole = alpha / (isRooted ? Math.sqrt(rank) : rank);
        double own = ALPHA / (isRooted ? Math.sqrt(RANK) : RANK);
        assertThat(whole).isCloseTo(own, within(1e-12));
        int width = 24;
        String name = PeftFolder.PREFIX + MODULE;
        float[] a = adapter.floats(name + ".lora_A.weight");
        float[] b = adapter.floats(name + ".lora_B.weight");
        assertThat(adapter.shape(name + ".lora_B.weight")).containsExactly(72L, (long) rank);
        double[] update = product(b, a, 3 * width, rank, width);
        double[] expected = new double[update.length];
        for (Linear linear : model.projections()) {
          int part = List.of("query", "key", "value").indexOf(linear.role().id());
          if (linear.layer() == 1 && linear.adapter() != null && part >= 0) {
            List<Parameter> kept = linear.adapter().kept();
            double[] of =
                product(
                    TrainedTensors.floats(kept.get(1), backend),
                    TrainedTensors.floats(kept.get(0), backend),
                    width,
                    RANK,
                    width);
            System.arraycopy(of, 0, expected, part * width * width, of.length);
          }
        }
        assertThat(update).containsExactly(expected, within(1e-4));
        assertThat(adapter.names()).noneMatch(stored -> stored.contains("c_attn." + "query"));
      }
    }
  }

  private static double[] product(float[] b, float[] a, int rows, int inner, int columns) {
    double[] product = new double[rows * columns];
    for (int i = 0; i < rows; i++) {
      for (int k = 0; k < inner; k++) {
        for (int j = 0; j < columns; j++) {
          product[i * columns + j] += (double) b[i * inner + k] * a[k * columns + j];
        }
      }
    }
    return product;
  }

  @Test
  void whatPeftCannotSayIsRefusedInOneSentence() {
    TreeMap<String, Method> methods = new TreeMap<>();
    methods.put("dora", new DoRA(RANK, ALPHA, 0));
    methods.put("loha", new LoHa(RANK, ALPHA));
    methods.forEach(
        (id, method) -> {
          try (Backend backend = Backends.open("cpu", 1);
              Model model = TinyModels.model(Architectures.of("gpt2", "a test"), backend)) {
            method.attach(
                new AttachContext(
                    model, EnumSet.of(Role.QUERY, Role.OUTPUT), backend, new Seeds(1)));
            assertThatThrownBy(() -> PeftAdapter.requireForm(method, model))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                    "Cannot write %s as a PEFT adapter, PEFT cannot say it of matrices that this"
                            .formatted(id)
                        + " model's files have joined or turned: export the merged model");
          }
        });
  }
}
