package org.peftsweep.train;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Weights;

/**
 * Fills in hidden tokens (Devlin et al., arXiv:1810.04805, §3.1): of those chosen 80 % become the
 * mask token, 10 % another token, 10 % stay; cross-entropy over the vocabulary.
 *
 * @param fraction of the tokens that are not special, to choose
 */
record MaskedLanguageModelling(Tokenizer tokenizer, double fraction) implements Objective {
  /** Name of the metric that holds the part of hidden tokens whose most likely token is right. */
  static final String ACCURACY = "accuracy";

  /** Name of the metric that holds the mean cross-entropy of hidden tokens. */
  static final String LOSS = "loss";

  @Override
  public Model model(ModelConfig config, Backend backend, Weights weights) {
    return Models.buildMasked(config, backend, weights);
  }

  @Override
  public Inputs inputs(Batch batch, Seeds seeds, long pass) {
    return hide(batch, seeds.random("masking " + pass));
  }

  private Inputs hide(Batch batch, SplittableRandom random) {
    int[] ids = batch.ids().clone();
    int[] positions = new int[ids.length];
    int count = 0;
    int mask = tokenizer.maskId().orElseThrow();
    for (int i = 0; i < ids.length; i++) {
      if (batch.mask()[i] == 0 || tokenizer.isSpecial(ids[i]) || random.nextDouble() >= fraction) {
        continue;
      }
      positions[count++] = i;
      double what = random.nextDouble();
      if (what < 0.8) {
        ids[i] = mask;
      } else if (what < 0.9) {
        ids[i] = ordinary(random);
      }
    }
    positions = Arrays.copyOf(positions, count);
    int[] classes = Arrays.stream(positions).map(position -> batch.ids()[position]).toArray();
    Batch hidden =
        new Batch(
            batch.rows(),
            batch.tokens(),
            ids,
            batch.mask(),
            batch.typeIds(),
            batch.labels(),
            batch.exampleIndices());
    return new Inputs(hidden, positions, classes);
  }

  private int ordinary(SplittableRandom random) {
    int id = random.nextInt(tokenizer.vocabularyTokens());
    while (tokenizer.isSpecial(id)) {
      id = random.nextInt(tokenizer.vocabularyTokens());
    }
    return id;
  }

  @Override
  public Tensor loss(Tape tape, Var outputs, Supplier<Inputs> inputs) {
    return tape.crossEntropy(outputs, tape.ints(() -> inputs.get().classes()));
  }

  @Override
  public Scorer scorer(List<TokenizedExample> examples, Seeds seeds) {
    return new TokenScorer(seeds.random("held-out masking"));
  }

  private final class TokenScorer implements Scorer {
    private final SplittableRandom random;
    private double loss;
    private long right;
    private long all;

    TokenScorer(SplittableRandom random) {
      this.random = random;
    }

    @Override
    public Inputs inputs(Batch batch) {
      return hide(batch, random);
    }

    @Override
    public void add(Tape tape, Var outputs, Inputs inputs) {
      int[] classes = inputs.classes();
      loss +=
          classes.length
              * tape.number(MaskedLanguageModelling.this.loss(tape, outputs, () -> inputs));
      Tensor scores = outputs.value();
      float[] row = new float[scores.columns()];
      for (int i = 0; i < classes.length; i++) {
        tape.backend().read(scores, (long) i * row.length, row, 0, row.length);
        int best = 0;
        for (int token = 1; token < row.length; token++) {
          best = row[token] > row[best] ? token : best;
        }
        right += best == classes[i] ? 1 : 0;
      }
      all += classes.length;
    }

    @Override
    public Evaluation evaluation() {
      double accuracy = (double) right / all;
      TreeMap<String, Double> metrics = new TreeMap<>();
      metrics.put(ACCURACY, accuracy);
      metrics.put(LOSS, loss / all);
      return new Evaluation(accuracy, metrics, List.of());
    }
  }
}
