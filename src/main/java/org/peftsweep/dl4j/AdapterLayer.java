package org.peftsweep.dl4j;

import java.util.LinkedHashMap;
import java.util.Map;
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
  /** The frozen weight {@code [out, in]}. */
  public static final String WEIGHT = "weight";

  /** The bias {@code [1, out]}. */
  public static final String BIAS = "bias";

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
   * Makes a layer that is to be recorded.
   *
   * @param method by id
   * @param settings from which it starts anew; empty where it is a trial's
   * @param seed of the start
   */
  static AdapterLayer of(
      String method, Map<String, String> settings, Activation activation, long seed) {
    AdapterLayer layer =
        switch (method) {
          case "lora" -> new LoRALayer();
          case "dora" -> new DoRALayer();
          case "ia3" -> new IA3Layer();
          default -> new AdapterLayer();
        };
    layer.method = method;
    layer.settings = new LinkedHashMap<>(settings);
    layer.activation = activation;
    layer.seed = seed;
    return layer;
  }

  /** Returns the id of the method. */
  public final String method() {
    return method;
  }

  final Map<String, String> settings() {
    return settings;
  }

  final long seed() {
    return seed;
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
      initWeights((int) shape[1], (int) shape[0], weightInit, params.get(WEIGHT));
      Adapters.start(this, params);
    }
  }
}
