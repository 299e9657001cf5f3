package org.peftsweep.dl4j;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.samediff.SDLayerParams;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffLayer;
import org.deeplearning4j.nn.conf.preprocessor.RnnToFeedForwardPreProcessor;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * A layer that repeats recorded operations on rows {@code [n, in]}. Parameters that did not learn
 * where it was recorded are frozen: no updater, decay or norm of gradients sees them.
 */
public class RecordedLayer extends SameDiffLayer {
  /** The weight of a dense product {@code [out, in]}. */
  public static final String WEIGHT = "weight";

  /** Its bias {@code [1, out]}. */
  public static final String BIAS = "bias";

  /** What goes in. */
  static final String INPUT = org.deeplearning4j.nn.layers.samediff.SameDiffLayer.INPUT_KEY;

  @JsonProperty("operations")
  private String operations;

  @JsonProperty("parameters")
  private Map<String, RecordedParameter> parameters = new LinkedHashMap<>();

  @JsonProperty("out")
  private long out;

  /** For Jackson. */
  protected RecordedLayer() {}

  /** Says what the layer does; called once. */
  final void record(String operations, Map<String, RecordedParameter> parameters, long out) {
    this.operations = operations;
    this.parameters = new LinkedHashMap<>(parameters);
    this.out = out;
  }

  /** Returns its parameters by name. */
  public final Map<String, RecordedParameter> parameters() {
    return parameters;
  }

  /** Returns the columns of what comes out, 0 where they are not known. */
  final long out() {
    return out;
  }

  /** Whether a parameter learns. */
  final boolean learns(String name) {
    return parameters.get(name).learns();
  }

  @Override
  public SDVariable defineLayer(
      SameDiff sameDiff, SDVariable input, Map<String, SDVariable> table, SDVariable mask) {
    return Operations.repeat(operations, sameDiff);
  }

  /** Nothing reads it, and Deeplearning4j has none for vectors. */
  @Override
  public INDArray onesMaskForInput(INDArray input) {
    return Nd4j.ones(input.dataType(), 1, 1);
  }

  @Override
  public void defineParameters(SDLayerParams params) {
    parameters.forEach(
        (name, parameter) -> {
          if (parameter.decays()) {
            params.addWeightParam(name, parameter.shape());
          } else {
            params.addBiasParam(name, parameter.shape());
          }
        });
  }

  @Override
  public void initializeParameters(Map<String, INDArray> params) {
    params.values().forEach(each -> each.assign(0));
  }

  @Override
  public IUpdater getUpdaterByParam(String name) {
    double factor = parameters.get(name).rate();
    return factor == 0 ? new NoOp() : ScaledRate.of(super.getUpdaterByParam(name), factor);
  }

  @Override
  public List<Regularization> getRegularizationByParam(String name) {
    getLayerParams();
    return learns(name) ? super.getRegularizationByParam(name) : null;
  }

  @Override
  public Layer instantiate(
      NeuralNetConfiguration conf,
      Collection<TrainingListener> listeners,
      int index,
      INDArray view,
      boolean initializes,
      DataType type) {
    Set<String> learning =
        parameters.keySet().stream().filter(this::learns).collect(Collectors.toUnmodifiableSet());
    LayerRun run = new LayerRun(conf, type, learning);
    run.setIndex(index);
    run.setParamsViewArray(view);
    run.setParamTable(initializer().init(conf, view, initializes));
    run.setConf(conf);
    return run;
  }

  @Override
  public InputType getOutputType(int index, InputType input) {
    return InputType.feedForward(out);
  }

  @Override
  public InputPreProcessor getPreProcessorForInputType(InputType type) {
    return type instanceof InputType.InputTypeRecurrent recurrent
        ? new RnnToFeedForwardPreProcessor(recurrent.getFormat())
        : null;
  }
}
