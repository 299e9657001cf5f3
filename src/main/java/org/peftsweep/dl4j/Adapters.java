package org.peftsweep.dl4j;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.peftsweep.method.DoRA;
import org.peftsweep.method.IA3;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;
import org.peftsweep.model.Roles;

/**
 * Puts a method over dense layers, and over plain projections of exported models, of a network that
 * is there: their weights freeze, all else is as it was. The network that comes out starts with the
 * same outputs, where the method does.
 */
public final class Adapters {
  private Adapters() {}

  /**
   * Makes a layer whose weight is drawn, and whose adapter starts as the method says.
   *
   * @param seed of the adapter
   * @throws IllegalArgumentException if the method is none of a single product
   */
  public static AdapterLayer layer(
      Method method, int in, int out, boolean hasBias, Activation activation, long seed) {
    AdapterLayer layer = named(method.id(), MethodSettings.of(method), activation, seed);
    float[] bias = hasBias ? new float[out] : null;
    DenseAdapter adapter = DenseAdapter.record(method, in, out, new float[out * in], bias, seed);
    layer.record(adapter.operations(), adapter.parameters(), out);
    return layer;
  }

  /** Makes a layer of LoRA with a bias, whose weight is drawn. */
  public static LoRALayer lora(int in, int out, int rank, double alpha, long seed) {
    Method method = new LoRA(rank, alpha, 0);
    return (LoRALayer) layer(method, in, out, true, Activation.IDENTITY, seed);
  }

  /** Makes a layer of DoRA with a bias, whose weight is drawn. */
  public static DoRALayer dora(int in, int out, int rank, double alpha, long seed) {
    Method method = new DoRA(rank, alpha, 0);
    return (DoRALayer) layer(method, in, out, true, Activation.IDENTITY, seed);
  }

  /** Makes a layer of IA3 over outputs with a bias, whose weight is drawn. */
  public static IA3Layer ia3(int in, int out, long seed) {
    Method method = new IA3(Roles.of());
    return (IA3Layer) layer(method, in, out, true, Activation.IDENTITY, seed);
  }

  /** Makes the layer of a method that is to be recorded. */
  static AdapterLayer named(
      String method, Map<String, String> settings, Activation activation, long seed) {
    AdapterLayer layer =
        switch (method) {
          case "lora" -> new LoRALayer();
          case "dora" -> new DoRALayer();
          case "ia3" -> new IA3Layer();
          default -> new AdapterLayer();
        };
    layer.adapt(method, settings, activation, seed);
    return layer;
  }

  /**
   * Returns a network with a method over some of its layers.
   *
   * @param seed of the adapters
   * @param layers by name
   * @throws IllegalArgumentException if one of them is no dense product, or the method is none of a
   *     single product
   */
  public static ComputationGraph over(
      ComputationGraph network, Method method, long seed, String... layers) {
    ComputationGraphConfiguration conf = network.getConfiguration().clone();
    Map<String, NeuralNetConfiguration> own = new TreeMap<>();
    conf.getVertices()
        .forEach(
            (name, vertex) -> {
              if (vertex instanceof LayerVertex layer) {
                own.put(name, layer.getLayerConf());
              }
            });
    replace(own, method, seed, layers);
    ComputationGraph made = new ComputationGraph(conf);
    made.init();
    for (String name : own.keySet()) {
      copy(network.getLayer(name), made.getLayer(name));
    }
    return made;
  }

  /** The same for a network of layers one after the other. */
  public static MultiLayerNetwork over(
      MultiLayerNetwork network, Method method, long seed, String... layers) {
    MultiLayerConfiguration conf = network.getLayerWiseConfigurations().clone();
    Map<String, NeuralNetConfiguration> own = new TreeMap<>();
    conf.getConfs().forEach(each -> own.put(each.getLayer().getLayerName(), each));
    replace(own, method, seed, layers);
    MultiLayerNetwork made = new MultiLayerNetwork(conf);
    made.init();
    for (int i = 0; i < made.getnLayers(); i++) {
      copy(network.getLayer(i), made.getLayer(i));
    }
    return made;
  }

