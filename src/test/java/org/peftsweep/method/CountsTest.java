package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.checkpoint.Family;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Seeds;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.Weights;

/** Trainable scalars on RoBERTa-base, against the published and derived counts (head excluded). */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CountsTest {
  private static final long HEAD = 592_130;

  private static final ModelConfig ROBERTA_BASE =
      new ModelConfig(
          Family.ROBERTA,
          new ModelConfig.Sizes(50265, 768, 12, 12, 12, 64, 3072, 514, 1),
          1e-5,
          new ModelConfig.Dropout(0.1, 0.1, 0.1),
          OptionalInt.of(1),
          Optional.empty(),
          true,
          true,
          true,
          0.02,
          List.of("LABEL_0", "LABEL_1"));

  private Backend backend;
  private Memory shared;

  @BeforeAll
  void open() {
    backend = Backends.open(Backends.names().get(0), 1);
    shared = backend.allocate(50265L * 768);
  }

  @AfterAll
  void close() {
    backend.free(shared);
    backend.close();
  }

  /** Frozen tensors all lie on the same memory: only sizes matter here. */
  private Model model() {
    Weights overlapping =
        new Weights() {
          @Override
          public Tensor base(String name, Fresh fresh, int... shape) {
            return new Tensor(shared, 0, shape);
          }

          @Override
          public Tensor head(String name, Fresh fresh, int... shape) {
            long size = 1;
            for (int extent : shape) {
              size *= extent;
            }
            return new Tensor(backend.allocate(size), 0, shape);
          }
        };
    return Models.build(ROBERTA_BASE, 2, backend, overlapping);
  }

  @ParameterizedTest(name = "{0} r={1} {2}: {3}")
  @CsvSource({
    "full, 0, QV, 14174208",
    "full, 0, QKV, 21261312",
    "lora, 8, QV, 294912",
    "lora, 16, QV, 589824",
    "lora, 8, QKV, 442368",
    "lora, 16, QKV, 884736",
    "rslora, 8, QV, 294912",
    "rslora, 16, QKV, 884736",
    "loraplus, 8, QV, 294912",
    "loraplus, 16, QKV, 884736",
    "pissa, 8, QV, 294912",
    "pissa, 16, QKV, 884736",
    "olora, 8, QV, 294912",
    "olora, 16, QKV, 884736",
    "lorafa, 8, QV, 147456",
    "lorafa, 16, QV, 294912",
    "lorafa, 8, QKV, 221184",
    "lorafa, 16, QKV, 442368",
    "dora, 8, QV, 313344",
    "dora, 16, QV, 608256",
    "dora, 8, QKV, 470016",
    "dora, 16, QKV, 912384",
    "vera, 8, QV, 18624",
    "vera, 16, QV, 18816",
    "vera, 8, QKV, 27936",
    "vera, 16, QKV, 28224",
    "vera, 256, QV, 24576",
    "vera, 1024, QV, 43008",
    "vera, 1024, QKV, 64512",
    "ia3, 0, QV, 18432",
    "ia3, 0, QKV, 27648",
    "ia3, 0, KVOD, 64512",
    "ia3, 0, KVD, 55296",
    "bitfit, 0, none, 102144",
    "ln-tuning, 0, none, 38400",
    "head-only, 0, none, 0"
  })
  void equalsTheDerivedCount(String id, int rank, String targets, long wanted) {
    Method method = method(id, rank);
    try (Model model = model()) {
      method.attach(new Attachment(model, roles(targets), backend, new Seeds(0)));
      Map<Boolean, Long> counts = new HashMap<>();
      for (Parameter parameter : model.trainable()) {
        counts.merge(parameter.role() == Role.HEAD, parameter.size(), Long::sum);
      }
      assertThat(counts.getOrDefault(false, 0L)).isEqualTo(wanted);
      assertThat(counts.get(true)).isEqualTo(HEAD);
      Model outline = Models.outline(ROBERTA_BASE, 2);
      method.requireFit(outline, roles(targets));
      assertThat(method.trainable(outline, roles(targets))).isEqualTo(wanted);
    }
  }

  private static Method method(String id, int rank) {
    return switch (id) {
      case "bitfit" -> new Bitfit();
      case "dora" -> new DoRA(rank, 8, 0.1);
      case "full" -> new Full();
      case "head-only" -> new HeadOnly();
      case "ia3" -> new IA3(IA3.Inputs.OUTPUT_AND_FFN_DOWN);
      case "ln-tuning" -> new LnTuning();
      case "lora" -> new LoRA(rank, 8, 0.1);
      case "lorafa" -> new LoRAFA(rank, 8, 0.1);
      case "loraplus" -> new LoRAPlus(rank, 8, 0.1, 16);
      case "olora" -> new OLoRA(rank, 8, 0.1);
      case "pissa" -> new PiSSA(rank, 8, 0.1, PiSSA.Search.RANDOMISED, 0, 0);
      case "rslora" -> new RSLoRA(rank, 8, 0.1);
      case "vera" -> new VeRA(rank, 0.1, 0, 0.1);
      default -> throw new IllegalArgumentException(id);
    };
  }

  private static Set<Role> roles(String targets) {
    return switch (targets) {
      case "QV" -> EnumSet.of(Role.QUERY, Role.VALUE);
      case "QKV" -> EnumSet.of(Role.QUERY, Role.KEY, Role.VALUE);
      case "KVD" -> EnumSet.of(Role.KEY, Role.VALUE, Role.FFN_DOWN);
      case "KVOD" -> EnumSet.of(Role.KEY, Role.VALUE, Role.OUTPUT, Role.FFN_DOWN);
      default -> EnumSet.noneOf(Role.class);
    };
  }
}
