package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.HFT.Resample;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;
import org.peftsweep.optim.Updates;

/** Over tiny models of 8 layers. */
class HFTTest {
  private static final int LAYERS = 8;
  private static final Set<Role> ATTENTION = Set.of(Role.QUERY, Role.KEY, Role.VALUE, Role.OUTPUT);
  private static final Set<Role> FEED_FORWARD = Set.of(Role.FFN_GATE, Role.FFN_UP, Role.FFN_DOWN);

  @TempDir Path folder;
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

  private Model model(Architecture architecture) {
    return TinyModels.model(architecture, LAYERS, backend);
  }

  private MethodHooks attach(HFT method, Model model, long seed) {
    return method.attach(new AttachContext(model, Set.of(), backend, new Seeds(seed)));
  }

  private static Stream<Parameter> learning(Model model) {
    return model.trainable().stream()
        .filter(parameter -> parameter.role() != Role.HEAD && !parameter.isResting());
  }

  /** The names of the modules that learn under a seed of the draw and one of the trial. */
  private Set<String> half(Architecture architecture, Resample resample, long draw, long seed) {
    try (Model model = model(architecture)) {
      attach(new HFT(2, draw, resample), model, seed);
      return learning(model).map(Parameter::module).collect(Collectors.toSet());
    }
  }

  @ParameterizedTest
  @EnumSource(Resample.class)
  void theTrialsSeedDrawsTooUnlessTheHalfIsTheSameForAll(Resample resample) {
    Set<String> half = half(TinyModels.ROBERTA, resample, 0, 1);

    assertThat(half(TinyModels.ROBERTA, resample, 0, 1)).isEqualTo(half);
    assertThat(half(TinyModels.ROBERTA, resample, 1, 1)).isNotEqualTo(half);
    assertThat(half(TinyModels.ROBERTA, resample, 0, 2).equals(half))
        .isEqualTo(resample == Resample.NEVER);
  }

  @ParameterizedTest
  @EnumSource(Resample.class)
  void halfOfEachCategoryLearnsInEachLayer(Resample resample) {
    try (Model model = model(TinyModels.LLAMA)) {
      attach(new HFT(2, 0, resample), model, 3);
      List<Integer> ofFeedForward = new ArrayList<>();
      for (int layer = 0; layer < LAYERS; layer++) {
        assertThat(modules(model, layer, ATTENTION)).hasSize(2);
        assertThat(modules(model, layer, Set.of(Role.NORM))).hasSize(1);
        ofFeedForward.add(modules(model, layer, FEED_FORWARD).size());
      }
      assertThat(ofFeedForward).containsOnly(1, 2);
      assertThat(ofFeedForward.stream().mapToInt(count -> count).sum()).isEqualTo(3 * LAYERS / 2);
      assertThat(learning(model)).noneMatch(parameter -> parameter.layer() < 0);
    }
  }

  private static Set<String> modules(Model model, int layer, Set<Role> roles) {
    return learning(model)
        .filter(parameter -> parameter.layer() == layer && roles.contains(parameter.role()))
        .map(Parameter::module)
        .collect(Collectors.toSet());
  }

  @Test
  void theLayersInWhichOneMoreLearnsAreDrawn() {
    Set<Set<Integer>> drawn =
        LongStream.range(0, 12)
            .mapToObj(
                draw ->
                    half(TinyModels.LLAMA, Resample.NEVER, draw, 0).stream()
                        .filter(module -> module.contains(".mlp."))
                        .map(module -> Integer.parseInt(module.split("\\.")[2]))
                        .collect(Collectors.groupingBy(layer -> layer, Collectors.counting())))
            .map(
                counts ->
                    counts.entrySet().stream()
                        .filter(count -> count.getValue() == 2)
                        .map(Map.Entry::getKey)
                        .collect(Collectors.toSet()))
            .collect(Collectors.toSet());

    assertThat(drawn).hasSizeGreaterThan(8).allMatch(layers -> layers.size() == LAYERS / 2);
  }

