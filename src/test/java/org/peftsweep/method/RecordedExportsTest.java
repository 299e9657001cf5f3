package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.model.Role;

/**
 * Adapters that PEFT 0.21 has read over their bases, where these are stored otherwise than here or
 * have parts that others lack: what is written is what it read, and gives what it gave.
 */
class RecordedExportsTest {
  private static final Path RECORDED = Path.of("src/test/resources/golden/exports");
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final Set<Role> FEW = EnumSet.of(Role.QUERY, Role.VALUE);
  private static final Set<Role> MORE =
      EnumSet.of(Role.QUERY, Role.KEY, Role.VALUE, Role.FFN_UP, Role.FFN_DOWN);
  private static final Set<Role> OUTPUTS = EnumSet.of(Role.OUTPUT, Role.FFN_DOWN);

  private static final Method LORA = new LoRA(3, 6, 0);
  private static final Method DORA = new DoRA(3, 6, 0);

  @TempDir Path folder;

  private record Case(
      String name, String modelType, boolean writes, Method method, Set<Role> targets) {
    @Override
    public String toString() {
      return name;
    }
  }

  static List<Case> cases() {
    return List.of(
        new Case("gpt2-cls-lora-2query", "gpt2", false, LORA, FEW),
        new Case("gpt2-cls-rslora-5query", "gpt2", false, new RSLoRA(3, 6, 0), MORE),
        new Case("gpt2-cls-dora-2output", "gpt2", false, DORA, OUTPUTS),
        new Case("gpt2-lm-lora-5query", "gpt2", true, LORA, MORE),
        new Case("modernbert-cls-lora-2query", "modernbert", false, LORA, FEW),
        new Case("modernbert-cls-ln-tuning-2query", "modernbert", false, new LnTuning(), FEW),
        new Case("mpnet-cls-dora-2query", "mpnet", false, DORA, FEW),
        new Case("deberta-v2-cls-lora-2query", "deberta-v2", false, LORA, FEW),
        new Case("distilbert-cls-dora-2query", "distilbert", false, DORA, FEW),
        new Case("electra-cls-lora-2query", "electra", false, LORA, FEW),
        new Case("gemma2-cls-lora-2query", "gemma2", false, LORA, FEW),
        new Case("gemma2-lm-dora-2query", "gemma2", true, DORA, FEW));
  }

  @Test
  void everyRecordedFolderIsACase() throws IOException {
    try (Stream<Path> folders = Files.list(RECORDED)) {
      assertThat(folders.filter(Files::isDirectory).map(path -> path.getFileName().toString()))
          .containsExactlyInAnyOrderElementsOf(cases().stream().map(Case::name).toList());
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void theAdapterIsTheOneThatPeftReadAndGivesWhatItGave(Case given) throws IOException {
    Path recorded = RECORDED.resolve(given.name());
    try (ExportedModel model =
        new ExportedModel(given.modelType(), given.writes(), given.method(), given.targets())) {
      model.writeAdapter(folder, "base");
      assertThat(settings(folder)).isEqualTo(settings(recorded));
      try (PeftFolder own = PeftFolder.open(folder);
          PeftFolder theirs = PeftFolder.open(recorded)) {
        assertThat(own.names()).isEqualTo(theirs.names());
        for (String name : theirs.names()) {
          assertThat(own.shape(name)).as(name).isEqualTo(theirs.shape(name));
          assertThat(own.floats(name)).as(name).containsExactly(theirs.floats(name), within(1e-6f));
        }
      }
      float[][] logits = JSON.readValue(recorded.resolve("logits.json").toFile(), float[][].class);
      float[][] own = model.logits();
      assertThat(own).hasDimensions(logits.length, logits[0].length);
      for (int row = 0; row < logits.length; row++) {
        assertThat(own[row]).as("row %d", row).containsExactly(logits[row], within(2e-5f));
      }
    }
  }

  private static TreeMap<String, JsonNode> settings(Path folder) throws IOException {
    ObjectNode settings =
        (ObjectNode) JSON.readTree(folder.resolve("adapter_config.json").toFile());
    settings.remove("base_model_name_or_path");
    TreeMap<String, JsonNode> sorted = new TreeMap<>();
    settings.properties().forEach(entry -> sorted.put(entry.getKey(), entry.getValue()));
    return sorted;
  }
}
