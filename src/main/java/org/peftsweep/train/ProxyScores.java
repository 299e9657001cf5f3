package org.peftsweep.train;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Completions;
import org.peftsweep.data.Dataset;
import org.peftsweep.data.EvaluationSet;
import org.peftsweep.data.Example;
import org.peftsweep.data.Metric;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Shown;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.spec.Phase;
import org.peftsweep.spec.TaskSource;
import org.peftsweep.spec.Trial;

/**
 * How a large model that is tuned by proxy does on a reported set of the trial's task, and the
 * models that it is made of, row by row.
 *
 * @param set such as dev
 * @param metric that the task is ranked by
 * @param weights of the rows
 * @param answers a score a row, by whose the answers are: large, tuned, untuned, or proxy for those
 *     of all three together
 */
public record ProxyScores(
    String set, Metric metric, double[] weights, Map<String, double[]> answers) {
  /**
   * Reads the reported sets of a trial's task.
   *
   * @param writer of a large model by proxy
   * @param rows of each set at most, drawn by the task's data-seed; 0 for all
   * @throws IllegalArgumentException if the trial may not look at them, or they are others now, or
   *     the large model cannot read them
   */
  public static List<EvaluationSet> rows(TrialWriter writer, Library library, int rows) {
    Trial trial = writer.trial().trial();
    TaskSource source = trial.task();
    if (trial.phase() == Phase.TUNING) {
      throw new IllegalArgumentException(
          "Cannot score "
              + trial.id()
              + ": it is of the tuning phase, which never looks at reported sets; name a trial of"
              + " the evaluation");
    }
    if (!library.taskHash(source).equals(source.contentHash())) {
      throw new IllegalArgumentException(
          "Cannot score %s: the rows of %s in %s are not those that it was trained with; run it again"
              .formatted(trial.id(), source.task().name(), Shown.of(source.location())));
    }
    int maxTokens = trial.training().maxTokens();
    if (maxTokens > writer.longest()) {
      throw new IllegalArgumentException(
          "Cannot score %s on rows of up to max-tokens = %d with a model of %d positions: give another"
              .formatted(trial.id(), maxTokens, writer.longest()));
    }
    Dataset all = library.dataset(source);
    Dataset data = rows == 0 ? all : all.withReportedLimit(rows, source.dataSeed());
    for (EvaluationSet set : data.dev()) {
      for (Example row : set.examples()) {
        writer.requireSameTokens(row.first());
        if (row.isPair()) {
          writer.requireSameTokens(row.second());
        }
      }
    }
    return data.dev();
  }

  /** Scores all four on such a set, as the trial was scored. */
  public static ProxyScores of(TrialWriter writer, EvaluationSet set) {
    Trial trial = writer.trial().trial();
    Base base = writer.trial().base();
    int maxTokens = trial.training().maxTokens();
    Objective how = new CausalLanguageModelling(trial.task().task(), base.tokenizer(), maxTokens);
    List<TokenizedExample> rows =
        Completions.of(
            set.examples(), trial.task().task(), set.name(), base.tokenizer(), maxTokens);
    ProxyTuning proxy = (ProxyTuning) writer.tokens();
    Map<String, NextTokens> systems = new LinkedHashMap<>();
    systems.put("large", NextTokens.of(proxy.large()));
    systems.put("tuned", NextTokens.of(proxy.tuned()));
    systems.put("untuned", NextTokens.of(proxy.untuned()));
    systems.put("proxy", proxy);
    double[] weights = new double[rows.size()];
    Map<String, double[]> answers = new LinkedHashMap<>();
    try (Tape tape = writer.tape()) {
      systems.forEach(
          (name, tokens) -> {
            Evaluation evaluation = evaluate(tokens, how, rows, trial, base.padId(), tape);
            double[] scores = new double[rows.size()];
            for (int i = 0; i < scores.length; i++) {
              weights[i] = evaluation.answers().get(i).label();
              scores[i] = evaluation.answers().get(i).prediction();
            }
            answers.put(name, scores);
          });
    }
    return new ProxyScores(set.name(), trial.task().task().primaryMetric(), weights, answers);
  }

  private static Evaluation evaluate(
      NextTokens tokens,
      Objective how,
      List<TokenizedExample> rows,
      Trial trial,
      int padId,
      Tape tape) {
    Batches batches = Assembly.batches(trial.training(), padId);
    Objective.Scorer scorer = how.scorer(rows, new Seeds(trial.seed()));
    for (Batch batch : batches.evaluation(rows)) {
      Inputs inputs = scorer.inputs(batch);
      if (!inputs.isEmpty()) {
        tape.startEvaluation();
        scorer.add(tape, tokens.at(tape, batch, inputs.positions()), inputs);
      }
    }
    scorer.write(
        new Objective.Writing() {
          @Override
          public int rows() {
            return trial.training().batch();
          }

          @Override
          public List<int[]> write(List<int[]> prompts, TextWriter writer) {
            List<int[]> written = new ArrayList<>();
            Batch batch = TextWriter.batch(prompts, batches.maxTokens(), padId);
            writer.write(tape, tokens, batch, written::add);
            return written;
          }
        });
    return scorer.evaluation();
  }
}
