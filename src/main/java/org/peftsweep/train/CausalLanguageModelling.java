package org.peftsweep.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Completion;
import org.peftsweep.data.Metric;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Weights;
import org.peftsweep.train.Evaluation.Answer;

/**
 * Tells each token by those before it: cross-entropy over the vocabulary, of all tokens or of those
 * to be written alone.
 *
 * <p>The places that count are filled up to a multiple of {@link #PLACES} by some that do not, so
 * that few shapes of passes differ.
 *
 * @param maxTokens the most tokens of a row, an answer included
 */
record CausalLanguageModelling(Task task, Tokenizer tokenizer, int maxTokens) implements Objective {
  private static final int PLACES = 32;

  /** The class of a place that does not count. */
  private static final int NONE = -1;

  @Override
  public Model model(ModelConfig config, Backend backend, Weights weights) {
    return Models.build(config, Task.NEXT_TOKEN, backend, weights);
  }

  @Override
  public Inputs inputs(Batch batch, Seeds seeds, long pass) {
    int[] counts = new int[batch.rows()];
    int[] places = places(batch, counts);
    int filled = Math.min(batch.ids().length, (places.length + PLACES - 1) / PLACES * PLACES);
    int[] positions = Arrays.copyOf(places, filled);
    int[] classes = new int[filled];
    Arrays.fill(classes, NONE);
    for (int i = 0; i < places.length; i++) {
      classes[i] = batch.ids()[places[i] + 1];
    }
    return new Inputs(batch, positions, classes);
  }

  /**
   * Returns the places whose next token counts.
   *
   * @param counts receives how many they are in each row
   */
  private int[] places(Batch batch, int[] counts) {
    boolean all =
        task.completion().lossOn() == Completion.LossOn.ALL || !task.completion().hasPrompts();
    int[] places = new int[batch.ids().length];
    int count = 0;
    for (int row = 0; row < batch.rows(); row++) {
      for (int token = 1; token < batch.tokens(); token++) {
        int at = row * batch.tokens() + token;
        boolean goesOn = batch.mask()[at] != 0 && batch.mask()[at] == batch.mask()[at - 1];
        if (goesOn && (all || batch.typeIds()[at] == 1)) {
          places[count++] = at - 1;
          counts[row]++;
        }
      }
    }
    return Arrays.copyOf(places, count);
  }

  @Override
  public boolean asksForPlaces() {
    return true;
  }

  /** Those with the longest prompts too, whose answers take most. */
  @Override
  public List<TokenizedExample> largest(List<TokenizedExample> examples, int rows) {
    Stream<TokenizedExample> longest = Objective.super.largest(examples, rows).stream();
    if (task.metrics().stream().noneMatch(Metric::isGenerated)) {
      return longest.toList();
    }
    Stream<TokenizedExample> asked =
        examples.stream()
            .sorted(Comparator.comparingInt(example -> -prompt(example).length))
            .limit(rows);
    return Stream.concat(longest, asked).distinct().toList();
  }

  @Override
  public Tensor loss(Tape tape, Var outputs, Supplier<Inputs> inputs) {
    return tape.crossEntropy(outputs, tape.ints(() -> inputs.get().classes()));
  }

  @Override
  public Scorer scorer(List<TokenizedExample> examples, Seeds seeds) {
    return new TextScorer(examples, seeds);
  }

  /** Scores tokens as they are told and, where a metric asks, answers that are written. */
  private final class TextScorer implements Scorer {
    private final List<TokenizedExample> examples;
    private final Seeds seeds;
    private final Map<Integer, Integer> order = new HashMap<>();
    private final double[] tokens;
    private final double[] losses;
    private final double[] right;
    private final SortedMap<Metric, double[]> answered = new TreeMap<>();

    TextScorer(List<TokenizedExample> examples, Seeds seeds) {
      this.examples = examples;
      this.seeds = seeds;
      for (int i = 0; i < examples.size(); i++) {
        order.put(examples.get(i).index(), i);
      }
      tokens = new double[examples.size()];
      losses = new double[examples.size()];
      right = new double[examples.size()];
      task.metrics().stream()
          .filter(Metric::isGenerated)
          .forEach(metric -> answered.put(metric, new double[examples.size()]));
    }

