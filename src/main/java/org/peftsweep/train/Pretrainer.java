package org.peftsweep.train;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.apache.commons.codec.binary.Hex;
import org.apache.commons.codec.digest.DigestUtils;
import org.apache.hadoop.conf.Configuration;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.Rope;
import org.peftsweep.compute.Backend;
import org.peftsweep.data.BpeTrainer;
import org.peftsweep.data.Completion;
import org.peftsweep.data.Encoded;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Metric;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.MergedModel;
import org.peftsweep.model.Model;
import org.peftsweep.model.RandomWeights;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Schedule;
import org.peftsweep.optim.Updates;
import org.peftsweep.spec.Pretraining;
import org.peftsweep.spec.SpecException;
import org.peftsweep.spec.Training;
import org.peftsweep.train.Outcome.CurvePoint;

/**
 * Makes a small model from text: trains a byte-level BPE tokenizer on it, then a RoBERTa to fill in
 * masked tokens or a Llama to tell the next one, and writes both as a Hugging Face folder.
 *
 * <p>While it trains, its state is kept in a folder beside that one, whose name ends in {@code
 * .pretraining}; the same settings and text go on from there, bit for bit. The model's folder is
 * written at the end, and the state removed.
 */
public final class Pretrainer {
  /**
   * How well the model tells tokens of passages that it never saw.
   *
   * @param accuracy part of the tokens to tell whose most likely token is the right one
   */
  public record Quality(int steps, double loss, double accuracy, double seconds) {}

  /** Raised when the same settings and text would give other numbers. */
  private static final int VERSION = 1;

  /** One passage in this many is held out to measure quality. */
  private static final int HELD_OUT = 50;

  private static final int MOST_HELD_OUT = 2000;
  private static final int MIN_PAIR_COUNT = 2;
  private static final int BUCKET_BATCHES = 8;
  private static final int REPORT_EVERY = 100;

  /** Evaluations at most, besides the first and the last. */
  private static final int EVALUATIONS = 20;

  private static final String SET = "held-out";

  /** What a decoder learns of running text. */
  private static final Task TEXT =
      new Task(
          "text",
          List.of("text"),
          "",
          List.of(),
          List.of(Metric.TOKEN_ACCURACY, Metric.LOSS),
          List.of(SET),
          false,
          0,
          new Completion(Completion.Form.TEXT, Completion.LossOn.ALL, 1, 0, 1));

  private static final int ID_DIGITS = 12;

  private final Pretraining settings;
  private final Pretraining.Course course;
  private final Backend backend;
  private final Consumer<String> log;

  public Pretrainer(Pretraining settings, Backend backend, Consumer<String> log) {
    this.settings = settings;
    this.course = settings.training();
    this.backend = backend;
    this.log = log;
  }

  /**
   * Trains on passages and writes {@code config.json}, {@code model.safetensors} and {@code
   * tokenizer.json}; goes on from the state that was kept of the same, where there is one.
   *
   * @param passages one each; two parts that belong together are separated by a tab
   * @param keepEvery wall clock between two states
   * @param isStopped asked between steps; from then on it keeps its state and ends
   * @throws StoppedException if it is stopped
   * @throws SpecException if settings and text cannot be trained on
   */
  public Quality run(
      List<String> passages, Path folder, Duration keepEvery, BooleanSupplier isStopped) {
    return run(passages, folder, keepEvery, isStopped, new Report());
  }

  Quality run(
      List<String> passages,
      Path folder,
      Duration keepEvery,
      BooleanSupplier isStopped,
      Progress progress) {
    if (passages.size() < 2) {
      throw new SpecException(
          "Cannot pretrain on %d passages: give at least 2, the first is held out"
              .formatted(passages.size()));
    }
    String json =
        new BpeTrainer(settings.vocabulary(), MIN_PAIR_COUNT)
            .train(passages.stream().map(passage -> passage.replace('\t', ' ')));
    Path beside = folder.resolveSibling(folder.getFileName() + ".pretraining");
    Path state = beside.resolve(id(passages));
    Path part = state.resolve("model");
    makeFolders(part, folder);
    RunLimits limits =
        new RunLimits(
            Duration.ZERO, null, checkpoints(state), keepEvery, isStopped, TensorSink.NOTHING);
    try (Tokenizer tokenizer = Tokenizer.ofJson(json);
        Pack pack = Pack.alone(backend);
        Assembly parts = assembly(tokenizer, passages, pack.lane(0));
        RunWatch watch = new RunWatch(limits)) {
      log.accept("tokenizer: " + tokenizer.vocabularyTokens() + " tokens");
      Trainer trainer = new Trainer(parts, progress, watch);
      trainer.run();
      write(part, folder, config(tokenizer, settings.model().dropout()), json, parts.model());
      checkpoints(beside).remove();
      List<CurvePoint> curve = trainer.measured().curve();
      CurvePoint last = curve.get(curve.size() - 1);
      return new Quality(
          trainer.steps(),
          metric(last, MaskedLanguageModelling.LOSS),
          metric(last, accuracy()),
          trainer.measured().trainSeconds());
    } catch (Trainer.DivergedException e) {
      checkpoints(beside).remove();
      throw new SpecException(
          "Cannot pretrain with learning-rate = %s: %s, give a lower one"
              .formatted(course.learningRate(), e.getMessage()));
    }
  }