  private static void replace(
      Map<String, NeuralNetConfiguration> all, Method method, long seed, String... layers) {
    for (String name : layers) {
      NeuralNetConfiguration conf = all.get(name);
      AdapterLayer layer = conf == null ? null : over(conf.getLayer(), method, seed);
      if (layer == null) {
        throw new IllegalArgumentException(
            "Cannot put %s over %s: give dense layers, such as those of %s"
                .formatted(method.id(), name, dense(all)));
      }
      layer.setLayerName(name);
      conf.setLayer(layer);
      conf.clearVariables();
    }
  }

  private static List<String> dense(Map<String, NeuralNetConfiguration> all) {
    return all.keySet().stream().filter(name -> isDense(all.get(name).getLayer())).toList();
  }

  private static boolean isDense(Layer layer) {
    return layer instanceof ProjectionLayer
        || layer instanceof DenseLayer dense && !dense.hasLayerNorm();
  }

  /** Returns null where a layer is no dense product. */
  private static AdapterLayer over(Layer layer, Method method, long seed) {
    if (!isDense(layer)) {
      return null;
    }
    AdapterLayer made;
    if (layer instanceof DenseLayer dense) {
      int in = Math.toIntExact(dense.getNIn());
      int out = Math.toIntExact(dense.getNOut());
      Activation activation = activation(dense.getActivationFn());
      made = layer(method, in, out, dense.hasBias(), activation, seed);
      made.setUpdater(dense.getIUpdater());
      made.setBiasUpdater(dense.getBiasUpdater());
      made.setRegularization(dense.getRegularization());
      made.setGradientNormalization(dense.getGradientNormalization());
      made.setGradientNormalizationThreshold(dense.getGradientNormalizationThreshold());
    } else {
      ProjectionLayer plain = (ProjectionLayer) layer;
      long[] shape = plain.parameters().get(AdapterLayer.WEIGHT).shape();
      boolean hasBias = plain.parameters().containsKey(AdapterLayer.BIAS);
      made = layer(method, (int) shape[1], (int) shape[0], hasBias, Activation.IDENTITY, seed);
      made.setUpdater(plain.getUpdater());
      made.setBiasUpdater(plain.getBiasUpdater());
      made.setRegularization(plain.getRegularization());
      made.setGradientNormalization(plain.getGradientNormalization());
      made.setGradientNormalizationThreshold(plain.getGradientNormalizationThreshold());
    }
    return made;
  }

  private static Activation activation(IActivation function) {
    return Arrays.stream(Activation.values())
        .filter(each -> each.getActivationFunction().getClass() == function.getClass())
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "Cannot adapt a layer of " + function + ": SameDiff has no such activation"));
  }

  private static void copy(
      org.deeplearning4j.nn.api.Layer from, org.deeplearning4j.nn.api.Layer to) {
    if (!(to.conf().getLayer() instanceof AdapterLayer layer)
        || from.conf().getLayer() instanceof AdapterLayer) {
      if (from.numParams() > 0) {
        to.setParams(from.params());
      }
      return;
    }
    Map<String, INDArray> table = to.paramTable();
    boolean isOurs = from.conf().getLayer() instanceof ProjectionLayer;
    INDArray weight = from.getParam(isOurs ? AdapterLayer.WEIGHT : "W");
    table.get(AdapterLayer.WEIGHT).assign(isOurs ? weight : weight.transpose());
    if (table.containsKey(AdapterLayer.BIAS)) {
      INDArray bias = from.getParam(isOurs ? AdapterLayer.BIAS : "b");
      table.get(AdapterLayer.BIAS).assign(bias.reshape(table.get(AdapterLayer.BIAS).shape()));
    }
    layer.start(table);
  }
}
