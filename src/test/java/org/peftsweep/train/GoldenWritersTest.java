package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Completion;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.model.CheckpointWeights;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.TinyModels;

/**
 * Decoders as language models against the reference library: logits, loss on completions, gradients
 * of all weights, and greedy text with its cache of keys and values.
 */
class GoldenWritersTest {
  private static final Path CASES = Path.of("src/test/resources/golden/writers");

  static Stream<Arguments> cases() throws IOException {
    try (Stream<Path> folders = Files.list(CASES)) {
      return folders.filter(Files::isDirectory).sorted().toList().stream()
          .flatMap(
              folder ->
                  Stream.of("cpu", "nd4j")
                      .map(backend -> Arguments.of(folder.getFileName().toString(), backend)));
    }
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("cases")
  void writesAsTheReferenceDoes(String name, String backendName) {
    Path folder = CASES.resolve(name);
    try (Backend backend = Backends.open(backendName, 1);
        Checkpoint checkpoint = Checkpoint.open(folder);
        SafeTensors golden = SafeTensors.open(folder.resolve("tensors.safetensors"));
        Tape tape = new Tape(backend);
        Model model =
            Models.build(
                checkpoint.config(),
                Task.NEXT_TOKEN,
                backend,
                new CheckpointWeights(checkpoint).forTrial(backend, new Seeds(0)))) {
      model.parameters().forEach(parameter -> parameter.train(backend));
      int[] ids = ints(golden, "in/input_ids");
      int[] mask = ints(golden, "in/attention_mask");
      int[] labels = ints(golden, "in/labels");
      int rows = 3;
      int tokens = ids.length / rows;
      Batch batch =
          new Batch(rows, tokens, ids, mask, new int[ids.length], new float[rows], new int[rows]);
      int[] all = new int[ids.length];
      Arrays.setAll(all, i -> i);
      int[] next = new int[ids.length];
      Arrays.setAll(next, i -> (i + 1) % tokens == 0 ? -1 : Math.max(-1, labels[i + 1]));
      tape.startTraining(0);
      Var outputs = model.logits(tape, batch, all);
      float[] logits = TinyModels.read(backend, outputs.value());
      double loss = tape.number(tape.crossEntropy(outputs, tape.ints(() -> next)));
      tape.backward();
      float[] wanted = floats(golden, "out/logits");
      int width = wanted.length / ids.length;
      for (int i = 0; i < ids.length; i++) {
        if (mask[i] == 1) {
          assertThat(Arrays.copyOfRange(logits, i * width, (i + 1) * width))
              .as("logits at %d", i)
              .containsExactly(
                  Arrays.copyOfRange(wanted, i * width, (i + 1) * width), within(2e-4f));
        }
      }
      assertThat(loss).isCloseTo(floats(golden, "out/loss")[0], within(2e-5));
      int held = 0;
      for (Parameter parameter : model.parameters()) {
        // What files hold joined has other names there; its gradients are held as a classifier's.
        if (!golden.shapes().containsKey("grad/" + parameter.name())) {
          continue;
        }
        held++;
        float[] gradient = floats(golden, "grad/" + parameter.name());
        if (name.equals("gpt2") && parameter.name().contains(".c_")) {
          gradient = turned(gradient, parameter.shape());
        }
        float[] own = TinyModels.read(backend, parameter.var().gradient());
        assertThat(own).as(parameter.name()).containsExactly(gradient, within(3e-4f));
      }
      assertThat(held).isGreaterThan(model.parameters().size() / 2);
      int[] greedy = ints(golden, "out/greedy");
      Batch prompt =
          new Batch(
              1,
              5,
              Arrays.copyOf(ids, 5),
              Arrays.copyOf(mask, 5),
              new int[5],
              new float[1],
              new int[1]);
      Completion how =
          new Completion(
              Completion.Form.PROMPT, Completion.LossOn.COMPLETIONS, greedy.length, 0, 1);
      List<int[]> told = new ArrayList<>();
      new TextWriter(how, Set.of(), 64, new SplittableRandom(0))
          .write(tape, NextTokens.of(model), prompt, told::add);
      assertThat(told.get(0)).isEqualTo(greedy);
    }
  }

  /** GPT-2's files hold matrices turned. */
  private static float[] turned(float[] values, int... shape) {
    float[] turned = new float[values.length];
    int columns = shape[shape.length - 1];
    int rows = values.length / columns;
    for (int i = 0; i < values.length; i++) {
      turned[i] = values[i % columns * rows + i / columns];
    }
    return shape.length == 1 ? values : turned;
  }

  private static int[] ints(SafeTensors golden, String name) {
    return Arrays.stream(golden.longs(name)).mapToInt(Math::toIntExact).toArray();
  }

  private static float[] floats(SafeTensors golden, String name) {
    int count =
        golden.shapes().get(name).stream().mapToInt(Math::toIntExact).reduce(1, (a, b) -> a * b);
    float[] values = new float[count];
    golden.floats(name, 0, values, 0, count);
    return values;
  }
}