  /** Tells apart whose states may be gone on from. */
  private String id(List<String> passages) {
    MessageDigest digest = DigestUtils.getSha256Digest();
    List<Object> deciding =
        List.of(VERSION, settings.objective(), settings.vocabulary(), settings.model(), course);
    DigestUtils.updateDigest(digest, deciding.toString());
    for (String passage : passages) {
      digest.update((byte) '\n');
      digest.update(passage.getBytes(StandardCharsets.UTF_8));
    }
    return Hex.encodeHexString(digest.digest()).substring(0, ID_DIGITS);
  }

  private static CheckpointFolder checkpoints(Path folder) {
    return new CheckpointFolder(new org.apache.hadoop.fs.Path(folder.toUri()), new Configuration());
  }

  private Assembly assembly(Tokenizer tokenizer, List<String> passages, Pack.Lane lane) {
    List<TokenizedExample> train = new ArrayList<>();
    List<TokenizedExample> heldOut = new ArrayList<>();
    for (int i = 0; i < passages.size(); i++) {
      boolean isHeld = i % HELD_OUT == 0 && heldOut.size() < MOST_HELD_OUT;
      List<TokenizedExample> part = isHeld ? heldOut : train;
      part.add(tokenize(tokenizer, passages.get(i), part.size()));
    }
    Objective objective =
        isCausal()
            ? new CausalLanguageModelling(TEXT, tokenizer, course.maxTokens())
            : new MaskedLanguageModelling(tokenizer, course.maskFraction());
    TokenisedTask data =
        new TokenisedTask(
            objective, train, List.of(), List.of(new TokenisedTask.Named(SET, heldOut)));
    Training training = training(train.size());
    ModelConfig config = config(tokenizer, course.dropout());
    Seeds seeds = new Seeds(course.seed());
    Model model =
        objective.model(
            config, backend, new RandomWeights(backend, config.initializerRange(), seeds));
    model.parameters().forEach(parameter -> parameter.train(backend));
    double rate = course.learningRate();
    Updates updates =
        new Updates(
            backend,
            model.trainable(),
            new Rates(rate, 1, rate, Rates.Grouping.ROLES),
            training.weightDecay(),
            training.optimizer());
    return new Assembly(
        training,
        data,
        Assembly.batches(training, tokenizer.padId()),
        seeds,
        backend,
        lane.with(model, MethodHooks.PASSIVE, objective),
        model,
        MethodHooks.PASSIVE,
        updates);
  }

  private boolean isCausal() {
    return settings.objective() == Pretraining.Objective.CAUSAL;
  }

  /** Returns the name of the metric that says how many tokens are right. */
  private String accuracy() {
    return isCausal() ? Metric.TOKEN_ACCURACY.id() : MaskedLanguageModelling.ACCURACY;
  }

  private TokenizedExample tokenize(Tokenizer tokenizer, String passage, int index) {
    int tab = passage.indexOf('\t');
    Encoded encoded =
        tab < 0
            ? tokenizer.encode(passage, course.maxTokens())
            : tokenizer.encode(
                passage.substring(0, tab), passage.substring(tab + 1), course.maxTokens());
    return new TokenizedExample(index, encoded, 0);
  }

