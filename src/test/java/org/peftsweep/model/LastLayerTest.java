package org.peftsweep.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Batch;

/** The last layer computes only what the head reads; a traced model computes all positions. */
class LastLayerTest {
  /** Padding on the left, a padding token that is to be seen, and no real token at all. */
  private static Batch awkward() {
    Batch plain = TinyModels.batch(3);
    int tokens = plain.tokens();
    int[] ids = plain.ids().clone();
    int[] mask = plain.mask().clone();
    for (int token = 0; token < tokens; token++) {
      ids[token] = token < 4 ? 1 : 2 + token;
      mask[token] = token < 4 ? 0 : 1;
      ids[tokens + token] = token < 5 ? 7 + token : 1;
      mask[tokens + token] = 1;
      ids[2 * tokens + token] = 1;
      mask[2 * tokens + token] = 0;
    }
    return new Batch(
        plain.rows(), tokens, ids, mask, plain.typeIds(), plain.labels(), plain.exampleIndices());
  }

  @ParameterizedTest
  @MethodSource("org.peftsweep.checkpoint.Architectures#all")
  void logitsAreThoseOfAllPositions(Architecture architecture) {
    try (Backend backend = Backends.open("cpu", 1);
        Tape tape = new Tape(backend);
        Model model = TinyModels.model(architecture, backend)) {
      Batch batch = awkward();
      float[] some = logits(model, tape, batch);
      model.trace((layer, hidden) -> {});
      float[] all = logits(model, tape, batch);
      assertThat(some).hasSameSizeAs(all);
      for (int i = 0; i < all.length; i++) {
        assertThat(some[i]).isCloseTo(all[i], within(1e-4f * Math.max(1, Math.abs(all[i]))));
      }
    }
  }

  private static float[] logits(Model model, Tape tape, Batch batch) {
    tape.startEvaluation();
    Tensor logits = model.logits(tape, batch).value();
    float[] values = new float[(int) logits.size()];
    tape.backend().read(logits, 0, values, 0, values.length);
    return values;
  }
}
