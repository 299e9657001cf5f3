package org.peftsweep.dl4j;

import java.util.LinkedHashMap;
import java.util.Map;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * A dense product {@code [n, in]} to {@code [n, out]} whose weight is frozen, with what a method
 * adds to it: the method's own definition, recorded. There is no dropout.
 *
 * <p>{@link Adapters} makes one of any method, and puts one over a layer that is there. No method's
 * own class is named here, so that a saved layer loads without.
 */
public class AdapterLayer extends RecordedLayer {
  @JsonProperty("method")
  private String method;

  @JsonProperty("settings")
  private Map<String, String> settings = new LinkedHashMap<>();

  @JsonProperty("activation")
  private Activation activation = Activation.IDENTITY;

  @JsonProperty("seed")
  private long seed;

  /** For Jackson. */
  protected AdapterLayer() {}

  /**
   * Says what method it is, before it is recorded.
   *
   * @param method by id
   * @param settings from which it starts anew; empty where it is a trial's
   * @param seed of the start
   */
  final void adapt(String method, Map<String, String> settings, Activation activation, long seed) {
    this.method = method;
    this.settings = new LinkedHashMap<>(settings);
    this.activation = activation;
    this.seed = seed;
  }

  /** Returns the id of the method. */
  public final String method() {
    return method;
  }

  @Override
  public SDVariable defineLayer(
      SameDiff sameDiff, SDVariable input, Map<String, SDVariable> table, SDVariable mask) {
    SDVariable y = super.defineLayer(sameDiff, input, table, mask);
    return activation == Activation.IDENTITY ? y : activation.asSameDiff(sameDiff, y);
  }

  @Override
  public void initializeParameters(Map<String, INDArray> params) {
    super.initializeParameters(params);
    if (out() > 0) {
      long[] shape = parameters().get(WEIGHT).shape();
      initWeights(
          (int) shape[1],
          (int) shape[0],
          weightInit == null ? WeightInit.XAVIER : weightInit,
          params.get(WEIGHT));
      start(params);
    }
  }

  /** Starts the adapter from the weight and the bias that the layer has. */
  final void start(Map<String, INDArray> params) {
    DenseAdapter.of(method, settings, params.get(WEIGHT), params.get(BIAS), seed)
        .values()
        .forEach((name, values) -> params.get(name).assign(values));
  }
}
