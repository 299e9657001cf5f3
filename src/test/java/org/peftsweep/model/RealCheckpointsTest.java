package org.peftsweep.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.GoldenCase;
import org.peftsweep.TestFolders;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.DenseWeight;
import org.peftsweep.compute.HostKernels;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Weight;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;

/** Holds models to checkpoints of other programs and the numbers that those computed. */
class RealCheckpointsTest {
  static List<String> backends() {
    return HostKernels.backends();
  }

  /** stories260K: a trained Llama; logits of its first 16 positions of greedy text. */
  @ParameterizedTest
  @MethodSource("backends")
  void tellsTheStoryThatLlamaTells(String backendName) throws IOException {
    Path folder = TestFolders.shared("checkpoints").resolve("stories260k");
    float[] wanted = littleEndian(folder.resolve("golden_logits_pos0-15_f32le_16x512.bin"));
    JsonNode story = GoldenCase.json(folder.resolve("golden_greedy.json")).path("ids");
    int tokens = 16;
    int[] ids = IntStream.range(0, tokens).map(i -> story.get(i).asInt()).toArray();
    try (Backend backend = Backends.open(backendName, 1);
        Checkpoint checkpoint = Checkpoint.open(folder);
        Tape tape = new Tape(backend)) {
      Weights weights = new CheckpointWeights(checkpoint).forTrial(backend, new Seeds(0));
      Weight words = weights.base("model.embed_tokens.weight", Weights.Fresh.NORMAL, 512, 64);
      try (Model model = Models.build(checkpoint.config(), 2, backend, weights)) {
        Memory memory = backend.allocate(tokens * 512);
        Tensor logits = new Tensor(memory, 0, tokens, 512);
        int last = checkpoint.config().sizes().layers();
        model.trace(
            (index, hidden) -> {
              if (index == last) {
                // The language-model head is the word embedding itself.
                words.linear(backend, hidden, null, logits);
              }
            });
        tape.startEvaluation();
        model.logits(tape, row(ids));
        float[] actual = floats(backend, logits);
        assertThat(actual).containsExactly(wanted, within(1e-4f));
        for (int i = 0; i < tokens - 1; i++) {
          float[] scores = Arrays.copyOfRange(actual, i * 512, (i + 1) * 512);
          assertThat(largest(scores)).isEqualTo(story.get(i + 1).asInt());
        }
        backend.free(memory);
      }
    }
  }

  /** An untrained BERT whose states ONNX Runtime computed; it has no config.json of its own. */
  @ParameterizedTest
  @MethodSource("backends")
  void seesWhatOnnxRuntimeSees(String backendName) {
    Path folder = TestFolders.shared("checkpoints").resolve("tribuo-tinybert");
    JsonNode golden = GoldenCase.json(folder.resolve("golden.json"));
    ModelConfig config =
        new ModelConfig(
            TinyModels.BERT,
            new ModelConfig.Sizes(1656, 50, 1, 1, 1, 50, 200, 100, 2),
            1e-12,
            new ModelConfig.Dropout(0, 0, 0),
            OptionalInt.of(0),
            Optional.empty(),
            true,
            true,
            true,
            0.02,
            List.of("a", "b"));
    int[] ids = ints(golden.path("input_ids"));
    try (Backend backend = Backends.open(backendName, 1);
        SafeTensors file = SafeTensors.open(folder.resolve("derived_tinybert.safetensors"));
        Tape tape = new Tape(backend);
        Model model = Models.build(config, 50, backend, bare(file, backend))) {
      AtomicReference<float[]> states = new AtomicReference<>();
      model.trace((index, hidden) -> states.set(floats(backend, hidden)));
      tape.startEvaluation();
      float[] pooled = floats(backend, model.logits(tape, row(ids)).value());
      assertThat(states.get())
          .containsExactly(floats(golden.path("expected_last_hidden_state")), within(1e-4f));
      assertThat(pooled)
          .containsExactly(floats(golden.path("expected_pooler_output")), within(1e-4f));
    }
  }

  /** Tensors of a file whose names have no model prefix, and a head that hands its input on. */
  private static Weights bare(SafeTensors file, Backend backend) {
    return new Weights() {
      @Override
      public Weight base(String name, Fresh fresh, int... shape) {
        float[] values = file.floats(name.substring("bert.".length()));
        Tensor tensor = new Tensor(backend.allocate(values.length), 0, shape);
        backend.write(values, 0, tensor, 0, values.length);
        return new DenseWeight(tensor);
      }

      @Override
      public Tensor head(String name, Fresh fresh, int... shape) {
        Tensor tensor = new Tensor(backend.allocate(shape[0] * shape[shape.length - 1]), 0, shape);
        for (int i = 0; i < shape[0] && shape.length == 2; i++) {
          backend.write(new float[] {1}, 0, tensor, i * (shape[1] + 1L), 1);
        }
        return tensor;
      }
    };
  }

  private static Batch row(int[] ids) {
    int[] mask = new int[ids.length];
    Arrays.fill(mask, 1);
    return new Batch(1, ids.length, ids, mask, new int[ids.length], new float[1], new int[1]);
  }

  private static int largest(float[] scores) {
    int best = 0;
    for (int i = 1; i < scores.length; i++) {
      best = scores[i] > scores[best] ? i : best;
    }
    return best;
  }

  private static float[] littleEndian(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[bytes.remaining() / Float.BYTES];
    bytes.asFloatBuffer().get(values);
    return values;
  }

  private static int[] ints(JsonNode array) {
    return IntStream.range(0, array.size()).map(i -> array.get(i).asInt()).toArray();
  }

  /** Returns the numbers of an array of any depth. */
  private static float[] floats(JsonNode array) {
    float[] values = new float[count(array)];
    fill(array, values, 0);
    return values;
  }

  private static int count(JsonNode node) {
    return node.isArray() ? IntStream.range(0, node.size()).map(i -> count(node.get(i))).sum() : 1;
  }

  private static int fill(JsonNode node, float[] values, int at) {
    if (!node.isArray()) {
      values[at] = (float) node.asDouble();
      return at + 1;
    }
    for (JsonNode item : node) {
      at = fill(item, values, at);
    }
    return at;
  }

  private static float[] floats(Backend backend, Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }
}
