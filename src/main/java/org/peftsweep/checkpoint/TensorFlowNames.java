package org.peftsweep.checkpoint;

import java.util.List;
import java.util.regex.Pattern;

/**
 * Names of BERT's variables in TensorFlow as PyTorch has them: {@code
 * module/bert/encoder/layer_0/output/LayerNorm/gamma} is {@code
 * bert.encoder.layer.0.output.LayerNorm.weight}.
 */
final class TensorFlowNames {
  private static final Pattern OF_OPTIMIZER =
      Pattern.compile("(.*/)?(global_step|adam_[mv]|AdamWeightDecayOptimizer(_\\d+)?|m|v)");
  private static final List<String> TABLES =
      List.of("word_embeddings", "position_embeddings", "token_type_embeddings");

  private TensorFlowNames() {}

  /** Whether a variable is state of an optimizer or a counter. */
  static boolean isOfOptimizer(String variable) {
    return OF_OPTIMIZER.matcher(variable).matches();
  }

  /** Whether a matrix lies {@code [in, out]}. */
  static boolean isKernel(String variable) {
    return last(variable).equals("kernel");
  }

  static String inPyTorch(String variable) {
    String path = variable.startsWith("module/") ? variable.substring(7) : variable;
    String last = last(path);
    String module = path.substring(0, path.length() - last.length()).replace('/', '.');
    module = module.replaceAll("layer_(\\d+)\\.", "layer.$1.");
    if (TABLES.contains(last)) {
      return module + last + ".weight";
    }
    return switch (last) {
      case "kernel", "gamma" -> module + "weight";
      case "beta" -> module + "bias";
      // Of the heads: a classifier's stand at the root.
      case "output_weights" -> (module.isEmpty() ? "classifier." : module) + "weight";
      case "output_bias" -> (module.isEmpty() ? "classifier." : module) + "bias";
      default -> module + last;
    };
  }

  private static String last(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }
}
