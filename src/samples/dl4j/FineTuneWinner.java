import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * Takes over what a sweep found, with nothing but ND4J on the class path: loads a trial that {@code
 * jobs/export.sh TRIAL DIR --format samediff} wrote, classifies texts, trains on for two epochs,
 * and saves.
 *
 * <pre>
 * java -cp 'jars/*:classes' FineTuneWinner DIR/samediff train.tsv better.fb
 * </pre>
 *
 * <p>Lines of {@code train.tsv} are a label, a tab and a text; or two texts with a tab between.
 */
public final class FineTuneWinner {
  private static final int EPOCHS = 2;

  private record Example(String label, String first, String second) {}

  private final SameDiff graph;
  private final BytePairs tokenizer;
  private final List<String> labels = new ArrayList<>();
  private final int tokens;
  private final int padding;
  private final int batch;

  private FineTuneWinner(Path folder) throws IOException {
    graph = SameDiff.load(folder.resolve("model.fb").toFile(), false);
    tokenizer = new BytePairs(folder.resolve("tokenizer.json"));
    JsonNode task = new ObjectMapper().readTree(folder.resolve("task.json").toFile());
    task.get("labels").forEach(label -> labels.add(label.asText()));
    tokens = task.get("tokens").asInt();
    padding = task.get("padding").asInt();
    batch = task.get("batch").asInt();
    graph.setTrainingConfig(
        new TrainingConfig.Builder()
            .updater(new Adam(task.get("learning-rate").asDouble()))
            .weightDecay(task.get("weight-decay").asDouble(), true)
            .dataSetFeatureMapping("ids", "mask")
            .dataSetLabelMapping("labels")
            .build());
  }

  public static void main(String... args) throws IOException {
    FineTuneWinner winner = new FineTuneWinner(Path.of(args[0]));
    List<Example> examples = read(Path.of(args[1]));
    winner.classify(examples.subList(0, 3));
    System.out.println("loss before " + winner.loss(examples));
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      winner.train(examples);
    }
    System.out.println("loss after " + winner.loss(examples));
    winner.graph.save(new File(args[2]), false);
  }

  private static List<Example> read(Path file) throws IOException {
    List<Example> examples = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      String[] cells = line.split("\t");
      examples.add(new Example(cells[0], cells[1], cells.length > 2 ? cells[2] : null));
    }
    return examples;
  }

  private void classify(List<Example> examples) {
    INDArray shares =
        graph.output(inputs(examples), List.of("probabilities")).get("probabilities");
    for (int i = 0; i < examples.size(); i++) {
      int best = shares.getRow(i).argMax(0).getInt(0);
      System.out.printf(
          "%s %.6f %s%n", labels.get(best), shares.getDouble(i, best), examples.get(i).first());
    }
  }

  private double loss(List<Example> examples) {
    Map<String, INDArray> inputs = inputs(examples);
    inputs.put("labels", answers(examples));
    return graph.output(inputs, List.of("loss")).get("loss").getDouble(0);
  }

  private void train(List<Example> examples) {
    for (int from = 0; from < examples.size(); from += batch) {
      List<Example> some = examples.subList(from, Math.min(examples.size(), from + batch));
      Map<String, INDArray> inputs = inputs(some);
      graph.fit(
          new MultiDataSet(
              new INDArray[] {inputs.get("ids"), inputs.get("mask")},
              new INDArray[] {answers(some)}));
    }
  }

  private Map<String, INDArray> inputs(List<Example> examples) {
    int[][] ids = new int[examples.size()][tokens];
    int[][] mask = new int[examples.size()][tokens];
    for (int i = 0; i < ids.length; i++) {
      List<Integer> own =
          tokenizer.encode(examples.get(i).first(), examples.get(i).second(), tokens);
      for (int j = 0; j < tokens; j++) {
        ids[i][j] = j < own.size() ? own.get(j) : padding;
        mask[i][j] = j < own.size() ? 1 : 0;
      }
    }
    Map<String, INDArray> inputs = new java.util.HashMap<>();
    inputs.put("ids", Nd4j.createFromArray(ids));
    inputs.put("mask", Nd4j.createFromArray(mask));
    return inputs;
  }

  private INDArray answers(List<Example> examples) {
    return Nd4j.createFromArray(
        examples.stream().mapToInt(example -> labels.indexOf(example.label())).toArray());
  }
}
