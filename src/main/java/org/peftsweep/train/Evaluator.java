package org.peftsweep.train;

import java.util.ArrayList;
import java.util.List;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.model.Model;

/** Runs a trial's model over sets of examples, without dropout, and has them scored. */
final class Evaluator {
  private final Model model;
  private final Pack.Lane lane;
  private final Seeds seeds;
  private final Batches batches;
  private final Deadline deadline;
  private final int rowsAtOnce;

  /** Of a pass; more than what is asked for where memory is to be told before. */
  private int leastPlaces;

  Evaluator(Assembly parts, Deadline deadline) {
    this.model = parts.model();
    this.lane = parts.lane();
    this.seeds = parts.seeds();
    this.batches = parts.batches();
    this.rowsAtOnce = parts.training().batch();
    this.deadline = deadline;
  }

  /**
   * Evaluates all examples.
   *
   * @param beforeBatch may stop it
   */
  Evaluation evaluate(Objective how, List<TokenizedExample> examples, Runnable beforeBatch) {
    Objective.Scorer scorer = how.scorer(examples, seeds);
    for (Batch batch : batches.evaluation(examples)) {
      beforeBatch.run();
      Inputs inputs = scorer.inputs(batch).withPlaces(leastPlaces);
      if (!inputs.isEmpty()) {
        pass(() -> lane.evaluate(inputs, (tape, outputs) -> scorer.add(tape, outputs, inputs)));
      }
    }
    scorer.write(
        new Objective.Writing() {
          @Override
          public int rows() {
            return rowsAtOnce;
          }

          @Override
          public List<int[]> write(List<int[]> prompts, TextWriter writer) {
            beforeBatch.run();
            return Evaluator.this.write(prompts, writer);
          }
        });
    return scorer.evaluation();
  }

  /** Evaluates one batch, the one that takes most memory of all of this set. */
  void rehearse(Objective how, List<TokenizedExample> set) {
    leastPlaces = how.mostPlaces(batches.evaluation(set), seeds);
    evaluate(how, how.largest(set, rowsAtOnce), () -> {});
  }

  private List<int[]> write(List<int[]> prompts, TextWriter writer) {
    Batch batch = TextWriter.batch(prompts, batches.maxTokens(), batches.padId());
    List<int[]> written = new ArrayList<>();
    pass(
        () ->
            lane.alone(
                new Inputs(batch, null, new int[0]),
                tape -> writer.write(tape, NextTokens.of(model), batch, written::add)));
    return written;
  }

  private void pass(Runnable pass) {
    deadline.during(pass, lane::share);
  }
}