    @Override
    public Inputs inputs(Batch batch) {
      return CausalLanguageModelling.this.inputs(batch, seeds, -1);
    }

    @Override
    public void add(Tape tape, Var outputs, Inputs inputs) {
      Batch batch = inputs.batch();
      int[] counts = new int[batch.rows()];
      int count = places(batch, counts).length;
      int[] lanes = Arrays.copyOf(counts, counts.length + 1);
      lanes[counts.length] = inputs.classes().length - count;
      Var[] rows = tape.split(outputs, Lanes.of(lanes));
      float[] scores = new float[outputs.value().columns()];
      int from = 0;
      for (int row = 0; row < batch.rows(); row++) {
        int example = order.get(batch.exampleIndices()[row]);
        tokens[example] = counts[row];
        int[] classes = Arrays.copyOfRange(inputs.classes(), from, from + counts[row]);
        for (int i = 0; i < classes.length; i++) {
          long at = (long) (from + i) * scores.length;
          tape.backend().read(outputs.value(), at, scores, 0, scores.length);
          right[example] += TokenChoice.mostLikely(scores) == classes[i] ? 1.0 / classes.length : 0;
        }
        if (classes.length > 0) {
          losses[example] = tape.number(tape.crossEntropy(rows[row], tape.ints(() -> classes)));
        }
        from += counts[row];
      }
    }

    @Override
    public void write(Writing writing) {
      if (answered.isEmpty()) {
        return;
      }
      List<Integer> byLength = new ArrayList<>();
      for (int i = 0; i < examples.size(); i++) {
        byLength.add(i);
      }
      byLength.sort(Comparator.comparingInt(i -> prompt(examples.get(i)).length));
      TextWriter writer =
          new TextWriter(
              task.completion(), tokenizer.endIds(), maxTokens, seeds.random("written answers"));
      int rows = writing.rows();
      for (int from = 0; from < byLength.size(); from += rows) {
        List<Integer> some = byLength.subList(from, Math.min(byLength.size(), from + rows));
        List<int[]> prompts = some.stream().map(i -> prompt(examples.get(i))).toList();
        List<int[]> answers = writing.write(prompts, writer);
        for (int i = 0; i < answers.size(); i++) {
          score(some.get(i), tokenizer.text(answers.get(i)));
        }
      }
    }

    private void score(int example, String answer) {
      String wanted = examples.get(example).answer();
      answered.forEach((metric, values) -> values[example] = metric.ofText(answer, wanted));
    }

    @Override
    public Evaluation evaluation() {
      SortedMap<String, Double> metrics = new TreeMap<>();
      for (Metric metric : task.metrics()) {
        metrics.put(metric.id(), metric.of(values(metric), weights(metric)));
      }
      Metric first = task.primaryMetric();
      List<Answer> answers = new ArrayList<>();
      double[] weights = weights(first);
      for (int i = 0; i < examples.size(); i++) {
        int example = i;
        double value = values(first)[example];
        List<Double> all = task.metrics().stream().map(metric -> values(metric)[example]).toList();
        answers.add(new Answer(weights[example], value, value, all));
      }
      return new Evaluation(metrics.get(first.id()), metrics, answers);
    }

    private double[] values(Metric metric) {
      if (metric.isGenerated()) {
        return answered.get(metric);
      }
      return metric == Metric.TOKEN_ACCURACY ? right : losses;
    }

    private double[] weights(Metric metric) {
      double[] ones = new double[tokens.length];
      Arrays.fill(ones, 1);
      return metric.isGenerated() ? ones : tokens;
    }
  }

  /** Returns what comes before the last text to be written. */
  private static int[] prompt(TokenizedExample example) {
    int[] types = example.encoded().typeIds();
    int end = types.length;
    while (end > 1 && types[end - 1] == 0) {
      end--;
    }
    int from = end;
    while (from > 1 && types[from - 1] == 1) {
      from--;
    }
    return Arrays.copyOf(example.encoded().ids(), from);
  }
}
