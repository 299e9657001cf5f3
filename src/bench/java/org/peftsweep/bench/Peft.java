package org.peftsweep.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.peftsweep.checkpoint.ModelConfig;

/** Hugging Face PEFT on torch, where a Python has both: {@code PYTHON}, else the path's. */
final class Peft {
  private static final Path SCRIPT = Path.of("src", "bench", "python", "peft_contender.py");
  private static Boolean importable;

  private Peft() {}

  static boolean isOne(String contender) {
    return contender.startsWith("peft");
  }

  /** Whether it takes these steps here: the script has encoders and LoRA. */
  static boolean isAble(Workload workload) {
    return workload.method() == Workload.Tuning.LORA
        && workload.shape().config().rope().isEmpty()
        && isImportable();
  }

  static String python() {
    String named = System.getenv("PYTHON");
    return named == null || named.isBlank() ? "python3" : named;
  }

  static synchronized boolean isImportable() {
    if (importable == null) {
      try {
        Process process =
            new ProcessBuilder(python(), "-c", "import torch, transformers, peft")
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        importable = process.waitFor() == 0;
      } catch (IOException e) {
        importable = false;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        importable = false;
      }
      if (!importable) {
        System.err.println(
            "Without PEFT: " + python() + " cannot import torch, transformers and peft; set PYTHON");
      }
    }
    return importable;
  }

  static List<String> command(String contender, Workload workload) {
    ModelConfig.Sizes sizes = workload.shape().config().sizes();
    Map<String, Integer> shape =
        Map.of(
            "vocabulary", sizes.vocabulary(),
            "hidden", sizes.hidden(),
            "layers", sizes.layers(),
            "heads", sizes.heads(),
            "inner", sizes.feedForward(),
            "rows", workload.shape().rows(),
            "tokens", workload.shape().tokens());
    try {
      return List.of(
          python(),
          SCRIPT.toString(),
          contender,
          new ObjectMapper().writeValueAsString(shape),
          Integer.toString(Workload.RANK),
          Integer.toString(workload.threads()));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
