package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

/** Combinations of method, targets and model that have no meaning. */
class RefusalsTest {
  private static final Model ROBERTA =
      Models.outline(TinyModels.config(TinyModels.ROBERTA), TinyModels.OUTPUTS);
  private static final Model LLAMA =
      Models.outline(TinyModels.config(TinyModels.LLAMA), TinyModels.OUTPUTS);

  @Test
  void targetsThatTheModelLacksAreRefused() {
    assertThatThrownBy(() -> new LoRA(4, 8, 0).requireFit(ROBERTA, EnumSet.of(Role.FFN_GATE)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "Cannot aim lora at ffn-gate: the model has no such matrix, give others as targets");
  }

  @Test
  void bitfitOnAModelWithoutBiasesIsRefused() {
    assertThatThrownBy(() -> new Bitfit().requireFit(LLAMA, Set.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("Cannot use bitfit on a model without biases: choose ln-tuning or head-only");
  }

  @Test
  void blocksThatDoNotCoverATargetAreRefused() {
    assertThatThrownBy(() -> new OFT(5).requireFit(LLAMA, EnumSet.of(Role.FFN_DOWN, Role.QUERY)))
        .hasMessage(
            "Cannot use block-size = 5: model.layers.0.self_attn.q_proj is 24 x 24, give a divisor"
                + " of its 24 columns");
    for (Method method : new Method[] {new Bone(16), new C3A(16, true)}) {
      assertThatThrownBy(() -> method.requireFit(ROBERTA, EnumSet.of(Role.QUERY)))
          .hasMessageStartingWith("Cannot use ")
          .hasMessageEndingWith(" is 24 x 24, give a divisor of both");
    }
    assertThatThrownBy(() -> new BOFT(4, 3).requireFit(ROBERTA, EnumSet.of(Role.QUERY)))
        .hasMessageStartingWith("Cannot use block-size times 2^(factors - 1) = 16: ");
    assertThatThrownBy(() -> new Compacter(3, 5, false).requireFit(ROBERTA, Set.of()))
        .hasMessage(
            "Cannot cut widths 24 and 24 / 3 into 5 parts: give a divisor of both as parts");
    assertThatThrownBy(
            () -> new VBLoRA(2, 3, 16, 2, 1, 0).requireFit(ROBERTA, EnumSet.of(Role.FFN_UP)))
        .hasMessageEndingWith(" is 40 x 24, give a divisor of both");
    assertThatThrownBy(
            () -> new SAID(4, 0).requireFit(ROBERTA, EnumSet.range(Role.QUERY, Role.VALUE)))
        .hasMessage("Cannot use size = 4 on 6 targets: give more than that");
    assertThatThrownBy(() -> new VBLoRA(2, 3, 16, 4, 1, 0))
        .hasMessage("Cannot use top = 4: give a whole number of at most 3");
    assertThatThrownBy(() -> new RAMT(0.1, 0.2, 0))
        .hasMessage("Cannot use initial = 0.1: give more than threshold = 0.2");
    assertThatThrownBy(() -> new SHiRA(13).requireFit(ROBERTA, EnumSet.of(Role.QUERY)))
        .hasMessageEndingWith("has 576 entries, give at most 12");
    assertThatThrownBy(() -> new FourierFT(577, 1, 0).requireFit(ROBERTA, EnumSet.of(Role.QUERY)))
        .hasMessageEndingWith("has 576 entries, give at most that");
  }

  @Test
  void aStartThatIsWiderThanATargetIsRefused() {
    assertThatThrownBy(
            () ->
                new PiSSA(9, 8, 0, PiSSA.Search.EXACT, 0, 0)
                    .requireFit(LLAMA, EnumSet.of(Role.QUERY, Role.VALUE)))
        .hasMessage(
            "Cannot use rank = 9 on model.layers.0.self_attn.v_proj, 8 x 24: give at most 8");
    assertThatThrownBy(
            () -> new EVA(16, 8, 0, 2, 0.99, 5).requireFit(LLAMA, EnumSet.of(Role.VALUE)))
        .hasMessage(
            "Cannot search model.layers.0.self_attn.v_proj for rank·rho = 32 components: it has"
                + " inputs of 24, lower rank or rho");
  }
}
