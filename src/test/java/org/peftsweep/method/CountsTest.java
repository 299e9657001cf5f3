package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.DenseWeight;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Weight;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Encoded;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.Roles;
import org.peftsweep.model.TinyModels;
import org.peftsweep.model.Weights;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.GaLoreAdam;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Updates;

/** Trainable scalars on RoBERTa-base, against the published and derived counts (head excluded). */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CountsTest {
  private static final long HEAD = 592_130;

  private static final ModelConfig ROBERTA_BASE =
      new ModelConfig(
          TinyModels.ROBERTA,
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
          public Weight base(String name, Fresh fresh, int... shape) {
            return new DenseWeight(new Tensor(shared, 0, shape));
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

  /** What a method that starts from data is shown: two examples of three tokens. */
  private static Batch batch() {
    List<TokenizedExample> rows =
        IntStream.range(0, 2)
            .mapToObj(
                row ->
                    new TokenizedExample(
                        row, new Encoded(new int[] {0, 5 + row, 2}, new int[3]), row))
            .toList();
    return new Batches(2, 3, Padding.LONGEST, 1, 1).batch(rows, new int[] {0, 1});
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
    "ssf, 0, none, 204288",
    "apet, 0, QV, 141576",
    // A tenth of 24 weights, and half of that beside as many pairs as there are.
    "apet-tensor, 0, QV, 1179648",
    "apet-tensor, 8, QV, 884736",
    "hft, 0, none, 42529536",
    "hft-epoch, 0, none, 42527232",
    "houlsby, 48, none, 1789056",
    "pfeiffer, 48, none, 894528",
    "parallel, 8, none, 156768",
    "compacter, 24, none, 57088",
    "compacterplus, 24, none, 28576",
    "prefix, 20, none, 368640",
    "prefix, 128, none, 2359296",
    "prefix-512, 30, none, 9872384",
    "prompt, 20, none, 15360",
    "loha, 8, QV, 589824",
    "hira, 8, QV, 294912",
    "moslora, 8, QV, 296448",
    "shira, 8, QV, 294912",
    "miss, 64, QV, 1179648",
    "hra, 8, QV, 147456",
    "spiel, 0, QV, 141576",
    "spielma, 0, QV, 141576",
    "sara, 0, QV, 1415592",
    "said, 0, QV, 10000",
    "ramt, 0, QV, 14155776",
    "tinylora, 2, QV, 384",
    "vblora, 4, QV, 74880",
    "colora, 8, QV, 294912",
    "colora, 16, QKV, 884736",
    "colora-even, 8, QV, 294912",
    "ln-tuning, 0, none, 38400",
    "adalora, 8, QV, 295104",
    "adalora, 16, QV, 590208",
    "adalora, 8, QKV, 442656",
    "adalora, 16, QKV, 885312",
    "adalora-3r, 8, QV, 885312",
    "adalora-3r, 16, QKV, 2655936",
    "galore, 8, QV, 14155776",
    "galore, 16, QKV, 21233664",
    "sift, 0, QV, 2834856",
    "sift, 0, QKV, 4252284",
    "sift-0.008, 0, QV, 113424",
    "sift-0.008, 0, QKV, 170136",
    "lora+ist, 8, QV, 294912",
    "head-only, 0, none, 0"
  })
  void equalsTheDerivedCount(String id, int rank, String targets, long wanted) {
    Method method = method(id, rank);
    try (Model model = model()) {
      InitCache data = InitCache.alone(List.of(batch()));
      MethodHooks attached =
          method.attach(new AttachContext(model, roles(targets), backend, new Seeds(0), data));
      Map<Boolean, Long> counts = new HashMap<>();
      for (Parameter parameter : model.trainable()) {
        counts.merge(parameter.role() == Role.HEAD, attached.learning(parameter), Long::sum);
      }
      assertThat(counts.getOrDefault(false, 0L)).isEqualTo(wanted);
      assertThat(counts.get(true)).isEqualTo(HEAD);
      Model outline = Models.outline(ROBERTA_BASE, 2);
      method.requireFit(outline, roles(targets));
      assertThat(method.trainable(outline, roles(targets))).isEqualTo(wanted);
    }
  }

  /** Floats, from methods with and without a state of their own: two a scalar are Adam's. */
  @ParameterizedTest(name = "{0} r={1} {2}: {3}")
  @CsvSource({
    "full, 0, QV, 28348416",
    "lora, 8, QV, 589824",
    "galore, 8, QV, 442368",
    "galore, 16, QV, 884736",
    "galore, 8, QKV, 663552",
    "galore, 16, QKV, 1327104",
    // Moments, average, weights and gradient of the step before.
    "lora+ema, 8, QV, 1474560",
    // Two floats and an index an entry.
    "sift-0.008, 0, QV, 340272",
    "sift, 0, QV, 8504568"
  })
  void holdsTheDerivedOptimizerState(String id, int rank, String targets, long floats) {
    try (Model model = model()) {
      MethodHooks attached =
          method(id, rank).attach(new AttachContext(model, roles(targets), backend, new Seeds(0)));
      List<Parameter> adapted =
          model.trainable().stream().filter(p -> p.role() != Role.HEAD).toList();
      Rates rates = new Rates(0, 1, 0, Rates.Grouping.ROLES);
      AdamW adam = new AdamW(0.9, 0.99, 1e-8);
      try (Updates updates = new Updates(backend, adapted, rates, 0, adam, attached.updates())) {
        for (int step = 0; step < 2; step++) {
          adapted.forEach(parameter -> parameter.var().markGradientFresh());
          updates.receive();
          updates.step(1);
        }
        assertThat(updates.stateBytes()).isEqualTo(Float.BYTES * floats);
      }
    }
  }

  private static Method method(String id, int rank) {
    return switch (id) {
      case "bitfit" -> new Bitfit();
      case "apet" -> new APET(0.01, APET.Granularity.ELEMENT, 0);
      case "apet-tensor" -> new APET(0.1, APET.Granularity.TENSOR, rank);
      case "hft" -> new HFT(2, 0, HFT.Resample.NEVER);
      case "hft-epoch" -> new HFT(2, 0, HFT.Resample.EPOCH);
      case "ssf" -> new SSF(0.02);
      // The inner width takes the place of the rank.
      case "houlsby" -> new Houlsby(768 / rank, false, false);
      case "pfeiffer" -> new Pfeiffer(768 / rank, false, false);
      case "parallel" -> new ParallelAdapter(768 / rank, 4);
      case "compacter" -> new Compacter(768 / rank, 4, false);
      case "compacterplus" -> new CompacterPlus(768 / rank, 4, false);
      // Here that of the tokens.
      case "prefix" -> new PrefixTuning(rank, 0, 0.02);
      case "prefix-512" -> new PrefixTuning(rank, 512, 0.02);
      case "prompt" -> new PromptTuning(rank, false, 0.02);
      case "loha" -> new LoHa(rank, 8);
      case "hira" -> new HiRA(rank);
      case "moslora" -> new MoSLoRA(rank, 8, 0.1);
      case "shira" -> new SHiRA(rank);
      case "miss" -> new MiSS(rank);
      case "hra" -> new HRA(rank);
      case "spiel" -> new SpIEL(0.01, 20, 5, 0.2, SpIEL.Policy.LINEAR);
      case "spielma" -> new SpIELMA(0.01, 20, 0.2, SpIEL.Policy.LINEAR);
      case "sara" -> new SaRA(0.1, 5e-4, 2500);
      case "said" -> new SAID(10_000, 0);
      case "ramt" -> new RAMT(1e-2, 5e-3, 1e-4);
      case "tinylora" -> new TinyLoRA(rank, 64, 4, 0);
      case "colora" -> new CoLoRA(rank, 8, 0.1, 2, 0.01, 1);
      case "colora-even" -> new CoLoRA(rank, 8, 0.1, 1, 0.01, 1);
      case "vblora" -> new VBLoRA(rank, 90, 256, 2, 10, 0);
      case "adalora" -> adaLoRA(rank, 1);
      case "adalora-3r" -> adaLoRA(rank, 3);
      case "galore" -> new GaLore(rank, 200, 4, GaLoreAdam.Side.STD);
      case "sift" -> new SIFT(0.2);
      case "sift-0.008" -> new SIFT(0.008);
      case "lora+ema" -> new EMA(new LoRA(rank, 8, 0.1), 0.99, true);
      case "lora+ist" -> new IST(new LoRA(rank, 8, 0.1), 0.25, 0.5, 0.25, 3, 10, 10, 16);
      case "dora" -> new DoRA(rank, 8, 0.1);
      case "full" -> new Full();
      case "head-only" -> new HeadOnly();
      case "ia3" -> new IA3(Roles.of(Role.OUTPUT, Role.FFN_DOWN));
      case "ln-tuning" -> new LnTuning();
      case "lora" -> new LoRA(rank, 8, 0.1);
      case "lorafa" -> new LoRAFA(rank, 8, 0.1, false);
      case "loraplus" -> new LoRAPlus(rank, 8, 0.1, 16);
      case "olora" -> new OLoRA(rank, 8, 0.1);
      case "pissa" -> new PiSSA(rank, 8, 0.1, PiSSA.Search.RANDOMISED, 0, 0);
      case "rslora" -> new RSLoRA(rank, 8, 0.1);
      case "vera" -> new VeRA(rank, 0.1, 0, 0.1);
      default -> throw new IllegalArgumentException(id);
    };
  }

  private static AdaLoRA adaLoRA(int rank, double initialFactor) {
    return new AdaLoRA(rank, 8, 0.1, initialFactor, 0.1, 0.3, 1, 0.5, 0.85);
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
