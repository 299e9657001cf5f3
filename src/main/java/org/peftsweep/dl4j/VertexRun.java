package org.peftsweep.dl4j;

import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffVertex;
import org.deeplearning4j.nn.gradient.DefaultGradient;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.layers.samediff.SameDiffGraphVertex;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.array.SingleThreadArrayHolder;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.compute.samediff.Derivatives;

/** Computes a vertex of recorded operations, which has no parameters. */
final class VertexRun extends SameDiffGraphVertex {
  private static final long serialVersionUID = 1;

  VertexRun(
      SameDiffVertex config,
      ComputationGraph graph,
      String name,
      int index,
      INDArray view,
      boolean initializes,
      DataType type) {
    super(config, graph, name, index, view, initializes, type);
  }

  /** Masks of Deeplearning4j are of whole examples, which rows are not; nothing reads them. */
  private void maskNothing() {
    try (MemoryWorkspace none = Nd4j.getWorkspaceManager().scopeOutOfWorkspaces()) {
      maskArrays = new INDArray[inputs.length];
      Arrays.setAll(maskArrays, i -> Nd4j.ones(dataType, 1, 1));
    }
  }

  @Override
  protected void doInit() {
    try (MemoryWorkspace none = Nd4j.getWorkspaceManager().scopeOutOfWorkspaces()) {
      sameDiff = SameDiff.create();
      sameDiff.setArrayHolders(new SingleThreadArrayHolder(), new SingleThreadArrayHolder(), false);
      inputVars = new LinkedHashMap<>();
      for (String name : config.getVertexParams().getInputs()) {
        long[] shape = inputs[inputVars.size()].shape().clone();
        shape[0] = -1;
        inputVars.put(name, sameDiff.placeHolder(name, dataType, shape));
        sameDiff.placeHolder(name + "_mask", dataType, -1, -1);
      }
      outputVar = config.defineVertex(sameDiff, inputVars, Map.of(), Map.of());
      fn = Operations.errors(sameDiff, outputVar);
      outputKey = outputVar.name();
    }
  }

  @Override
  public INDArray doForward(boolean training, LayerWorkspaceMgr workspaces) {
    maskNothing();
    return super.doForward(training, workspaces);
  }

  @Override
  public Pair<Gradient, INDArray[]> doBackward(boolean truncates, LayerWorkspaceMgr workspaces) {
    maskNothing();
    try (MemoryWorkspace none = Nd4j.getWorkspaceManager().scopeOutOfWorkspaces()) {
      if (sameDiff == null) {
        doInit();
      }
      if (!sameDiff.hasGradientFunction()) {
        Derivatives.make(sameDiff, config.getVertexParams().getInputs().toArray(String[]::new));
      }
    }
    List<String> names = config.getVertexParams().getInputs();
    Map<String, INDArray> given = new HashMap<>();
    for (int i = 0; i < inputs.length; i++) {
      given.put(names.get(i), inputs[i]);
      given.put(names.get(i) + "_mask", maskArrays[i]);
    }
    given.put(fn.getGradPlaceholderName(), epsilon);
    // What variables hold after a pass may have been given to others.
    Map<String, INDArray> gradients = sameDiff.calculateGradients(given, names);
    INDArray[] made = new INDArray[inputs.length];
    Arrays.setAll(
        made, i -> workspaces.dup(ArrayType.ACTIVATION_GRAD, gradients.get(names.get(i))));
    sameDiff.clearPlaceholders(true);
    sameDiff.clearOpInputs();
    return new Pair<>(new DefaultGradient(), made);
  }
}
