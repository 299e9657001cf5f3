package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.TestFolders;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

/**
 * What an adapter adds to two weights, and its gradients, as PEFT or its authors' code has them.
 */
@Tag("golden")
class PeftLayersTest {
  private static final Map<Role, String> LAYERS = Map.of(Role.QUERY, "query", Role.FFN_UP, "ffn");
  private static final Map<String, Method> METHODS =
      Map.of(
          "vblora", new VBLoRA(3, 7, 8, 3, 1, 0),
          "tinylora", new TinyLoRA(3, 5, 2, 0),
          "hira", new HiRA(3),
          "moslora", new MoSLoRA(3, 4, 0));

  @ParameterizedTest
  @ValueSource(strings = {"vblora", "tinylora", "hira", "moslora"})
  void addsWhatPeftAddsAndLearnsAsPeftDoes(String id) {
    Method method = METHODS.get(id);
    try (SafeTensors wanted =
            SafeTensors.open(TestFolders.golden().resolve("layers/" + id + ".safetensors"));
        Backend backend = Backends.open("cpu", 1);
        Tape tape = new Tape(backend);
        Model model = TinyModels.model(TinyModels.ROBERTA, 1, backend)) {
      method.attach(new AttachContext(model, LAYERS.keySet(), backend, new Seeds(1)));
      List<Linear> targets =
          model.projections().stream().filter(linear -> linear.adapter() != null).toList();
      assertThat(targets).hasSize(2);
      Map<Parameter, String> learnt = new TreeMap<>((a, b) -> a.name().compareTo(b.name()));
      for (Linear target : targets) {
        String layer = LAYERS.get(target.role());
        write(backend, target.weight(), wanted.floats(layer + "/weight"));
        for (Parameter parameter : target.adapter().parameters()) {
          String name = parameter.name().substring(target.name().length() + 1);
          if (parameter.isTrainable()) {
            learnt.put(parameter, ofPeft(layer, name));
            write(backend, parameter, wanted.floats("state/" + ofPeft(layer, name)));
          } else if (!name.equals("vblora_order")) {
            String part = name.replaceAll("lora_([AB])\\.?.*|tinylora_(P)", "$1$2");
            write(backend, parameter, wanted.floats(layer + "/" + part.charAt(0)));
          }
        }
      }
      tape.startTraining(1);
      for (Linear target : targets) {
        String layer = LAYERS.get(target.role());
        Tensor delta =
            new Tensor(backend.allocate(target.weight().size()), 0, target.weight().shape());
        target.adapter().merge(backend, target, delta, null);
        assertThat(TinyModels.read(backend, delta))
            .as(layer)
            .containsExactly(wanted.floats(layer + "/delta"), within(2e-6f));
        loss(tape, target, wanted.floats(layer + "/by"));
      }
      tape.backward();
      learnt.forEach(
          (parameter, name) ->
              assertThat(TinyModels.read(backend, parameter.var().gradient()))
                  .as(name)
                  .containsExactly(wanted.floats("grad/" + name), within(5e-5f)));
    }
  }

  private static String ofPeft(String layer, String name) {
    boolean shared = name.equals("tinylora_v") || name.equals("vblora_vector_bank");
    String start = "base_model.model." + (shared ? "query" : layer) + "." + name;
    if (name.endsWith(".weight")) {
      return start;
    }
    return start + (name.equals("tinylora_v") ? ".default.0" : ".default");
  }

  private static void write(Backend backend, Parameter parameter, float[] values) {
    backend.write(values, 0, parameter.value(), 0, values.length);
  }

  /** {@code Σ ΔW ⊙ by}, as twice the half of what rows of the unit matrix give, less W's part. */
  private static void loss(Tape tape, Linear target, float[] by) {
    Backend backend = tape.backend();
    int in = target.in();
    int out = target.out();
    Tensor unit = tape.arena().take(in, in);
    float[] ones = new float[in * in];
    for (int i = 0; i < in; i++) {
      ones[i * in + i] = 1;
    }
    backend.write(ones, 0, unit, 0, ones.length);
    Tensor zero = tape.arena().take(in, out);
    backend.fill(zero, 0);
    Var y = target.adapter().apply(tape, target, Var.constant(unit), Var.constant(zero));
    // A squared error's gradient is 2/n·(y − wanted): by's transpose, for what is wanted.
    float[] values = TinyModels.read(backend, y.value());
    float[] wanted = new float[values.length];
    for (int i = 0; i < wanted.length; i++) {
      wanted[i] = values[i] - by[i % out * in + i / out] * values.length / 2f;
    }
    tape.meanSquaredError(y, tape.floats(() -> wanted));
  }
}
