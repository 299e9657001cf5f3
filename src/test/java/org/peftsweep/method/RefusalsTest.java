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
