import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * Takes over what a sweep found as a network of Deeplearning4j: loads a trial that {@code
 * jobs/export.sh TRIAL DIR --format dl4j} wrote, classifies texts, freezes all below the head,
 * trains on for two epochs, and saves.
 *
 * <pre>
 * java -cp 'jars/*:peft-sweep-dl4j.jar:classes' FineTuneNetwork DIR/dl4j train.tsv better.zip
 * </pre>
 *
 * <p>Lines of {@code train.tsv} are a label, a tab and a text; or two texts with a tab between.
 */
public final class FineTuneNetwork {
  private static final int EPOCHS = 2;

  /** What the head's layers begin with. */
  private static final String HEAD = "classifier";

  private record Example(String label, String first, String second) {}

  private final BytePairs tokenizer;
  private final List<String> labels = new ArrayList<>();
  private final int tokens;
  private final int padding;
  private final int batch;
  private final double rate;

  private FineTuneNetwork(Path folder) throws IOException {
    tokenizer = new BytePairs(folder.resolve("tokenizer.json"));
    JsonNode task = new ObjectMapper().readTree(folder.resolve("task.json").toFile());
    task.get("labels").forEach(label -> labels.add(label.asText()));
    tokens = task.get("tokens").asInt();
    padding = task.get("padding").asInt();
    batch = task.get("batch").asInt();
    rate = task.get("learning-rate").asDouble();
  }

  public static void main(String... args) throws IOException {
    Path folder = Path.of(args[0]);
    FineTuneNetwork program = new FineTuneNetwork(folder);
    ComputationGraph network =
        ModelSerializer.restoreComputationGraph(folder.resolve("model.zip").toFile());
    List<Example> examples = read(Path.of(args[1]));
    program.classify(network, examples.subList(0, 3));
    System.out.println("loss before " + network.score(program.data(examples)));
    ComputationGraph better = program.frozen(network);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      for (int from = 0; from < examples.size(); from += program.batch) {
        int to = Math.min(examples.size(), from + program.batch);
        better.fit(program.data(examples.subList(from, to)));
      }
    }
    System.out.println("loss after " + better.score(program.data(examples)));
    ModelSerializer.writeModel(better, new File(args[2]), true);
  }

  /** Freezes all that the head reads: base and adapters. */
  private ComputationGraph frozen(ComputationGraph network) {
    Map<String, List<String>> inputs = network.getConfiguration().getVertexInputs();
    String below =
        inputs.keySet().stream()
            .filter(name -> name.startsWith(HEAD))
            .map(name -> inputs.get(name).get(0))
            .filter(name -> !name.startsWith(HEAD))
            .findFirst()
            .orElseThrow();
    return new TransferLearning.GraphBuilder(network)
        .fineTuneConfiguration(new FineTuneConfiguration.Builder().updater(new Adam(rate)).build())
        .setFeatureExtractor(below)
        .build();
  }

  private static List<Example> read(Path file) throws IOException {
    List<Example> examples = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      String[] cells = line.split("\t");
      examples.add(new Example(cells[0], cells[1], cells.length > 2 ? cells[2] : null));
    }
    return examples;
  }

  private void classify(ComputationGraph network, List<Example> examples) {
    INDArray shares = network.outputSingle(data(examples).getFeatures());
    for (int i = 0; i < examples.size(); i++) {
      int best = shares.getRow(i).argMax(0).getInt(0);
      System.out.printf(
          "%s %.6f %s%n", labels.get(best), shares.getDouble(i, best), examples.get(i).first());
    }
  }

  private MultiDataSet data(List<Example> examples) {
    int rows = examples.size();
    INDArray ids = Nd4j.valueArrayOf(new long[] {rows, tokens}, padding, DataType.FLOAT);
    INDArray mask = Nd4j.zeros(DataType.FLOAT, rows, tokens);
    INDArray answers = Nd4j.zeros(DataType.FLOAT, rows, labels.size());
    for (int i = 0; i < rows; i++) {
      Example example = examples.get(i);
      List<Integer> own = tokenizer.encode(example.first(), example.second(), tokens);
      for (int j = 0; j < own.size(); j++) {
        ids.putScalar(i, j, own.get(j));
        mask.putScalar(i, j, 1);
      }
      answers.putScalar(i, labels.indexOf(example.label()), 1);
    }
    return new MultiDataSet(new INDArray[] {ids, mask}, new INDArray[] {answers});
  }
}
