package org.peftsweep.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Weight;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;

/** Models that take what their lowest layers give from a cache compute the same bits. */
class FrozenPrefixTest {
  private static final int LAYERS = 4;
  private static final int TOKENS = 16;
  private static final int WIDTH = 128;

  /** Rows of a batch whose products add up alike, with a processor's best kernels. */
  private static final int ROWS = 32;

  private Backend backend;

  /** Keeps all, and counts. */
  private static final class Counting implements PrefixCache {
    private final Map<IntBuffer, float[]> kept = new HashMap<>();
    private int found;
    private int missed;

    @Override
    public boolean read(Backend reader, IntBuffer key, Tensor states) {
      float[] values = kept.get(key);
      if (values == null) {
        missed++;
        return false;
      }
      found++;
      reader.write(values, 0, states, 0, values.length);
      return true;
    }

    @Override
    public void keep(Backend writer, IntBuffer key, Tensor states) {
      float[] values = TinyModels.read(writer, states);
      float[] before = kept.putIfAbsent(key, values);
      assertThat(before == null ? values : before).isEqualTo(values);
    }
  }

  /** Weights of a base that models share, each with a head of its own. */
  private record Shared(
      Backend backend, Map<String, Weight> base, PrefixCache prefixes, ElementType type)
      implements Weights {
    @Override
    public Weight base(String name, Fresh fresh, int... shape) {
      return base.computeIfAbsent(name, n -> random().base(n, fresh, shape));
    }

    @Override
    public Tensor head(String name, Fresh fresh, int... shape) {
      return random().head(name, fresh, shape);
    }

    private RandomWeights random() {
      return new RandomWeights(backend, 0.2, new Seeds(3), type);
    }
  }

  static Stream<Arguments> bases() {
    return Architectures.all().stream()
        .filter(architecture -> architecture instanceof ModelArchitecture)
        .flatMap(
            architecture ->
                Stream.of("cpu", "nd4j")
                    .flatMap(
                        name ->
                            Stream.of(ElementType.F32, ElementType.BF16)
                                .filter(type -> name.equals("cpu") || type == ElementType.F32)
                                .map(type -> Arguments.of(architecture, name, type))));
  }

  @AfterEach
  void close() {
    if (backend != null) {
      backend.close();
    }
  }

  @ParameterizedTest
  @MethodSource("bases")
  void anyPassesGiveTheSameBits(Architecture architecture, String name, ElementType type) {
    backend = Backends.open(name, 1);
    ModelConfig config = config(architecture, 0);
    Counting cache = new Counting();
    Map<String, Weight> base = new HashMap<>();
    List<Batch> pool = pool();
    SplittableRandom random = new SplittableRandom(5);
    try (Tape tape = new Tape(backend)) {
      for (int round = 0; round < 12; round++) {
        // The lowest layer that learns; as many as there are for the head alone.
        int lowest = random.nextInt(LAYERS + 1);
        boolean trains = random.nextBoolean();
        int lanes = 1 + random.nextInt(2);
        long draw = random.nextLong();
        List<float[]> wanted =
            pass(tape, config, base, null, type, lowest, trains, lanes, pool, draw);
        // The second time all is known that is kept of such a pass.
        for (int time = 0; time < 2; time++) {
          List<float[]> given =
              pass(tape, config, base, cache, type, lowest, trains, lanes, pool, draw);
          assertThat(given).hasSameSizeAs(wanted);
          for (int i = 0; i < wanted.size(); i++) {
            assertThat(given.get(i)).as("round " + round).isEqualTo(wanted.get(i));
          }
        }
      }
    }
    assertThat(cache.found).isPositive();
    base.values().forEach(weight -> weight.free(backend));
  }

  /** An epoch in another order, and a trial whose lowest layer is higher, compute nothing anew. */
  @Test
  void whatOneKeptServesOthers() {
    backend = Backends.open("cpu", 1);
    ModelConfig config = config(TinyModels.ROBERTA, 0);
    Counting cache = new Counting();
    Map<String, Weight> base = new HashMap<>();
    List<Batch> pool = pool();
    boolean byExample = backend.sumsRowsAlike(ROWS / 2 * TOKENS, WIDTH, WIDTH);
    try (Tape tape = new Tape(backend)) {
      pass(tape, config, base, cache, ElementType.F32, 2, false, 1, pool, 1);
      assertThat(cache.kept.size() > 1).isEqualTo(byExample);
      assertThat(cache.found).isZero();
      pass(tape, config, base, cache, ElementType.F32, 2, false, 1, pool, 1);
      assertThat(cache.found).isEqualTo(cache.kept.size());
      int found = cache.found;
      pass(tape, config, base, cache, ElementType.F32, 3, false, 1, pool, 1);
      assertThat(cache.found).isEqualTo(2 * found);
      assertThat(cache.kept).hasSize(2 * found);
    }
    base.values().forEach(weight -> weight.free(backend));
  }

