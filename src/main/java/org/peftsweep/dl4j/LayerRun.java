package org.peftsweep.dl4j;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.Gradient;
import org.deeplearning4j.nn.layers.samediff.SameDiffLayer;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.array.SingleThreadArrayHolder;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.compute.samediff.Derivatives;

/** Computes recorded operations: frozen parameters are constants, which nothing derives. */
final class LayerRun extends SameDiffLayer {
  private static final long serialVersionUID = 1;

  private final Set<String> learning;

  /**
   * @param learning names of the parameters that are not frozen
   */
  LayerRun(NeuralNetConfiguration conf, DataType type, Set<String> learning) {
    super(conf, type);
    this.learning = learning;
  }

  @Override
  protected void doInit() {
    try (MemoryWorkspace none = Nd4j.getWorkspaceManager().scopeOutOfWorkspaces()) {
      sameDiff = SameDiff.create();
      // Parameters are views.
      sameDiff.setArrayHolders(new SingleThreadArrayHolder(), new SingleThreadArrayHolder(), false);
      long[] shape = input.shape().clone();
      shape[0] = -1;
      SDVariable in = sameDiff.placeHolder(INPUT_KEY, dataType, shape);
      SDVariable mask = sameDiff.placeHolder(MASK_KEY, dataType, -1, -1);
      Map<String, SDVariable> variables = new LinkedHashMap<>();
      paramTable.forEach(
          (name, values) -> {
            if (learning.contains(name)) {
              SDVariable variable = sameDiff.var(name, dataType, values.shape());
              sameDiff.associateArrayWithVariable(values, variable);
              variables.put(name, variable);
            } else {
              variables.put(name, sameDiff.constant(name, values));
            }
          });
      org.deeplearning4j.nn.conf.layers.samediff.SameDiffLayer recorded =
          (org.deeplearning4j.nn.conf.layers.samediff.SameDiffLayer) layerConf();
      outputVar = recorded.defineLayer(sameDiff, in, variables, mask);
      fn = Operations.errors(sameDiff, outputVar);
      outputKey = outputVar.name();
    }
  }

  @Override
  public Pair<Gradient, INDArray> backpropGradient(INDArray epsilon, LayerWorkspaceMgr workspaces) {
    try (MemoryWorkspace none = Nd4j.getWorkspaceManager().scopeOutOfWorkspaces()) {
      if (sameDiff == null) {
        doInit();
      }
      if (!sameDiff.hasGradientFunction()) {
        Derivatives.make(sameDiff, INPUT_KEY);
      }
    }
    Map<String, INDArray> all = paramTable;
    paramTable = new LinkedHashMap<>(all);
    paramTable.keySet().retainAll(learning);
    try {
      return super.backpropGradient(epsilon, workspaces);
    } finally {
      paramTable = all;
    }
  }
}
