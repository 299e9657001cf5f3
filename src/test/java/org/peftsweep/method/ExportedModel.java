package org.peftsweep.method;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.method.peft.PeftAdapter;
import org.peftsweep.model.Addition;
import org.peftsweep.model.MergedModel;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

/**
 * A model of 2 layers and width 24 with a method attached and all that learns moved a little, to be
 * exported. {@code main} writes those of every method and family for check_exports.py.
 */
final class ExportedModel implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Architecture architecture;
  private final boolean writes;
  private final Method method;
  private final Backend backend = Backends.open("cpu", 1);
  private final Model model;

  ExportedModel(String modelType, boolean writes, Method method, Set<Role> targets) {
    this.architecture = Architectures.of(modelType, "a test");
    this.method = method;
    this.writes = writes;
    model = base();
    Set<Role> own = method.usesTargets() ? targets : EnumSet.noneOf(Role.class);
    List<Batch> batches = List.of(TinyModels.batch(20), TinyModels.batch(21));
    InitCache prepared =
        writes ? NextTokenContractTest.prepared(batches) : InitCache.alone(batches);
    method.attach(new AttachContext(model, own, backend, new Seeds(1), prepared));
    SplittableRandom random = new SplittableRandom(5);
    for (Parameter parameter : model.trainable()) {
      float[] values = TinyModels.read(backend, parameter.value());
      for (int i = 0; i < values.length; i++) {
        values[i] += (float) (0.1 * random.nextGaussian());
      }
      backend.write(values, 0, parameter.value(), 0, values.length);
    }
  }

  private Model base() {
    return writes
        ? TinyModels.languageModel(architecture, backend)
        : TinyModels.model(architecture, backend);
  }

  static Batch batch() {
    return TinyModels.batch(1, 3, 9);
  }

  /** Returns logits {@code [rows, outputs]}, of a language model {@code [tokens, words]}. */
  float[][] logits() {
    try (Tape tape = new Tape(backend)) {
      tape.startEvaluation();
      Batch batch = batch();
      float[] all =
          TinyModels.read(
              backend,
              (model.isLanguageModel()
                      ? model.logits(tape, batch, tokens(batch))
                      : model.logits(tape, batch))
                  .value());
      int rows = model.isLanguageModel() ? tokens(batch).length : batch.rows();
      int width = all.length / rows;
      return IntStream.range(0, rows)
          .mapToObj(row -> Arrays.copyOfRange(all, row * width, (row + 1) * width))
          .toArray(float[][]::new);
    }
  }

  private static int[] tokens(Batch batch) {
    return IntStream.range(0, batch.ids().length).filter(i -> batch.mask()[i] > 0).toArray();
  }

  boolean hasAdapter() {
    try {
      PeftAdapter.requireForm(method, model);
      return true;
    } catch (IllegalArgumentException refused) {
      return false;
    }
  }

  boolean isMergeable() {
    return model.additions().stream().allMatch(Addition::isMergeable);
  }

  void writeAdapter(Path folder, String base) {
    PeftAdapter.write(folder, method, model, AdapterLayout.NONE, backend, base, 10);
  }

  /** Writes base, adapter and merged model as far as there are such, and what they must give. */
  void write(Path folder) {
    try {
      Files.createDirectories(folder);
      if (hasAdapter()) {
        Path base = Files.createDirectories(folder.resolve("base"));
        try (Model plain = base()) {
          MergedModel.writeBase(base, TinyModels.config(architecture), plain, backend);
        }
        writeAdapter(
            Files.createDirectories(folder.resolve("adapter")), base.toAbsolutePath().toString());
      }
      if (isMergeable()) {
        Path merged = Files.createDirectories(folder.resolve("merged"));
        MergedModel.write(merged, TinyModels.config(architecture), model, backend);
      }
      Batch batch = batch();
      ObjectNode expected = JSON.createObjectNode();
      expected.put("task", model.task());
      table(expected.putArray("input_ids"), batch.ids(), batch.tokens());
      table(expected.putArray("attention_mask"), batch.mask(), batch.tokens());
      ArrayNode logits = expected.putArray("logits");
      for (float[] row : logits()) {
        ArrayNode values = logits.addArray();
        for (float value : row) {
          values.add(value);
        }
      }
      Files.writeString(folder.resolve("expected.json"), JSON.writeValueAsString(expected));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void table(ArrayNode rows, int[] values, int width) {
    for (int from = 0; from < values.length; from += width) {
      ArrayNode row = rows.addArray();
      for (int i = from; i < from + width; i++) {
        row.add(values[i]);
      }
    }
  }

  @Override
  public void close() {
    model.close();
    backend.close();
  }

  /**
   * Writes folders {@code <model type>-<task>-<method>-<targets>}.
   *
   * @param arguments where to, and model types; none for all
   */
  public static void main(String... arguments) {
    Path to = Path.of(arguments[0]);
    Set<Role> few = EnumSet.of(Role.QUERY, Role.VALUE);
    Set<Role> more = EnumSet.of(Role.QUERY, Role.KEY, Role.VALUE, Role.FFN_UP, Role.FFN_DOWN);
    Set<Role> outputs = EnumSet.of(Role.OUTPUT, Role.FFN_DOWN);
    for (Architecture architecture : Architectures.all()) {
      String type = architecture.modelTypes().get(0);
      if (arguments.length > 1 && !List.of(arguments).contains(type)) {
        continue;
      }
      for (Method method : MethodContractTest.SAMPLES.values()) {
        for (boolean writes : new boolean[] {false, true}) {
          boolean exists = !writes || TinyModels.isDecoder(architecture);
          if (!exists || !MethodContractTest.fits(method, architecture)) {
            continue;
          }
          for (Set<Role> targets : List.of(few, more, outputs)) {
            if (!method.usesTargets() && !targets.equals(few)) {
              continue;
            }
            String name =
                String.join(
                    "-",
                    type,
                    writes ? "lm" : "cls",
                    Methods.id(method),
                    targets.size() + targets.iterator().next().id());
            try (ExportedModel model = new ExportedModel(type, writes, method, targets)) {
              model.write(to.resolve(name));
            } catch (RuntimeException refused) {
              System.out.println(name + ": " + refused.getMessage());
            }
          }
        }
      }
    }
  }
}
