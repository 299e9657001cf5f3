package org.peftsweep.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.BpeTrainer;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.method.Method;
import org.peftsweep.model.MergedModel;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.RandomWeights;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;

/**
 * Folders with a tiny model of any architecture that was never trained, and tasks of sixteen short
 * texts: with three labels, of one text or two, with values, and to write.
 */
final class TinyFamilies {
  /** Tokens of a row at most. */
  static final int TOKENS = 12;

  /** Those that every model learns. */
  static final List<String> LABELLED = List.of("single", "pair", "value");

  /** That of models that write. */
  static final String WRITTEN = "written";

  /** Outputs of models that write. */
  static final int VOCABULARY = 280;

  private static final int POSITIONS = 32;
  private static final List<String> WORDS =
      List.of("red", "green", "blue", "dog", "cat", "runs", "sleeps", "fast");
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path folder;
  private final List<List<String>> texts;

  /** Writes the data into a folder. */
  TinyFamilies(Path folder) {
    this.folder = folder;
    SplittableRandom random = new SplittableRandom(1);
    this.texts = IntStream.range(0, 32).mapToObj(i -> List.of(text(random), text(random))).toList();
    try {
      for (String task : LABELLED) {
        write(task);
      }
      write(WRITTEN);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String text(SplittableRandom random) {
    return String.join(
        " ", random.ints(1 + random.nextInt(5), 0, WORDS.size()).mapToObj(WORDS::get).toList());
  }

  private void write(String task) throws IOException {
    for (String part : List.of("train", "dev")) {
      List<String> rows = new ArrayList<>();
      for (int i = part.equals("dev") ? 1 : 0; i < texts.size(); i += 2) {
        rows.add(
            JSON.writeValueAsString(
                Map.of(
                    "first", texts.get(i).get(0),
                    "second", texts.get(i).get(1),
                    "label", List.of("x", "y", "z").get(i % 3),
                    "value", i % 5)));
      }
      Path file = folder.resolve("data").resolve(task).resolve(part + ".jsonl");
      Files.createDirectories(file.getParent());
      Files.write(file, rows);
    }
  }

  /** Returns the folder of a model, which is written where it is missing. */
  private Path model(Architecture architecture) {
    Path model = folder.resolve(architecture.modelTypes().get(0));
    if (Files.exists(model)) {
      return model;
    }
    ModelConfig config = TinyModels.config(architecture, 2, VOCABULARY, POSITIONS);
    int outputs = TinyModels.isDecoder(architecture) ? Task.NEXT_TOKEN : TinyModels.OUTPUTS;
    try (Backend backend = Backends.open(Backends.DEFAULT, 1);
        Model made =
            Models.build(
                config,
                outputs,
                backend,
                new RandomWeights(backend, config.initializerRange(), new Seeds(7)))) {
      Files.createDirectories(model);
      MergedModel.writeBase(model, config, made, backend);
      Files.writeString(
          model.resolve("tokenizer.json"),
          new BpeTrainer(VOCABULARY, 2).train(texts.stream().flatMap(List::stream)).toString());
      Files.writeString(
          model.resolve("tokenizer_config.json"),
          JSON.writeValueAsString(Map.of("bos_token", "<s>", "eos_token", "</s>")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return model;
  }

  /**
   * Returns a trial of a few steps.
   *
   * @param weights how the base's matrices are stored
   */
  Trial trial(
      Library library, Architecture architecture, Method method, String task, String weights) {
    String text = sweep(model(architecture), task, weights, method.learns() ? 2 : 0);
    Trial plain =
        SweepFile.read(
                "x.yaml",
                Map.of(),
                location -> Optional.ofNullable(location.equals("x.yaml") ? text : null))
            .expand(library::modelHash, library::taskHash)
            .get(0);
    Set<Role> targets = method.usesTargets() ? plain.targets() : Set.of();
    return new Trial(
        plain.model(),
        plain.task(),
        method,
        targets,
        plain.rates(),
        plain.training(),
        plain.seed());
  }

  private String sweep(Path model, String task, String weights, int steps) {
    return """
    name: tiny
    model: %s
    weights: %s
    data: %s
    tasks: [%s]
    declare-tasks:
      single: {text-columns: [first], label-column: label, labels: [x, y, z], metrics: [accuracy]}
      pair:
        {text-columns: [first, second], label-column: label, labels: [x, y, z], metrics: [accuracy]}
      value: {text-columns: [first, second], label-column: value, metrics: [pearson]}
      written:
        {prompt-columns: [first], completion-column: second, metrics: [token-accuracy, loss]}
    grid: [{method: %s}]
    training: {%smax-tokens: %d, batch: 4}
    rates: {learning-rate: 1e-2}
    """
        .formatted(
            model,
            weights,
            folder.resolve("data"),
            task,
            steps == 0 ? "untrained" : "lora, targets: [[query, value, ffn-up, ffn-down]]",
            steps == 0 ? "" : "epochs: 1, max-steps: " + steps + ", ",
            TOKENS);
  }
}