  @ParameterizedTest
  @EnumSource(Resample.class)
  void countsWhatLearnsUnderTheTrialsSeed(Resample resample) {
    Set<Long> counts = new HashSet<>();
    for (long seed = 0; seed < 4; seed++) {
      HFT method = new HFT(2, 0, resample);
      // Key and value of one head of three, so that halves differ in size.
      try (Model model = model(TinyModels.LLAMA)) {
        long declared = method.trainable(model, Set.of(), new Seeds(seed));
        MethodHooks attached = attach(method, model, seed);
        assertThat(learning(model).mapToLong(Parameter::size).sum()).isEqualTo(declared);
        assertThat(
                model.trainable().stream()
                    .filter(parameter -> parameter.role() != Role.HEAD)
                    .mapToLong(attached::learning)
                    .sum())
            .isEqualTo(declared);
        counts.add(declared);
      }
    }
    assertThat(counts.size() > 1).isEqualTo(resample != Resample.NEVER);
  }

  @Test
  void whatIsNotOfTheHalfRestsWithoutGradientAndKeepsItsMoments() throws IOException {
    int perEpoch = 3;
    int steps = 4 * perEpoch;
    try (Model model = model(TinyModels.ROBERTA)) {
      MethodHooks attached = attach(new HFT(2, 0, Resample.EPOCH), model, 1);
      List<Parameter> all = model.trainable();
      int[] taken = new int[all.size()];
      float[][] moments = new float[all.size()][];
      Set<Set<String>> halves = new HashSet<>();
      try (Updates updates = TrainingSteps.updates(model, attached, backend)) {
        for (int step = 0; step < steps; step++) {
          if (step % perEpoch == 0) {
            attached.beforeEpoch(step / perEpoch);
            halves.add(learning(model).map(Parameter::name).collect(Collectors.toSet()));
          }
          List<float[]> before = all.stream().map(this::floats).toList();
          TrainingSteps.take(model, attached, updates, tape, step, steps);
          long awake = 0;
          for (int i = 0; i < all.size(); i++) {
            boolean isResting = all.get(i).isResting();
            boolean isMoved = !Arrays.equals(floats(all.get(i)), before.get(i));
            assertThat(isMoved).as(all.get(i).name()).isNotEqualTo(isResting);
            taken[i] += isResting ? 0 : 1;
            awake += isResting ? 0 : all.get(i).size();
          }
          // Two floats a scalar; those of others lie in ordinary memory.
          assertThat(updates.stateBytes()).isEqualTo(2 * Float.BYTES * awake);
          remember(all, updates, taken, moments);
        }
      }
      assertThat(halves).hasSize(4);
      assertThat(IntStream.of(taken).boxed()).contains(perEpoch, 2 * perEpoch, steps);
    }
  }

  /** Checks that Adam counts the steps that were taken, and that moments rest as they were. */
  private void remember(List<Parameter> all, Updates updates, int[] taken, float[][] moments)
      throws IOException {
    Path file = folder.resolve("state.safetensors");
    StateWriter writer = new StateWriter();
    updates.save(writer);
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      channel.truncate(0);
      writer.write(channel);
    }
    try (StateReader reader = StateReader.open(file)) {
      for (int i = 0; i < all.size(); i++) {
        String name = all.get(i).name();
        StateReader own = reader.under(name);
        assertThat(own.wholeNumber("steps")).as(name).isEqualTo(taken[i]);
        if (taken[i] > 0) {
          float[] now = own.floats("values");
          if (all.get(i).isResting()) {
            assertThat(now).as(name).isEqualTo(moments[i]);
          }
          moments[i] = now;
        }
      }
    }
  }

  private float[] floats(Parameter parameter) {
    return TinyModels.read(backend, parameter.value());
  }
}
