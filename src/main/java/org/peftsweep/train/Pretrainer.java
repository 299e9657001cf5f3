package org.peftsweep.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Batches;
import org.peftsweep.data.BpeTrainer;
import org.peftsweep.data.Encoded;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.model.MergedModel;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.RandomWeights;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.GradientClip;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Schedule;
import org.peftsweep.optim.Updates;
import org.peftsweep.spec.Pretraining;

/**
 * Makes a small RoBERTa from text: trains a byte-level BPE tokenizer on it, then the model to fill
 * in masked tokens, and writes both as a Hugging Face folder.
 */
public final class Pretrainer {
  /**
   * How well the model fills in tokens of passages that it never saw.
   *
   * @param accuracy part of the masked tokens whose most likely token is the right one
   */
  public record Quality(int steps, double loss, double accuracy, double seconds) {}

  /** One passage in this many is held out to measure quality. */
  private static final int HELD_OUT = 50;

  private static final int MOST_HELD_OUT = 2000;
  private static final int MIN_PAIR_COUNT = 2;
  private static final String MODEL_TYPE = "roberta";
  private static final int REPORT_EVERY = 100;

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
   * tokenizer.json}.
   *
   * @param passages one each; two parts that belong together are separated by a tab
   */
  public Quality run(List<String> passages, Path folder) {
    String json =
        new BpeTrainer(settings.vocabulary(), MIN_PAIR_COUNT)
            .train(passages.stream().map(passage -> passage.replace('\t', ' ')));
    try (Tokenizer tokenizer = Tokenizer.ofJson(json)) {
      log.accept("tokenizer: " + tokenizer.vocabularyTokens() + " tokens");
      List<TokenizedExample> train = new ArrayList<>();
      List<TokenizedExample> heldOut = new ArrayList<>();
      for (int i = 0; i < passages.size(); i++) {
        boolean held = i % HELD_OUT == 0 && heldOut.size() < MOST_HELD_OUT;
        List<TokenizedExample> part = held ? heldOut : train;
        part.add(tokenize(tokenizer, passages.get(i), part.size()));
      }
      ModelConfig config = config(tokenizer, course.dropout());
      Seeds seeds = new Seeds(course.seed());
      RandomWeights fresh = new RandomWeights(backend, config.initializerRange(), seeds);
      try (Model model = Models.buildMasked(config, backend, fresh);
          Tape tape = new Tape(backend)) {
        model.parameters().forEach(parameter -> parameter.train(backend));
        long start = System.nanoTime();
        train(model, tape, tokenizer, train, seeds);
        double seconds = (System.nanoTime() - start) / 1e9;
        Quality quality = quality(model, tape, tokenizer, heldOut, seconds);
        write(folder, config(tokenizer, settings.model().dropout()), json, model);
        return quality;
      }
    }
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

  private void train(
      Model model, Tape tape, Tokenizer tokenizer, List<TokenizedExample> passages, Seeds seeds) {
    Batches batches = batches(tokenizer);
    int warmup = Schedule.warmupSteps(course.steps(), course.warmupFraction());
    double sum = 0;
    int step = 0;
    try (Updates updates = updates(model)) {
      for (int epoch = 0; step < course.steps(); epoch++) {
        for (Batch batch : batches.train(passages, seeds, epoch)) {
          if (step == course.steps()) {
            break;
          }
          Masking masking =
              Masking.draw(
                  batch, tokenizer, course.maskFraction(), seeds.random("masking " + step));
          double factor = Schedule.LINEAR.factor(step, course.steps(), warmup);
          step++;
          if (masking.rows().length > 0) {
            sum += step(model, tape, masking, updates, factor, seeds.of("dropout", step));
          }
          if (step % REPORT_EVERY == 0) {
            log.accept(
                "step %d of %d, loss %.3f".formatted(step, course.steps(), sum / REPORT_EVERY));
            sum = 0;
          }
        }
      }
    }
  }

  private double step(
      Model model, Tape tape, Masking masking, Updates updates, double factor, long seed) {
    tape.startTraining(seed);
    model.parameters().forEach(parameter -> parameter.var().clearGradient());
    Var logits = model.logits(tape, masking.batch(), masking.rows());
    double loss = tape.crossEntropy(logits, masking.labels());
    tape.backward();
    if (!Double.isFinite(loss)) {
      throw new IllegalStateException(
          "Cannot go on pretraining at a loss of " + loss + ": lower learning-rate");
    }
    GradientClip.apply(backend, model.parameters(), course.clip());
    updates.step(factor);
    return loss;
  }

  private Updates updates(Model model) {
    double rate = course.learningRate();
    return new Updates(
        backend,
        model.parameters(),
        new Rates(rate, 1, rate, Rates.Grouping.ROLES),
        course.weightDecay(),
        new AdamW(course.beta1(), course.beta2(), course.epsilon()));
  }

  private Quality quality(
      Model model,
      Tape tape,
      Tokenizer tokenizer,
      List<TokenizedExample> passages,
      double seconds) {
    SplittableRandom random = new Seeds(course.seed()).random("held-out masking");
    double loss = 0;
    long right = 0;
    long all = 0;
    for (Batch batch : batches(tokenizer).evaluation(passages)) {
      Masking masking = Masking.draw(batch, tokenizer, course.maskFraction(), random);
      int count = masking.rows().length;
      if (count > 0) {
        tape.startEvaluation();
        Var logits = model.logits(tape, masking.batch(), masking.rows());
        loss += count * tape.crossEntropy(logits, masking.labels());
        right += right(logits, masking.labels());
        all += count;
      }
    }
    return new Quality(course.steps(), loss / all, (double) right / all, seconds);
  }

  private long right(Var logits, int[] labels) {
    int width = logits.value().columns();
    float[] scores = new float[width];
    long right = 0;
    for (int row = 0; row < labels.length; row++) {
      backend.read(logits.value(), (long) row * width, scores, 0, width);
      int best = 0;
      for (int i = 1; i < width; i++) {
        best = scores[i] > scores[best] ? i : best;
      }
      right += best == labels[row] ? 1 : 0;
    }
    return right;
  }

  private Batches batches(Tokenizer tokenizer) {
    return new Batches(course.batch(), course.maxTokens(), Padding.LONGEST, 8, tokenizer.padId());
  }

  private ModelConfig config(Tokenizer tokenizer, double dropout) {
    Pretraining.Shape shape = settings.model();
    // RoBERTa's positions of real tokens begin behind the padding token's id.
    int positions = shape.positions() + tokenizer.padId() + 1;
    return new ModelConfig(
        Architectures.of(MODEL_TYPE, "a pretraining"),
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

  private void write(Path folder, ModelConfig config, String tokenizer, Model model) {
    try {
      Files.createDirectories(folder);
      Files.writeString(folder.resolve("tokenizer.json"), tokenizer);
      MergedModel.write(folder, config, model, backend);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write " + folder + ": " + e.getMessage(), e);
    }
  }
}
