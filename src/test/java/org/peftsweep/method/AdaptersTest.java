package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Seeds;
import org.peftsweep.dl4j.AdapterLayer;
import org.peftsweep.dl4j.Adapters;
import org.peftsweep.dl4j.LoRALayer;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Addition;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

/** Methods over dense layers of networks that know nothing of transformers. */
class AdaptersTest {
  private static final int IN = 8;
  private static final int WIDTH = 12;
  private static final String LAYER = "hidden";

  private static MultiLayerNetwork network() {
    MultiLayerConfiguration conf =
        new NeuralNetConfiguration.Builder()
            .seed(3)
            .updater(new Sgd(0.1))
            .list()
            .layer(
                new DenseLayer.Builder()
                    .name(LAYER)
                    .nIn(IN)
                    .nOut(WIDTH)
                    .activation(Activation.TANH)
                    .build())
            .layer(
                new OutputLayer.Builder(LossFunction.MCXENT)
                    .name("classes")
                    .nIn(WIDTH)
                    .nOut(3)
                    .activation(Activation.SOFTMAX)
                    .build())
            .build();
    MultiLayerNetwork network = new MultiLayerNetwork(conf);
    network.init();
    network.getLayer(0).getParam("b").assign(Nd4j.rand(1, WIDTH));
    return network;
  }

  static Stream<String> everyMethod() {
    return MethodContractTest.SAMPLES.keySet().stream();
  }

  @ParameterizedTest
  @ValueSource(strings = {"dora", "ia3", "lora", "oft", "pissa", "vera", "eva"})
  void aMethodOfOneProductIsALayer(String id) throws IOException {
    isALayerOrRefused(id);
  }

  @Tag("long")
  @ParameterizedTest
  @MethodSource("everyMethod")
  void isALayerOrRefused(String id) throws IOException {
    Method method = MethodContractTest.SAMPLES.get(id);
    MultiLayerNetwork base = network();
    if (!isOfProducts(method)) {
      assertThatThrownBy(() -> Adapters.over(base, method, 7, LAYER))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("Cannot make a layer of " + id + ": ");
      return;
    }
    INDArray x = Nd4j.rand(6, IN);
    INDArray labels = Nd4j.eye(3).repeat(0, 2).castTo(DataType.FLOAT);
    MultiLayerNetwork adapted = Adapters.over(base, method, 7, LAYER);
    if (method.startsAtBase()) {
      assertClose(id, adapted.output(x), base.output(x));
    }
    INDArray weight = adapted.getLayer(0).getParam(AdapterLayer.WEIGHT).dup();
    DataSet data = new DataSet(x, labels);
    double loss = adapted.score(data);
    INDArray before = adapted.getLayer(0).params().dup();
    for (int i = 0; i < 5; i++) {
      adapted.fit(x, labels);
    }
    assertThat(adapted.score(data)).isLessThan(loss);
    assertThat(adapted.getLayer(0).params()).isNotEqualTo(before);
    assertThat(adapted.getLayer(0).getParam(AdapterLayer.WEIGHT)).isEqualTo(weight);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ModelSerializer.writeModel(adapted, bytes, true);
    MultiLayerNetwork restored =
        ModelSerializer.restoreMultiLayerNetwork(
            new ByteArrayInputStream(bytes.toByteArray()), true);
    assertThat(restored.output(x)).isEqualTo(adapted.output(x));
    assertThat(((AdapterLayer) restored.getLayer(0).conf().getLayer()).method()).isEqualTo(id);
  }

  /**
   * Whether a method, attached to a whole model without data, adapts products and nothing else but
   * norms, which dense layers have none of.
   */
  private static boolean isOfProducts(Method method) {
    try (Backend backend = Backends.open("cpu", 1);
        Model model = TinyModels.model(TinyModels.BERT, backend)) {
      List<Parameter> head = model.trainable();
      Set<Role> targets =
          method.usesTargets() ? EnumSet.of(Role.QUERY) : EnumSet.noneOf(Role.class);
      AttachContext to = new AttachContext(model, targets, backend, new Seeds(1));
      try (MethodHooks hooks = method.attach(to)) {
        boolean trainsBase =
            model.parameters().stream()
                .anyMatch(each -> each.isTrainable() && !head.contains(each));
        List<Addition> places = new ArrayList<>();
        model.projections().forEach(linear -> places.add(linear.adapter()));
        model.norms().forEach(norm -> places.add(norm.adapter()));
        return Methods.all().containsKey(method.id())
            && !trainsBase
            && model.projections().stream().anyMatch(linear -> linear.adapter() != null)
            && places.containsAll(model.additions());
      } catch (ImpossibleSettingException needsData) {
        return false;
      }
    }
  }

  @Test
  void aLayerIsMadeByHand() {
    MultiLayerConfiguration conf =
        new NeuralNetConfiguration.Builder()
            .seed(3)
            .updater(new Sgd(0.1))
            .list()
            .layer(Adapters.lora(IN, WIDTH, 2, 4, 7))
            .layer(
                new OutputLayer.Builder(LossFunction.MSE)
                    .nIn(WIDTH)
                    .nOut(2)
                    .activation(Activation.IDENTITY)
                    .build())
            .build();
    MultiLayerNetwork network = new MultiLayerNetwork(conf);
    network.init();
    assertThat(network.getLayer(0).getParam("lora-B.weight").sumNumber().doubleValue()).isZero();
    assertThat(network.getLayer(0).getParam("lora-A.weight").stdNumber().doubleValue())
        .isPositive();
    assertThat(network.getLayer(0).getParam(AdapterLayer.WEIGHT).stdNumber().doubleValue())
        .isPositive();
    assertThat(network.output(Nd4j.rand(4, IN)).shape()).containsExactly(4, 2);
  }

  @Test
  void aLayerThatIsNoDenseProductIsNamed() {
    assertThatThrownBy(() -> Adapters.over(network(), new LoRA(2, 4, 0), 7, "classes"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("Cannot put lora over classes: give dense layers, such as those of [hidden]");
  }

  @Test
  void aGraphKeepsWhatIsBeside() {
    ComputationGraph graph = network().toComputationGraph();
    INDArray x = Nd4j.rand(6, IN);
    String dense =
        graph.getConfiguration().getVertices().keySet().stream()
            .filter(name -> graph.getLayer(name).conf().getLayer() instanceof DenseLayer)
            .findFirst()
            .orElseThrow();
    ComputationGraph adapted = Adapters.over(graph, new LoRA(2, 4, 0), 7, dense);
    assertClose("graph", adapted.outputSingle(x), graph.outputSingle(x));
    assertThat(List.of(adapted.getLayer(dense).conf().getLayer()))
        .hasOnlyElementsOfType(LoRALayer.class);
  }

  private static void assertClose(String what, INDArray given, INDArray wanted) {
    assertThat(given.sub(wanted).amaxNumber().doubleValue()).as(what).isCloseTo(0, within(1e-5));
  }
}
