package org.peftsweep.dl4j;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.deeplearning4j.nn.api.MaskState;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.layers.samediff.SDVertexParams;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffVertex;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/** A vertex that repeats recorded operations on several inputs. It has no parameters. */
public class RecordedVertex extends SameDiffVertex {
  @JsonProperty("operations")
  private String operations;

  @JsonProperty("inputs")
  private List<String> inputs = new ArrayList<>();

  /** For Jackson. */
  protected RecordedVertex() {}

  /**
   * @param inputs names in the operations, in the order of the vertex's inputs
   */
  RecordedVertex(String operations, List<String> inputs) {
    this.operations = operations;
    this.inputs = new ArrayList<>(inputs);
  }

  @Override
  public SDVariable defineVertex(
      SameDiff sameDiff,
      Map<String, SDVariable> layerInput,
      Map<String, SDVariable> table,
      Map<String, SDVariable> masks) {
    return Operations.repeat(operations, sameDiff);
  }

  @Override
  public void defineParametersAndInputs(SDVertexParams params) {
    params.defineInputs(inputs.toArray(String[]::new));
  }

  @Override
  public void initializeParameters(Map<String, INDArray> params) {
    // It has none.
  }

  @Override
  public org.deeplearning4j.nn.graph.vertex.GraphVertex instantiate(
      ComputationGraph graph,
      String name,
      int index,
      INDArray view,
      boolean initializes,
      DataType type) {
    setName(name);
    return new VertexRun(this, graph, name, index, view, initializes, type);
  }

  /** Masks of Deeplearning4j are of whole examples, which rows are not. */
  @Override
  public Pair<INDArray, MaskState> feedForwardMaskArrays(
      INDArray[] masks, MaskState state, int examples) {
    return null;
  }

  @Override
  public GraphVertex clone() {
    return new RecordedVertex(operations, inputs);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RecordedVertex vertex
        && inputs.equals(vertex.inputs)
        && operations.equals(vertex.operations);
  }

  @Override
  public int hashCode() {
    return Objects.hash(operations, inputs);
  }
}
