package org.peftsweep.method.peft;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.TestFolders;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.checkpoint.PyTorchFile;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.RandomWeights;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

/** A LoRA that others trained: rank 8, alpha 16, on query and value of RoBERTa-base, for MNLI. */
class RealAdapterTest {
  /** As RoBERTa-base, with a small vocabulary and feed-forward, which the adapter leaves alone. */
  private static final ModelConfig ROBERTA_BASE =
      new ModelConfig(
          TinyModels.ROBERTA,
          new ModelConfig.Sizes(50, 768, 12, 12, 12, 64, 8, 32, 1),
          1e-5,
          new ModelConfig.Dropout(0, 0, 0),
          OptionalInt.of(1),
          Optional.empty(),
          true,
          true,
          false,
          0.02,
          List.of("entailment", "neutral", "contradiction"));

  @TempDir Path folder;

  @Test
  void isReadWholeAndWrittenInTheLayoutOfPeft() throws IOException {
    Path pickled =
        TestFolders.shared("checkpoints/roberta-base-lora-mnli/roberta_base_lora_mnli.bin");
    Files.copy(pickled, folder.resolve("adapter_model.bin"));
    Files.writeString(
        folder.resolve("adapter_config.json"),
        "{\"peft_type\": \"LORA\", \"r\": 8, \"lora_alpha\": 16, \"bias\": \"none\"}");
    LoRA lora = new LoRA(8, 16, 0);
    Path written = folder.resolve("written");
    try (Backend backend = Backends.open("cpu", 1);
        Model model =
            Models.build(ROBERTA_BASE, 3, backend, new RandomWeights(backend, 0.02, new Seeds(0)));
        PeftFolder adapter = PeftFolder.open(folder)) {
      lora.attach(
          new AttachContext(model, EnumSet.of(Role.QUERY, Role.VALUE), backend, new Seeds(0)));
      PeftAdapter.read(adapter, lora, model, backend);
      PeftAdapter.write(written, lora, model, AdapterLayout.NONE, backend, "roberta-base", 1);
    }
    try (PyTorchFile theirs = PyTorchFile.open(pickled);
        PeftFolder ours = PeftFolder.open(written)) {
      assertThat(ours.names()).hasSize(52);
      for (String name : theirs.shapes().keySet()) {
        String stored = PeftFolder.PREFIX + name.replaceFirst("(lora_[AB])$", "$1.weight");
        assertThat(ours.shape(stored)).as(stored).isEqualTo(theirs.shapes().get(name));
        assertThat(ours.floats(stored)).as(stored).isEqualTo(theirs.floats(name));
      }
      assertThat(ours.setting("target_modules").orElseThrow().toString())
          .isEqualTo("[\"query\",\"value\"]");
    }
  }
}
