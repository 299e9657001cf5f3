package org.peftsweep.cli.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.peftsweep.compute.cuda.EmulatedDevices;
import org.peftsweep.train.Progress;

/** What the graph of a training step runs on a device, by kernels: nothing that others could do. */
class StepNodesTest {
  private static final int LAYERS = 2;
  private static final int LANES = 4;
  private static final String ROUNDED = "precision: bf16, weights: bf16";
  private static final String LORA = "{method: lora, rank: 8, dropout: 0.1, " + ROUNDED + "}";

  /** Once a layer and lane. */
  private static final String ATTENTION = "attention_of_halves";

  /** Lanes come to a pack when their threads do. */
  private static final int ATTEMPTS = 20;

  private static CheckedTrials trials;

  @BeforeAll
  static void open() throws IOException {
    trials = new CheckedTrials(Extent.WHOLE.small(), 2, 32);
  }

  @AfterAll
  static void close() {
    trials.close();
  }

  /** Returns the nodes of a step in which all lanes take part. */
  private static Map<String, Integer> nodes(String block, int lanes) {
    Map<String, Integer> nodes = Map.of();
    for (int i = 0; i < ATTEMPTS && nodes.getOrDefault(ATTENTION, 0) < LAYERS * lanes; i++) {
      trials.runPack("cuda:idle", trials.trials(block, lanes, "max-steps: 64"), Progress.SILENT);
      nodes = EmulatedDevices.idleNodes();
    }
    assertThat(nodes).as("a step of all lanes").containsEntry(ATTENTION, LAYERS * lanes);
    return nodes;
  }

  @Test
  void dropoutBiasesAndGradientsOfAdaptersTakeNoneOfTheirOwn() {
    assertThat(nodes(LORA, 1))
        .doesNotContainKeys("dropout", "scale", "add_scaled", "add_row", "sum_parts", "mean_loss")
        // Forwards two for each layer, back three, but two where nothing learns below; the head's.
        .containsEntry("small_products", 2 * 2 + 3 + 2 + 1)
        .containsEntry("join_parts", 2 * 2);
    assertThat(nodes("{method: vera, dropout: 0.1, " + ROUNDED + "}", 1))
        .doesNotContainKeys("scale", "add_row");
    // Its bias comes behind the magnitude.
    assertThat(nodes("{method: dora, dropout: 0.1, " + ROUNDED + "}", 1))
        .doesNotContainKeys("dropout", "scale", "add_scaled")
        .containsEntry("add_row", 2 * LAYERS);
  }

  @Test
  void adaptersOfAllLanesAreThoseOfOne() {
    Map<String, Integer> one = nodes(LORA, 1);
    Map<String, Integer> all = nodes(LORA, LANES);
    // But for heads, which are products of each lane.
    assertThat(all)
        .doesNotContainKeys("dropout", "scale", "add_scaled", "add_row")
        .containsEntry("small_products", one.get("small_products") + LANES - 1)
        .containsEntry("join_parts", one.get("join_parts"))
        .containsEntry("layer_norm", one.get("layer_norm"));
  }
}
