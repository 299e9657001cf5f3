package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.Optional;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;
import org.peftsweep.spec.Execution;
import org.peftsweep.spec.SweepFile;

class GpuRequirementsTest {
  private final SparkConf conf = new SparkConf(false);

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
      conf.set("spark.task.resource.gpu.amount", amount);
      for (String backend : new String[] {"cpu", "nd4j"}) {
        assertThatThrownBy(() -> GpuRequirements.require(execution(backend), conf))
            .isInstanceOf(InputException.class)
            .hasMessage(
                "Cannot use GPUS with backend = "
                    + backend
                    + ": it computes on processors, so leave GPUS out or choose backend = cuda");
      }
      assertThatCode(() -> GpuRequirements.require(execution("cuda"), conf))
          .doesNotThrowAnyException();
    }
  }

  @Test
  void takesAddressesThatAreNoGpusForAnyBackend() {
    conf.set("spark.task.resource.gpu.amount", "1");
    conf.set("spark.peftsweep.simulatedGpus", "true");
    assertThatCode(() -> GpuRequirements.require(execution("cpu"), conf))
        .doesNotThrowAnyException();
  }

  @Test
  void asksForNothingWhereSparkHandsOutNoGpus() {
    assertThatCode(() -> GpuRequirements.require(execution("cpu"), conf))
        .doesNotThrowAnyException();
  }
}