  private Training training(int passages) {
    int perEpoch = (passages + course.batch() - 1) / course.batch();
    return new Training(
        0,
        course.steps(),
        course.batch(),
        1,
        course.maxTokens(),
        Padding.LONGEST,
        BUCKET_BATCHES,
        Schedule.LINEAR,
        course.warmupFraction(),
        course.clip(),
        course.weightDecay(),
        new AdamW(course.beta1(), course.beta2(), course.epsilon()),
        Math.max(perEpoch, 1 + course.steps() / EVALUATIONS),
        Training.Precision.FP32);
  }

  private static double metric(CurvePoint point, String name) {
    return point.devMetrics().get(SET + "/" + name);
  }

  /** Tells the log how the training goes on. */
  private final class Report implements Progress {
    private double sum;
    private int losses;
    private boolean hasBegun;

    @Override
    public void step(int step, int steps, double loss) {
      if (!hasBegun && step > 1) {
        log.accept("goes on after step " + (step - 1));
      }
      hasBegun = true;
      sum += loss;
      losses++;
      if (step % REPORT_EVERY == 0) {
        log.accept("step %d of %d, loss %.3f".formatted(step, steps, sum / losses));
        sum = 0;
        losses = 0;
      }
    }

    @Override
    public void evaluated(CurvePoint point) {
      log.accept(
          "step %d, on held-out text loss %.3f, %s tokens right %.1f %%"
              .formatted(
                  point.step(),
                  metric(point, MaskedLanguageModelling.LOSS),
                  isCausal() ? "next" : "masked",
                  100 * metric(point, accuracy())));
    }
  }

  private ModelConfig config(Tokenizer tokenizer, double dropout) {
    Pretraining.Shape shape = settings.model();
    if (isCausal()) {
      return decoder(tokenizer, dropout);
    }
    // RoBERTa's positions of real tokens begin behind the padding token's id.
    int positions = shape.positions() + tokenizer.padId() + 1;
    return new ModelConfig(
        Architectures.of("roberta", "a pretraining"),
        new ModelConfig.Sizes(
            tokenizer.vocabularyTokens(),
            shape.hidden(),
            shape.layers(),
            shape.heads(),
            shape.heads(),
            shape.hidden() / shape.heads(),
            shape.feedForward(),
            positions,
            1),
        1e-5,
        new ModelConfig.Dropout(dropout, dropout, dropout),
        OptionalInt.of(tokenizer.padId()),
        Optional.empty(),
        true,
        true,
        true,
        0.02,
        List.of("LABEL_0", "LABEL_1"));
  }

  /** With half as many key heads as heads. */
  private ModelConfig decoder(Tokenizer tokenizer, double dropout) {
    Pretraining.Shape shape = settings.model();
    return new ModelConfig(
        Architectures.of("llama", "a pretraining"),
        new ModelConfig.Sizes(
            tokenizer.vocabularyTokens(),
            shape.hidden(),
            shape.layers(),
            shape.heads(),
            Math.max(1, shape.heads() / 2),
            shape.hidden() / shape.heads(),
            shape.feedForward(),
            shape.positions(),
            0),
        1e-5,
        new ModelConfig.Dropout(0, dropout, 0),
        OptionalInt.of(tokenizer.padId()),
        Optional.of(new Rope(10_000, new Rope.None())),
        false,
        false,
        true,
        0.02,
        List.of("LABEL_0", "LABEL_1"));
  }

  /** What cannot be written is known before the training. */
  private static void makeFolders(Path part, Path folder) {
    if (Files.exists(folder) && !(Files.isDirectory(folder) && Files.isWritable(folder))) {
      throw new SpecException(
          "Cannot write a model to " + folder + ": give a folder that may be written");
    }
    try {
      Files.createDirectories(part);
    } catch (IOException e) {
      throw FileFaults.cannot("write", part, e);
    }
  }

  /** Writes all files elsewhere first: a run that ends in the midst leaves nothing of them. */
  private void write(Path part, Path folder, ModelConfig config, String tokenizer, Model model) {
    try {
      Files.writeString(part.resolve("tokenizer.json"), tokenizer);
      MergedModel.write(part, config, model, backend);
      if (!Files.exists(folder)) {
        Files.move(part, folder, StandardCopyOption.ATOMIC_MOVE);
        return;
      }
      try (Stream<Path> files = Files.list(part)) {
        for (Path file : files.sorted().toList()) {
          Files.move(file, folder.resolve(file.getFileName()), StandardCopyOption.ATOMIC_MOVE);
        }
      }
    } catch (IOException e) {
      throw FileFaults.cannot("write", folder, e);
    }
  }
}
