package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.APET.Granularity;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.SM3;
import org.peftsweep.optim.Updates;

/**
 * Whole tensors of tiny Llamas of 4 layers: query is 24 x 24, value 8 x 24 and up 40 x 24, so that
 * draws differ in size.
 */
class APETTest {
  private static final Set<Role> TARGETS = EnumSet.of(Role.QUERY, Role.VALUE, Role.FFN_UP);
  private static final long ALL = 4 * (24 * 24 + 8 * 24 + 40 * 24);

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

  private Model model() {
    return TinyModels.model(TinyModels.LLAMA, 4, backend);
  }

  private MethodHooks attach(APET method, Model model, long seed) {
    return method.attach(new AttachContext(model, TARGETS, backend, new Seeds(seed)));
  }

  private static List<Parameter> learning(Model model) {
    return model.trainable().stream().filter(p -> p.role() != Role.HEAD).toList();
  }

  private static long size(List<Parameter> parameters) {
    return parameters.stream().mapToLong(Parameter::size).sum();
  }

  private static boolean isOfPair(Parameter parameter) {
    return parameter.name().contains("lora_");
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.03, 0.2, 0.5, 0.9, 1})
  void wholeTensorsAreDrawnUpToTheBudgetByTheTrialsSeed(double rate) {
    APET method = new APET(rate, Granularity.TENSOR, 0);
    Set<Set<String>> draws = new HashSet<>();
    for (long seed = 0; seed < 6; seed++) {
      Set<String> names = names(method, seed);
      assertThat(names(method, seed)).isEqualTo(names);
      draws.add(names);
    }
    assertThat(draws.size() > 1).isEqualTo(rate < 1);
  }

  private Set<String> names(APET method, long seed) {
    try (Model model = model()) {
      long declared = method.trainable(model, TARGETS, new Seeds(seed));
      MethodHooks attached = attach(method, model, seed);
      List<Parameter> learning = learning(model);
      long left = (long) (method.rate() * ALL) - size(learning);
      assertThat(learning).isNotEmpty();
      assertThat(left).isNotNegative();
      // Nothing that was passed over fits what is left.
      assertThat(model.projections())
          .filteredOn(linear -> TARGETS.contains(linear.role()) && !linear.weight().isTrainable())
          .allMatch(linear -> linear.weight().size() > left);
      assertThat(learning.stream().mapToLong(attached::learning).sum())
          .isEqualTo(size(learning))
          .isEqualTo(declared);
      Set<String> names = new TreeSet<>();
      learning.forEach(parameter -> names.add(parameter.name()));
      return names;
    }
  }

  @Test
  void pairsAreDrawnWholeWithHalfOfTheBudget() {
    APET method = new APET(0.4, Granularity.TENSOR, 4);
    Set<Set<String>> draws = new HashSet<>();
    for (long seed = 0; seed < 6; seed++) {
      try (Model model = model()) {
        attach(method, model, seed);
        List<Parameter> pairs = learning(model).stream().filter(APETTest::isOfPair).toList();
        List<Parameter> weights =
            learning(model).stream().filter(parameter -> !isOfPair(parameter)).toList();
        assertThat(size(pairs)).isPositive().isLessThanOrEqualTo((long) (0.4 * ALL) / 2);
        assertThat(size(weights)).isPositive().isLessThanOrEqualTo((long) (0.4 * ALL) / 2);
        for (Linear linear : model.projections()) {
          List<String> own =
              pairs.stream()
                  .filter(
                      parameter ->
                          parameter.module().equals(linear.name() + ".lora_A")
                              || parameter.module().equals(linear.name() + ".lora_B"))
                  .map(Parameter::name)
                  .toList();
          assertThat(own.size()).as(linear.name()).isIn(0, 2);
        }
        assertThat(method.trainable(model, TARGETS, new Seeds(seed)))
            .isEqualTo(size(pairs) + size(weights));
        draws.add(pairs.stream().map(Parameter::name).collect(Collectors.toSet()));
      }
    }
    assertThat(draws).hasSizeGreaterThan(3);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void startsAtTheBaseAndMovesWhatIsDrawnAndNothingElse(int pairsRank) {
    try (Model plain = model();
        Model model = model()) {
      MethodHooks attached = attach(new APET(0.5, Granularity.TENSOR, pairsRank), model, 1);
      assertThat(logits(model)).containsExactly(logits(plain), within(1e-5f));
      List<Parameter> all = model.allParameters();
      List<float[]> before = all.stream().map(this::floats).toList();
      try (Updates updates = TrainingSteps.updates(model, attached, backend)) {
        TrainingSteps.take(model, attached, updates, tape, 3);
      }
      for (int i = 0; i < all.size(); i++) {
        assertThat(!Arrays.equals(floats(all.get(i)), before.get(i)))
            .as(all.get(i).name())
            .isEqualTo(all.get(i).isTrainable());
      }
      // A weight and the pair beside it become one weight.
      for (int i = 0; i < plain.projections().size(); i++) {
        Linear from = model.projections().get(i);
        Linear to = plain.projections().get(i);
        backend.copy(from.weight().value(), to.weight().value());
        if (from.adapter() != null) {
          from.adapter().merge(backend, from, to.weight().value(), null);
        }
      }
      for (int i = 0; i < plain.trainable().size(); i++) {
        if (plain.trainable().get(i).role() == Role.HEAD) {
          Parameter head = plain.trainable().get(i);
          all.stream()
              .filter(parameter -> parameter.name().equals(head.name()))
              .forEach(parameter -> backend.copy(parameter.value(), head.value()));
        }
      }
      assertThat(logits(plain)).containsExactly(logits(model), within(1e-4f));
    }
  }

  @Test
  void wholeTensorsTakeAnyOptimizerAndEntriesAdam() {
    SM3 sm3 = new SM3(0.9, 1e-8);
    assertThat(new APET(0.5, Granularity.TENSOR, 0).takes(sm3)).isTrue();
    assertThat(new APET(0.5, Granularity.ELEMENT, 0).takes(sm3)).isFalse();
    assertThat(new APET(0.5, Granularity.ELEMENT, 0).takes(new AdamW(0.9, 0.99, 1e-8))).isTrue();
  }

  @Test
  void aBudgetThatNothingFitsIsRefused() {
    try (Model model = model()) {
      // 192 of 6912 are 2.78 %.
      new APET(0.0278, Granularity.TENSOR, 0).requireFit(model, TARGETS);
      assertThatThrownBy(() -> new APET(0.02, Granularity.TENSOR, 0).requireFit(model, TARGETS))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "Cannot use rate = 0.02 with granularity = tensor: whole tensors of 138 entries may"
                  + " learn, and the smallest has 192, give at least 0.0278");
      new APET(0.02, Granularity.TENSOR, 2).requireFit(model, TARGETS);
      assertThatThrownBy(() -> new APET(0.01, Granularity.TENSOR, 2).requireFit(model, TARGETS))
          .hasMessageEndingWith(
              "of 34 entries may learn, and the smallest has 64, give at least 0.0186");
      assertThatThrownBy(() -> new APET(1, Granularity.TENSOR, 9).requireFit(model, TARGETS))
          .hasMessage(
              "Cannot use pairs-rank = 9 on model.layers.0.self_attn.v_proj, 8 x 24: give at most"
                  + " 8");
    }
    assertThatThrownBy(() -> new APET(0.5, Granularity.ELEMENT, 4))
        .hasMessage("Cannot use pairs-rank = 4: give 0 with granularity = element");
  }

  private float[] logits(Model model) {
    tape.startEvaluation();
    return TinyModels.read(backend, model.logits(tape, TinyModels.batch(1)).value());
  }

  private float[] floats(Parameter parameter) {
    return TinyModels.read(backend, parameter.value());
  }
}
