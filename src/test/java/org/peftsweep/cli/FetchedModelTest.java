package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.commons.codec.digest.DigestUtils;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.TestFolders;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.spec.BaseModel;

/** What is made of an artifact, by the example of a small one. */
class FetchedModelTest {
  private static final PrintStream SILENT = new PrintStream(OutputStream.nullOutputStream());
  private static final String WORDS = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nsun\nrises\n";

  private final Path golden = TestFolders.golden().resolve("models").resolve("bert_a2");

  @TempDir Path folder;
  private Path jar;

  @BeforeEach
  void makeArtifact() throws IOException {
    jar = folder.resolve("model.jar");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
      zip.putNextEntry(new ZipEntry("weights"));
      Files.copy(golden.resolve("model.safetensors"), zip);
      zip.putNextEntry(new ZipEntry("words"));
      zip.write(WORDS.getBytes(StandardCharsets.UTF_8));
    }
  }

  @Test
  void theFolderIsAModelWithATokenizerAndANoteOfItsOrigin() throws IOException {
    Path made = folder.resolve("made");
    FetchedModel.write(model(sha256()), jar, work(), made, SILENT);
    try (Checkpoint checkpoint = Checkpoint.open(made);
        Checkpoint wanted = Checkpoint.open(golden);
        Tokenizer tokenizer = Tokenizer.open(made)) {
      assertThat(checkpoint.tensors().keySet()).isEqualTo(wanted.tensors().keySet());
      String name = "bert.encoder.layer.0.attention.self.query.weight";
      assertThat(checkpoint.find(name).floats()).isEqualTo(wanted.find(name).floats());
      assertThat(tokenizer.encode("sun rises").ids()).containsExactly(2, 5, 6, 3);
    }
    assertThat(made.resolve("README.md"))
        .content()
        .contains("A test", "Apache-2.0", "https://example.org", "a:b:1", sha256());
  }

  @Test
  void anotherJarIsRefusedAndNothingIsLeft() {
    Path made = folder.resolve("made");
    assertThatThrownBy(() -> FetchedModel.write(model("0".repeat(64)), jar, work(), made, SILENT))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("its SHA-256 is " + sha256());
    assertThat(made).doesNotExist();
  }

  @Test
  void weightsThatDoNotFitTheConfigurationAreRefused() throws IOException {
    Path made = folder.resolve("made");
    BaseModel other = model(sha256());
    other.config().put("intermediate_size", 4);
    assertThatThrownBy(() -> FetchedModel.write(other, jar, work(), made, SILENT))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("its shape is");
    assertThat(made).doesNotExist();
  }

  @Test
  void theListNamesWholeArtifactsOnly() {
    assertThat(BaseModel.all()).containsKeys("minilm", "bert-base-uncased");
    BaseModel.all()
        .values()
        .forEach(
            model -> {
              assertThat(model.artifact()).matches("[\\w.-]+:[\\w.-]+:[\\w.-]+");
              assertThat(model.sha256()).matches("[0-9a-f]{64}");
              assertThat(model.config()).containsKeys("model_type", "vocab_size");
              assertThat(model.tokenizer()).containsEntry("model_max_length", 512);
            });
  }

  private String sha256() {
    try (var in = Files.newInputStream(jar)) {
      return DigestUtils.sha256Hex(in);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private Path work() throws IOException {
    return Files.createTempDirectory(folder, "work");
  }

  @SuppressWarnings("unchecked")
  private BaseModel model(String sha256) throws IOException {
    Map<String, Object> config =
        new com.fasterxml.jackson.databind.ObjectMapper()
            .readValue(golden.resolve("config.json").toFile(), TreeMap.class);
    return new BaseModel(
        "test",
        "A test",
        "https://example.org",
        "Apache-2.0",
        "a:b:1",
        sha256,
        "",
        new TreeMap<>(Map.of("model.safetensors", "weights", "vocab.txt", "words")),
        config,
        Map.of("do_lower_case", true));
  }
}
