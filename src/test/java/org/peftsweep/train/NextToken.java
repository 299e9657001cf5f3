package org.peftsweep.train;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Weights;

/** Tells each token's successor from all tokens: an objective of tests alone. */
record NextToken() implements Objective {
  @Override
  public Model model(ModelConfig config, Backend backend, Weights weights) {
    return Models.buildMasked(config, backend, weights);
  }

  @Override
  public Inputs inputs(Batch batch, Seeds seeds, long pass) {
    int[] positions =
        IntStream.range(0, batch.ids().length - 1)
            .filter(at -> (at + 1) % batch.tokens() != 0 && batch.mask()[at + 1] == 1)
            .toArray();
    int[] next = Arrays.stream(positions).map(at -> batch.ids()[at + 1]).toArray();
    return new Inputs(batch, positions, next);
  }

  @Override
  public Tensor loss(Tape tape, Var outputs, Supplier<Inputs> inputs) {
    return tape.crossEntropy(outputs, tape.ints(() -> inputs.get().classes()));
  }

  @Override
  public Scorer scorer(List<TokenizedExample> examples, Seeds seeds) {
    return new Scorer() {
      private double loss;
      private int tokens;

      @Override
      public Inputs inputs(Batch batch) {
        return NextToken.this.inputs(batch, seeds, -1);
      }

      @Override
      public void add(Tape tape, Var outputs, Inputs inputs) {
        loss +=
            inputs.classes().length * tape.number(NextToken.this.loss(tape, outputs, () -> inputs));
        tokens += inputs.classes().length;
      }

      @Override
      public Evaluation evaluation() {
        double mean = Math.exp(-loss / tokens);
        return new Evaluation(
            mean, new TreeMap<>(Map.of("accuracy", mean, "loss", loss / tokens)), List.of());
      }
    };
  }
}
