package org.peftsweep.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;

class RatesTest {
  private static final String LAYER = "roberta.encoder.layer.0.attention.self.";

  @ParameterizedTest(name = "{0} learns at {3} by roles, {4} as published")
  @CsvSource({
    LAYER + "query.weight, QUERY, 2, 1e-4, 1e-4",
    LAYER + "query.bias, QUERY, 1, 1e-4, 1e-4",
    LAYER + "key.bias, KEY, 1, 1e-4, 1e-4",
    LAYER + "value.weight, VALUE, 2, 4e-4, 4e-4",
    LAYER + "value.bias, VALUE, 1, 4e-4, 4e-4",
    LAYER + "value.lora_A.weight, VALUE, 2, 4e-4, 4e-4",
    LAYER + "query.lora_magnitude_vector, QUERY, 1, 1e-4, 1e-4",
    LAYER + "value.lora_magnitude_vector, VALUE, 1, 4e-4, 4e-4",
    "classifier.dense.weight, HEAD, 2, 1e-3, 1e-4",
    "classifier.dense.bias, HEAD, 1, 1e-3, 4e-4",
    "classifier.out_proj.bias, HEAD, 1, 1e-3, 4e-4",
    "score.weight, HEAD, 2, 1e-3, 1e-4",
    "roberta.encoder.layer.0.output.LayerNorm.weight, NORM, 1, 1e-4, 4e-4",
    "model.layers.0.self_attn.q_proj.lora_A.weight, QUERY, 2, 1e-4, 1e-4",
    "model.layers.0.self_attn.v_proj.lora_B.weight, VALUE, 2, 4e-4, 4e-4",
    "model.layers.0.self_attn.q_proj.lora_magnitude_vector, QUERY, 1, 1e-4, 4e-4"
  })
  void followsTheRule(String name, Role role, int axes, double byRoles, double asPublished) {
    Parameter parameter = parameter(name, role, axes);
    assertThat(new Rates(1e-4, 4, 1e-3, Rates.Grouping.ROLES).of(parameter)).isEqualTo(byRoles);
    assertThat(new Rates(1e-4, 4, 1e-3, Rates.Grouping.PAPER).of(parameter)).isEqualTo(asPublished);
  }

  @Test
  void aParametersOwnFactorComesOnTop() {
    Parameter b = parameter(LAYER + "value.lora_B.weight", Role.VALUE, 2);
    b.scaleRate(16);
    assertThat(new Rates(1e-4, 4, 1e-3, Rates.Grouping.ROLES).of(b))
        .isCloseTo(64e-4, within(1e-12));
  }

  @ParameterizedTest
  @CsvSource({
    LAYER + "query.weight, QUERY, 2, true",
    LAYER + "query.bias, QUERY, 1, false",
    LAYER + "value.lora_magnitude_vector, VALUE, 1, true",
    "roberta.embeddings.LayerNorm.weight, NORM, 1, false"
  })
  void decaysNeitherBiasesNorNorms(String name, Role role, int axes, boolean decays) {
    Parameter parameter = parameter(name, role, axes);
    assertThat(new Rates(1, 1, 1, Rates.Grouping.ROLES).decays(parameter)).isEqualTo(decays);
    assertThat(new Rates(1, 1, 1, Rates.Grouping.PAPER).decays(parameter)).isFalse();
  }

  private static Parameter parameter(String name, Role role, int axes) {
    Memory memory = () -> 4;
    Tensor value = axes == 1 ? new Tensor(memory, 0, 4) : new Tensor(memory, 0, 2, 2);
    return new Parameter(name, role, 0, value);
  }
}
