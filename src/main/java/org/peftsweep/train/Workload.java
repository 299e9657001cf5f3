package org.peftsweep.train;

import java.util.List;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Dataset;
import org.peftsweep.data.EvaluationSet;
import org.peftsweep.data.Example;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.spec.Phase;
import org.peftsweep.spec.TaskSource;
import org.peftsweep.spec.Training;
import org.peftsweep.spec.Trial;

/**
 * How much work a trial is, from shapes and the number of its examples.
 *
 * @param trainableParameters scalars that learn, head excluded
 * @param headParameters scalars of the head
 * @param steps optimizer steps
 * @param operations floating-point operations of all steps and evaluations, products only
 */
public record Workload(
    long trainableParameters, long headParameters, int steps, double operations) {
  /** Names a task's mean number of words in the library: it is asked for once a trial. */
  private record MeanWords(TaskSource task) {}

  private record ShapeKey(String model, int outputs) {}

  /** A model without its values, and the scalars of all its projections and of its head. */
  private record Shape(Model outline, long projections, long head) {
    static Shape of(Model outline) {
      long projections = 0;
      for (Linear linear : outline.projections()) {
        projections += (long) linear.out() * linear.in();
      }
      long head =
          outline.parameters().stream()
              .filter(parameter -> parameter.role() == Role.HEAD)
              .mapToLong(Parameter::size)
              .sum();
      return new Shape(outline, projections, head);
    }
  }

  private static final double TOKENS_PER_WORD = 1.3;
  private static final int SPECIAL_TOKENS = 3;

  /** Counts a trial's work without reading weights. */
  public static Workload of(Trial trial, Library library) {
    Dataset dataset = library.dataset(trial.task());
    Training training = trial.training();
    Shape shape = shape(trial, library, dataset.task().outputs());
    Model outline = shape.outline().within(trial.layers());
    long trainable = trainable(trial, library, outline, dataset.task().outputs());
    boolean isWritten = dataset.task().isCompletion();
    long head = isWritten ? 0 : shape.head();
    int rows =
        training.packing() ? library.tokenised(trial).train().size() : dataset.train().size();
    int perEpoch = stepsPerEpoch(training, rows);
    int steps = Trainer.steps(training, perEpoch);
    int every = training.evaluateEvery() > 0 ? training.evaluateEvery() : perEpoch;
    double evaluations = 1 + Math.ceil(steps / (double) every);
    double evaluated = dataset.validation().size();
    if (trial.phase() == Phase.EVALUATION) {
      for (EvaluationSet set : dataset.dev()) {
        evaluated += set.examples().size();
      }
    }
    double tokens = tokens(trial.task(), library, training);
    // A product and its gradient for the input cost the same; a trained weight's gradient comes on
    // top.
    double trained = (double) steps * training.batch() * training.accumulate();
    ModelConfig.Sizes sizes = library.config(trial.model().location()).sizes();
    long vocabulary = isWritten ? (long) sizes.vocabulary() * sizes.hidden() : 0;
    double perToken = 2.0 * (shape.projections() + vocabulary);
    double backwards = trainable == 0 ? 0 : perToken + 2.0 * trainable;
    double operations = tokens * trained * (perToken + backwards);
    operations += tokens * evaluations * evaluated * perToken;
    TaskSource texts = trial.retention();
    if (!texts.isNone()) {
      double held =
          library.dataset(texts).dev().stream().mapToInt(set -> set.examples().size()).sum();
      operations += tokens(texts, library, training) * evaluations * held * perToken;
    }
    return new Workload(trainable, trial.method().learns() ? head : 0, steps, operations);
  }

  private static long trainable(Trial trial, Library library, Model outline, int outputs) {
    ModelConfig config = library.config(trial.model().location());
    AdapterLayout layout = library.layout(trial, config, outputs);
    if (layout.isNone()) {
      return trial.method().trainable(outline, trial.targets(), new Seeds(trial.seed()));
    }
    try (Rehearsal rehearsal = Rehearsal.of(trial, layout, config, outputs)) {
      return rehearsal.trainableParameters();
    }
  }

  /** Trials are many, models few. */
  private static Shape shape(Trial trial, Library library, int outputs) {
    String location = trial.model().location();
    return library.once(
        new ShapeKey(location, outputs), () -> Shape.of(library.outline(location, outputs)));
  }

  private static int stepsPerEpoch(Training training, int examples) {
    int passes =
        new Batches(training.batch(), training.maxTokens(), training.pad(), 1, 0)
            .perEpoch(examples);
    return Math.max(1, (passes + training.accumulate() - 1) / training.accumulate());
  }

  private static double tokens(TaskSource task, Library library, Training training) {
    if (training.pad() == Padding.MAX) {
      return training.maxTokens();
    }
    double words =
        library.once(
            new MeanWords(task),
            () -> {
              Dataset data = library.dataset(task);
              return meanWords(
                  task.reportedOnly()
                      ? data.dev().stream().flatMap(set -> set.examples().stream()).toList()
                      : data.train());
            });
    return Math.min(training.maxTokens(), TOKENS_PER_WORD * words + SPECIAL_TOKENS);
  }

  private static double meanWords(List<Example> examples) {
    double words = 0;
    for (Example example : examples) {
      words += words(example.first()) + (example.isPair() ? words(example.second()) : 0);
    }
    return words / Math.max(1, examples.size());
  }

  private static int words(String text) {
    int words = 1;
    for (int i = 0; i < text.length(); i++) {
      words += text.charAt(i) == ' ' ? 1 : 0;
    }
    return words;
  }
}
