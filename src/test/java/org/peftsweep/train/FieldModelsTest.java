package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.TestFolders;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.DType;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Seeds;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.RandomWeights;
import org.peftsweep.model.Role;
import org.peftsweep.model.TrainedTensors;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/** Sweep files over models as people have them, run as they stand. */
class FieldModelsTest {
  private static final Configuration HADOOP = new Configuration();

  @TempDir Path folder;

  /** A Llama without a padding token, texts of unequal length. */
  @Test
  void aLlamaWithoutAPaddingTokenScoresAnExampleTheSameUnderAnyPadding() throws IOException {
    Path given = TestFolders.shared("cases").resolve("01-llama-no-pad");
    Path llama = model("llama", given.resolve("m/llama"));
    String withPad =
        Files.readString(llama.resolve("config.json"))
            .replace("\"pad_token_id\": null", "\"pad_token_id\": 1");
    Path llamaPad = model("llamapad", llama);
    Files.writeString(llamaPad.resolve("config.json"), withPad);
    copy(given.resolve("d/uni/tix"), folder.resolve("d/uni/tix"));
    double[] wanted = scores(run(given.resolve("pad-llama-longest.yaml")));
    assertThat(wanted.length).isPositive();
    for (String name : List.of("pad-llama-max", "pad-llamapad-longest", "pad-llamapad-max")) {
      assertThat(scores(run(given.resolve(name + ".yaml"))))
          .as(name)
          .containsExactly(wanted, within(1e-5));
    }
  }

  /** A BERT after masked-language modelling, which has no pooler. */
  @Test
  void aBertWithoutAPoolerDrawsOneFromTheSeedOfTheTrial() throws IOException {
    Path given = TestFolders.shared("cases").resolve("12-bert-no-pooler");
    Path bert = Files.createDirectories(folder.resolve("m/bert"));
    Files.copy(given.resolve("config.json"), bert.resolve("config.json"));
    tokenizer(bert);
    withoutPooler(bert);
    try (Checkpoint checkpoint = Checkpoint.open(bert)) {
      assertThat(Models.requireComplete(checkpoint))
          .containsExactly("bert.pooler.dense.weight", "bert.pooler.dense.bias");
    }
    Outcome once = run(given.resolve("mod-bert.yaml"));
    assertThat(once.status()).isEqualTo(Status.FINISHED);
    assertThat(scores(run(given.resolve("mod-bert.yaml")))).isEqualTo(scores(once));
    assertThat(scores(run(given.resolve("mod-bert.yaml"), "seeds", "[1]")))
        .isNotEqualTo(scores(once));
    // The pooler is the trial's own memory, and the byte model knows it.
    assertThat(once.predictedPeakBytes()).isEqualTo(once.peakBytes());
  }

  private static void withoutPooler(Path folder) {
    ModelConfig config = ModelConfig.read(folder.resolve("config.json"));
    SafeTensorsWriter tensors = new SafeTensorsWriter();
    try (Backend backend = Backends.open(Backends.DEFAULT, 1);
        Model model =
            Models.build(config, 2, backend, new RandomWeights(backend, 0.02, new Seeds(1)))) {
      model.parameters().stream()
          .filter(parameter -> parameter.role() != Role.HEAD && parameter.role() != Role.POOLER)
          .forEach(
              parameter ->
                  tensors.add(
                      parameter.name(),
                      DType.F32,
                      TrainedTensors.shape(parameter),
                      TrainedTensors.source(backend, parameter.asWeight())));
      tensors.write(folder.resolve("model.safetensors"));
    }
  }

  private Path model(String name, Path from) throws IOException {
    Path to = folder.resolve("m").resolve(name);
    copy(from, to);
    if (!Files.exists(to.resolve("tokenizer.json"))) {
      tokenizer(to);
    }
    return to;
  }

  private static void tokenizer(Path folder) throws IOException {
    try (InputStream in =
        FieldModelsTest.class.getResourceAsStream("/models/mini/tokenizer.json")) {
      Files.copy(in, folder.resolve("tokenizer.json"));
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (var files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName().toString()));
      }
    }
  }

  private Outcome run(Path given, String... overrides) throws IOException {
    Path file = folder.resolve(given.getFileName().toString());
    Files.writeString(file, Files.readString(given).replace("@DIR@", folder.toString()));
    Library library = new Library(HADOOP);
    Map<String, String> set = overrides.length == 0 ? Map.of() : Map.of(overrides[0], overrides[1]);
    Trial trial =
        SweepFile.read(file.toString(), set, HADOOP)
            .expand(library::modelHash, library::taskHash)
            .get(0);
    try (Backend backend = Backends.open(Backends.DEFAULT, 1)) {
      return new TrialRun(library, backend).run(trial, Progress.SILENT);
    }
  }

  private static double[] scores(Outcome outcome) {
    return outcome.predictions().stream()
        .flatMapToDouble(prediction -> DoubleStream.of(prediction.score()))
        .toArray();
  }
}