  @Test
  void whereDropoutActsOnlyEvaluationsAreServed() {
    backend = Backends.open("cpu", 1);
    ModelConfig config = config(TinyModels.ROBERTA, 0.1);
    Counting cache = new Counting();
    Map<String, Weight> base = new HashMap<>();
    try (Tape tape = new Tape(backend)) {
      pass(tape, config, base, cache, ElementType.F32, 2, true, 1, pool(), 1);
      assertThat(cache.kept).isEmpty();
      assertThat(cache.missed).isZero();
      pass(tape, config, base, cache, ElementType.F32, 2, false, 1, pool(), 1);
      assertThat(cache.kept).isNotEmpty();
    }
    base.values().forEach(weight -> weight.free(backend));
  }

  /** Returns outputs, and gradients where it trains, of models whose layers learn from one on. */
  private List<float[]> pass(
      Tape tape,
      ModelConfig config,
      Map<String, Weight> base,
      PrefixCache cache,
      ElementType type,
      int lowest,
      boolean trains,
      int lanes,
      List<Batch> pool,
      long draw) {
    SplittableRandom random = new SplittableRandom(draw);
    List<Model> models = new ArrayList<>();
    List<Batch> batches = new ArrayList<>();
    List<int[]> positions = new ArrayList<>();
    for (int lane = 0; lane < lanes; lane++) {
      Model model = Models.build(config, 2, backend, new Shared(backend, base, cache, type));
      if (lowest < LAYERS) {
        int learns = lowest + lane % (LAYERS - lowest);
        model.projections().stream()
            .filter(linear -> linear.layer() == learns)
            .forEach(linear -> linear.weight().train(backend));
      }
      models.add(model);
      batches.add(batch(pool, random));
      positions.add(null);
    }
    if (trains) {
      tape.startTraining(new long[lanes]);
    } else {
      tape.startEvaluation();
    }
    List<float[]> results = new ArrayList<>();
    var outputs =
        models.get(0).logits(tape, models, models.get(0).pack(models, batches, positions));
    for (int lane = 0; lane < lanes; lane++) {
      results.add(TinyModels.read(backend, outputs.get(lane).value()));
      if (trains) {
        tape.lane(lane);
        int rows = batches.get(lane).rows();
        tape.crossEntropy(outputs.get(lane), tape.ints(() -> new int[rows]));
      }
    }
    if (trains) {
      tape.backward();
      models.forEach(
          model ->
              model
                  .trainable()
                  .forEach(p -> results.add(TinyModels.read(backend, p.var().gradient()))));
    }
    models.forEach(Model::close);
    return results;
  }

  /** Draws some examples of the pool, in any order; all of one length. */
  private static Batch batch(List<Batch> pool, SplittableRandom random) {
    Batch all = pool.get(random.nextInt(pool.size()));
    int[] rows = new int[ROWS];
    for (int i = 0; i < ROWS; i++) {
      rows[i] = i;
    }
    for (int i = ROWS - 1; i > 0; i--) {
      int other = random.nextInt(i + 1);
      int row = rows[i];
      rows[i] = rows[other];
      rows[other] = row;
    }
    return all.some(java.util.Arrays.copyOf(rows, ROWS / 2 + random.nextInt(ROWS / 2 + 1)));
  }

  private static List<Batch> pool() {
    return List.of(TinyModels.batch(1, ROWS, TOKENS), TinyModels.batch(2, ROWS, TOKENS - 3));
  }

  private static ModelConfig config(Architecture architecture, double dropout) {
    ModelConfig tiny = TinyModels.config(architecture, LAYERS, 50, 32);
    ModelConfig.Sizes sizes = tiny.sizes();
    int keys = sizes.keyValueHeads() == sizes.heads() ? 4 : 2;
    return new ModelConfig(
        tiny.architecture(),
        new ModelConfig.Sizes(
            sizes.vocabulary(),
            WIDTH,
            LAYERS,
            4,
            keys,
            WIDTH / 4,
            2 * WIDTH,
            sizes.positions(),
            sizes.tokenTypes()),
        tiny.normEpsilon(),
        new ModelConfig.Dropout(dropout, dropout, 0),
        tiny.padTokenId(),
        tiny.rope(),
        tiny.attentionBias(),
        tiny.mlpBias(),
        tiny.tiedEmbeddings(),
        tiny.initializerRange(),
        tiny.labels());
  }
}
