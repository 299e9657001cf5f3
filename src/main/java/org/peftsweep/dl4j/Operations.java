package org.peftsweep.dl4j;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.List;
import org.nd4j.autodiff.functions.DifferentialFunction;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.autodiff.samediff.internal.Variable;
import org.nd4j.autodiff.util.SameDiffUtils;
import org.nd4j.linalg.api.ops.impl.layers.ExternalErrorsFunction;
import org.nd4j.linalg.api.ops.impl.reduce.Mmul;

/**
 * Operations from some inputs to one output as text, which a layer keeps and repeats in the graph
 * that Deeplearning4j makes for it.
 */
final class Operations {
  /** The name of what comes out. */
  static final String OUTPUT = "out";

  private Operations() {}

  /** Returns a graph as text; its placeholders are inputs and parameters. */
  static String write(SameDiff graph) {
    ByteBuffer buffer = graph.asFlatBuffers(false).duplicate();
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    return Base64.getEncoder().encodeToString(bytes);
  }

  /**
   * Repeats the operations in another graph, which has variables by the names of all placeholders.
   *
   * @return what comes out
   */
  static SDVariable repeat(String text, SameDiff in) {
    SameDiff graph;
    try {
      graph = SameDiff.fromFlatBuffers(ByteBuffer.wrap(Base64.getDecoder().decode(text)), false);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read the operations of a layer", e);
    }
    for (Variable each : graph.getVariables().values()) {
      SDVariable variable = each.getVariable();
      if (variable.getVariableType() == VariableType.CONSTANT) {
        in.constant(variable.name(), variable.getArr());
      }
    }
    for (SameDiffOp each : graph.getOps().values()) {
      for (String output : each.getOutputsOfOp()) {
        declare(in, output, graph.getVariable(output));
      }
      add(in, each.getOp(), each.getInputsToOp(), each.getOutputsOfOp());
    }
    return in.getVariable(OUTPUT);
  }

  /**
   * Makes what takes the gradient of an output from the layers after it.
   *
   * <p>SameDiff adds that gradient to itself, as it finds it set already where it sets it: what it
   * derives is half the output, which doubled is exact.
   */
  static ExternalErrorsFunction errors(SameDiff graph, SDVariable output) {
    return SameDiffUtils.externalErrors(graph, null, output.mul(0.5));
  }

  /** Makes the variable of an operation's output, like one of another graph. */
  static void declare(SameDiff graph, String name, SDVariable like) {
    graph.addVariable(new SDVariable(name, VariableType.ARRAY, graph, null, like.dataType()));
  }

  /** Adds an operation that no graph needs any more, from and to variables that are there. */
  static void add(
      SameDiff graph, DifferentialFunction operation, List<String> inputs, List<String> outputs) {
    if (operation instanceof Mmul product) {
      // Its derivative asks for what loading leaves to the arguments.
      product.configureFromArguments();
    }
    operation.setSameDiff(graph);
    operation.setOwnName(outputs.get(0));
    graph.putOpForId(operation.getOwnName(), operation);
    operation.configureWithSameDiff(graph);
    graph.addArgsFor(inputs.toArray(String[]::new), operation);
    graph.addOutgoingFor(outputs.toArray(String[]::new), operation);
  }
}
