package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

class BackendsTest {
  @Test
  void everyNameOpensTheBackendOfThatName() {
    assertThat(Backends.names()).contains("nd4j").isSorted();
    for (String name : Backends.names()) {
      try (Backend backend = Backends.open(name, 1)) {
        assertThat(backend.name()).isEqualTo(name);
        assertThat(backend.device()).isNotBlank();
      }
    }
  }

  @Test
  void anUnknownNameIsAnsweredWithTheChoices() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Backends.open("tpu", 1))
        .withMessage("Cannot compute on tpu: choose one of " + Backends.names());
  }

  @Test
  void noThreadIsRefused() {
    for (String name : Backends.names()) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Backends.open(name, 0))
          .withMessageStartingWith("Cannot run " + name + " on 0 threads");
    }
  }
}
