package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.peftsweep.spec.Execution;
import org.peftsweep.spec.SweepFile;

class GpuRequirementsTest {
  private final Map<String, String> before = new TreeMap<>();

  private void set(String name, String value) {
    before.put(name, System.getProperty(name, ""));
    System.setProperty(name, value);
  }

  @AfterEach
  void restore() {
    before.forEach(
        (name, value) -> {
          if (value.isEmpty()) {
            System.clearProperty(name);
          } else {
            System.setProperty(name, value);
          }
        });
  }

  private static Execution execution(String backend) {
    String file =
        "name: x\nmodel: builtin:mini\ntasks: [mini-rte]\ngrid: [{method: lora}]\ncompute: {backend: "
            + backend
            + "}\n";
    return SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null))
        .execution();
  }

  @Test
  void refusesGpusThatNobodyComputesOn() {
    for (String amount : new String[] {"1", "0.25"}) {
      set("spark.task.resource.gpu.amount", amount);
      for (String backend : new String[] {"cpu", "nd4j"}) {
        assertThatThrownBy(() -> GpuRequirements.require(execution(backend)))
            .isInstanceOf(InputException.class)
            .hasMessage(
                "Cannot use GPUS with backend = "
                    + backend
                    + ": it computes on processors, so leave GPUS out or choose backend = cuda");
      }
      assertThatCode(() -> GpuRequirements.require(execution("cuda"))).doesNotThrowAnyException();
    }
  }

  @Test
  void takesAddressesThatAreNoGpusForAnyBackend() {
    set("spark.task.resource.gpu.amount", "1");
    set("spark.peftsweep.simulatedGpus", "true");
    assertThatCode(() -> GpuRequirements.require(execution("cpu"))).doesNotThrowAnyException();
  }

  @Test
  void asksForNothingWhereSparkHandsOutNoGpus() {
    assertThatCode(() -> GpuRequirements.require(execution("cpu"))).doesNotThrowAnyException();
  }
}
