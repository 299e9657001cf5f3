package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.data.grammar.Corpus;
import org.peftsweep.data.grammar.GrammarSettings;
import org.peftsweep.spec.Pretraining;

class PretrainerTest {
  @TempDir Path folder;

  @Test
  void theSameTextGivesTheSameFilesBitForBit() throws IOException {
    run(20, folder.resolve("first"));
    run(20, folder.resolve("second"));
    for (String file : List.of("config.json", "model.safetensors", "tokenizer.json")) {
      assertThat(folder.resolve("second").resolve(file))
          .hasSameBinaryContentAs(folder.resolve("first").resolve(file));
    }
  }

  @Test
  void learnsToFillInMaskedTokens() {
    Pretrainer.Quality before = run(0, folder.resolve("before"));
    Pretrainer.Quality after = run(800, folder.resolve("after"));
    assertThat(before.accuracy()).isLessThan(0.05);
    assertThat(after.accuracy()).isGreaterThan(0.15);
    assertThat(after.loss()).isLessThan(before.loss() - 1);
  }

  @Test
  void writesAModelThatCanBeOpenedWithATokenizerForAnyText() throws IOException {
    Path model = folder.resolve("model");
    run(1, model);
    assertThat(Files.exists(model.resolve("model.safetensors"))).isTrue();
    try (Checkpoint checkpoint = Checkpoint.open(model);
        Tokenizer tokenizer = Tokenizer.open(model)) {
      assertThat(checkpoint.config().sizes().vocabulary()).isEqualTo(tokenizer.vocabularyTokens());
      assertThat(checkpoint.config().dropout().hidden()).isEqualTo(0.1);
      assertThat(checkpoint.find("encoder.layer.0.attention.self.query.weight").shape())
          .containsExactly(32L, 32L);
      String text = "Ärger \uD83D\uDE00 \u0000 never seen";
      assertThat(tokenizer.decode(tokenizer.encodeRaw(text))).isEqualTo(text);
    }
  }

  private static Pretrainer.Quality run(int steps, Path folder) {
    List<String> passages =
        new Corpus(GrammarSettings.STANDARD, 0)
            .documents(3000)
            .map(document -> String.join("\t", document))
            .toList();
    Pretraining settings =
        new Pretraining(
            "tiny",
            List.of(Pretraining.BUILT_IN),
            List.of(),
            "",
            passages.size(),
            600,
            new Pretraining.Shape(32, 1, 2, 64, 48, 0.1),
            new Pretraining.Course(
                0.2, steps, 32, 40, 0.1, 5e-3, 0.1, 0.01, 1, 0.9, 0.98, 1e-6, 3));
    try (Backend backend = Backends.open(Backends.DEFAULT, 1)) {
      return new Pretrainer(settings, backend, line -> {}).run(passages, folder);
    }
  }
}
