package org.peftsweep.compute.samediff;

import java.io.IOException;
import java.nio.file.Path;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.peftsweep.compute.Tensor;

/** A recorded model as a file that SameDiff loads, with the loss of its task. */
public final class GraphFile {
  /** Outputs {@code [examples, outputs]}: logits, or the value of a regression. */
  public static final String OUTPUTS = "logits";

  /** What outputs are held to, {@code [examples]}: whole numbers, or values of a regression. */
  public static final String LABELS = "labels";

  /** The mean loss of a batch. */
  public static final String LOSS = "loss";

  /** Softmax of the outputs, of a classifier. */
  public static final String PROBABILITIES = "probabilities";

  private GraphFile() {}

  /**
   * Writes a step that was recorded from {@link Placeholders}.
   *
   * @param outputs of the model
   * @param isRegression whether labels are values
   */
  public static void write(SameDiffGraph recorded, Tensor outputs, boolean isRegression, Path file)
      throws IOException {
    SameDiff graph = recorded.graph();
    SDVariable logits = graph.identity(OUTPUTS, recorded.variable(outputs));
    SDVariable loss;
    if (isRegression) {
      SDVariable labels = graph.placeHolder(LABELS, DataType.FLOAT, -1);
      SDVariable difference = logits.sub(graph.reshape(labels, -1, 1));
      loss = difference.mul(difference).mean();
    } else {
      SDVariable labels = graph.placeHolder(LABELS, DataType.INT, -1);
      graph.nn().softmax(PROBABILITIES, logits, 1);
      loss = Losses.crossEntropy(graph, logits, labels, outputs.columns());
    }
    graph.setLossVariables(graph.identity(LOSS, loss));
    graph.save(file.toFile(), false);
  }
}
