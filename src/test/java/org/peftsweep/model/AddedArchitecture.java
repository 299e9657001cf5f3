package org.peftsweep.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.ConfigFile;
import org.peftsweep.checkpoint.EncoderConfig;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.HostKernels;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.adapter.AttachContext;

/**
 * All that an architecture needs: this record, and its name in the services file. It is much like
 * ELECTRA (arXiv:2003.10555): BERT's encoder, and a classifier with a dense layer and GELU.
 */
public record AddedArchitecture() implements ModelArchitecture {
  private record Classifier(Linear dense, Linear projection, float dropout) implements Head {
    @Override
    public String task() {
      return CLASSIFICATION;
    }

    @Override
    public int[] positions(Batch batch) {
      return Pooling.first(batch);
    }

    @Override
    public Var outputs(Tape tape, Var states) {
      Var inner = tape.gelu(dense.forward(tape, tape.dropout(states, dropout)), null);
      return projection.forward(tape, tape.dropout(inner, dropout));
    }
  }

  @Override
  public List<String> modelTypes() {
    return List.of("added");
  }

  @Override
  public String className() {
    return "Added";
  }

  @Override
  public String prefix() {
    return "added.";
  }

  @Override
  public String activation() {
    return "gelu";
  }

  @Override
  public ModelConfig read(ConfigFile file) {
    return EncoderConfig.read(file, this, 0);
  }

  @Override
  public Map<String, Object> entries(ModelConfig config) {
    return EncoderConfig.entries(config);
  }

  @Override
  public Backbone backbone(ModelConfig config, Builder builder) {
    return new Encoder(config, builder, PositionIds::ofPlaces);
  }

  @Override
  public Head classifier(ModelConfig config, int outputs, Builder builder) {
    int width = config.sizes().hidden();
    return new Classifier(
        builder.headLinear("classifier.dense", width, width, true),
        builder.headLinear("classifier.out_proj", outputs, width, true),
        (float) config.dropout().classifier());
  }

  /** Writes a model of this kind, reads it back, attaches a method and takes a step back. */
  public static void prove(Path folder) {
    assertThat(Architectures.all()).hasSize(14).contains(new AddedArchitecture());
    ModelConfig config =
        new ModelConfig(
            Architectures.of("added", "a test"),
            new ModelConfig.Sizes(50, 24, 2, 3, 3, 8, 40, 32, 1),
            1e-5,
            new ModelConfig.Dropout(0, 0, 0),
            OptionalInt.of(1),
            Optional.empty(),
            true,
            true,
            true,
            0.3,
            List.of("a", "b", "c"));
    try (Backend backend = Backends.open("cpu", 1);
        Tape tape = new Tape(backend);
        Model drawn =
            Models.build(config, 3, backend, new RandomWeights(backend, 0.3, new Seeds(1)))) {
      MergedModel.write(folder, config, drawn, backend);
      try (Checkpoint checkpoint = Checkpoint.open(folder)) {
        assertThat(checkpoint.config()).isEqualTo(config);
        assertThat(Models.requireComplete(checkpoint)).isEmpty();
        Weights weights = new CheckpointWeights(checkpoint).forTrial(backend, new Seeds(2));
        try (Model model = Models.build(config, 3, backend, weights)) {
          Batch batch = TinyModels.batch(1);
          tape.startEvaluation();
          float[] wanted = floats(backend, drawn.logits(tape, batch).value());
          tape.startEvaluation();
          assertThat(floats(backend, model.logits(tape, batch).value())).isEqualTo(wanted);
        }
        assertThatThrownBy(() -> Models.buildMasked(config, backend, weights))
            .isInstanceOf(CheckpointException.class)
            .hasMessage(
                "Cannot fill in masked tokens with model_type = added: give a bidirectional"
                    + " encoder");
        try (Model model = Models.build(config, 3, backend, weights)) {
          assertThat(model.projections()).hasSize(12);
          new LoRA(2, 4, 0)
              .attach(
                  new AttachContext(
                      model, EnumSet.of(Role.QUERY, Role.VALUE), backend, new Seeds(3)));
          tape.startTraining(0);
          Batch batch = TinyModels.batch(1);
          HostKernels.crossEntropy(tape, model.logits(tape, batch), TinyModels.classes(batch));
          tape.backward();
          assertThat(model.trainable()).hasSize(4 * 2 + 4);
          assertThat(model.trainable())
              .filteredOn(parameter -> parameter.name().contains("lora_B"))
              .hasSize(4)
              .allMatch(parameter -> parameter.var().hasGradient())
              .allMatch(
                  parameter -> HostKernels.sumOfSquares(backend, parameter.var().gradient()) > 0);
        }
      }
    }
  }

  private static float[] floats(Backend backend, Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }
}
