package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.HostKernels;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

/** A pass of several lanes gives each what a pass of its own does: outputs and gradients. */
class LanesTest {
  private static final Set<Role> TARGETS =
      EnumSet.of(Role.QUERY, Role.VALUE, Role.FFN_UP, Role.FFN_DOWN);

  private Backend backend;
  private Tape tape;

  @BeforeEach
  void open() {
    backend = Backends.open("cpu", 1);
    tape = new Tape(backend);
  }

  @AfterEach
  void close() {
    tape.close();
    backend.close();
  }

  /**
   * Every method that leaves the embeddings frozen beside LoRA and itself, on one architecture; and
   * on each of them all together.
   */
  static Stream<Arguments> packs() {
    List<Method> all =
        MethodContractTest.SAMPLES.values().stream().filter(Method::sharesBase).toList();
    Method lora = new LoRA(3, 6, 0.2);
    Stream<Arguments> pairs =
        all.stream().map(m -> Arguments.of(TinyModels.ROBERTA, List.of(m, lora, m), 9));
    Stream<Arguments> together =
        Architectures.all().stream()
            .flatMap(
                architecture -> {
                  List<Method> fitting =
                      all.stream().filter(m -> MethodContractTest.fits(m, architecture)).toList();
                  return Stream.of(2, 9)
                      .filter(
                          rows -> rows > 2 || MethodContractTest.FAMILIES.contains(architecture))
                      .map(rows -> Arguments.of(architecture, fitting, rows));
                });
    return Stream.concat(pairs, together);
  }

  @ParameterizedTest
  @MethodSource("packs")
  void eachLaneIsAsAlone(Architecture architecture, List<Method> methods, int rows) {
    try (TinyModels.Shared shared = TinyModels.shared(architecture, backend)) {
      List<Model> models = new ArrayList<>();
      List<Batch> batches = new ArrayList<>();
      long[] seeds = new long[methods.size()];
      SplittableRandom random = new SplittableRandom(5);
      for (int lane = 0; lane < methods.size(); lane++) {
        Model model = shared.model();
        Set<Role> targets = methods.get(lane).usesTargets() ? TARGETS : Set.of();
        InitCache cache = InitCache.alone(List.of(TinyModels.batch(1), TinyModels.batch(2)));
        methods
            .get(lane)
            .attach(new AttachContext(model, targets, backend, new Seeds(lane), cache));
        stir(model, random);
        models.add(model);
        batches.add(TinyModels.batch(lane, rows + lane % 4, 9 + lane % 4));
        seeds[lane] = 100 + lane;
      }
      List<List<float[]>> together = new ArrayList<>();
      tape.startTraining(seeds);
      List<int[]> headPositions = Collections.nCopies(models.size(), null);
      List<Var> outputs =
          models.get(0).logits(tape, models, models.get(0).pack(models, batches, headPositions));
      for (int lane = 0; lane < models.size(); lane++) {
        together.add(new ArrayList<>(List.of(TinyModels.read(backend, outputs.get(lane).value()))));
        HostKernels.crossEntropy(tape, outputs.get(lane), TinyModels.classes(batches.get(lane)));
      }
      tape.backward();
      for (int lane = 0; lane < models.size(); lane++) {
        for (Parameter parameter : models.get(lane).trainable()) {
          together.get(lane).add(TinyModels.read(backend, parameter.var().gradient()));
          assertThat(parameter.var().hasGradient()).as(parameter.name()).isTrue();
          parameter.var().clearGradient();
        }
      }
      for (int lane = 0; lane < models.size(); lane++) {
        Model model = models.get(lane);
        tape.startTraining(seeds[lane]);
        Var alone = model.logits(tape, batches.get(lane));
        compare("outputs of " + methods.get(lane), together.get(lane).get(0), alone.value());
        HostKernels.crossEntropy(tape, alone, TinyModels.classes(batches.get(lane)));
        tape.backward();
        int at = 1;
        for (Parameter parameter : model.trainable()) {
          compare(
              parameter.name() + " of " + methods.get(lane),
              together.get(lane).get(at++),
              parameter.var().gradient());
        }
      }
      models.forEach(Model::close);
    }
  }

  /** Moves what learns, so that nothing is zero. */
  private void stir(Model model, SplittableRandom random) {
    for (Parameter parameter : model.trainable()) {
      float[] values = TinyModels.read(backend, parameter.value());
      for (int i = 0; i < values.length; i++) {
        values[i] += (float) (0.1 * random.nextDouble() - 0.05);
      }
      backend.write(values, 0, parameter.value(), 0, values.length);
    }
  }

  private void compare(String what, float[] together, Tensor alone) {
    float[] expected = TinyModels.read(backend, alone);
    float largest = 5e-2f;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertThat(together).as(what).containsExactly(expected, within(1e-5f * largest));
  }
}
