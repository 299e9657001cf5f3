package org.peftsweep.data.grammar;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.peftsweep.data.Dataset;
import org.peftsweep.data.EvaluationSet;
import org.peftsweep.data.Example;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Task;
import org.peftsweep.data.Tasks;

/**
 * A built-in task: rows drawn from the grammar, classes equally frequent, no row twice.
 *
 * <p>All labels depend on relations between words (agreement, selection, synonymy, hypernymy,
 * opposition, negation), so features of single words do not suffice. Train rows use only a share of
 * the words and dev rows use all of them, so a base that has not learned from the {@link Corpus}
 * which words belong together must guess on the others. What makes each task hard is said at its
 * maker: {@link SingleTexts}, {@link Comparisons}, {@link Inferences}, {@link Instructions}.
 *
 * @param task one of {@link Tasks#builtIn()} or {@link Tasks#written()}
 * @param settings the grammar
 * @param trainRows rows to learn from
 * @param devRows rows of the reported set
 * @param seed draws the rows, not the words
 */
public record GrammarTask(
    Task task, GrammarSettings settings, int trainRows, int devRows, long seed) {

  /** Whole-number levels that the labels of a regression are drawn around. */
  private static final int LEVELS = 6;

  /** Draws without a new row after which the grammar is taken to be exhausted. */
  private static final int TRIES = 1000;

  private static final Map<String, Maker> MAKERS =
      new TreeMap<>(
          Map.of(
              "mini-cola", SingleTexts::acceptability,
              "mini-sst2", SingleTexts::sentiment,
              "mini-mrpc", Comparisons::paraphrase,
              "mini-qqp", Comparisons::questions,
              "mini-stsb", Comparisons::similarity,
              "mini-mnli", Inferences::threeWay,
              "mini-qnli", Comparisons::answers,
              "mini-rte", Inferences::twoWay,
              "mini-ask", Instructions::question,
              "mini-run", Instructions::program));

  public GrammarTask {
    if (!MAKERS.containsKey(task.name())) {
      throw new IllegalArgumentException(
          "Cannot generate rows of " + task.name() + ": choose one of " + MAKERS.keySet());
    }
    if (trainRows < 1 || devRows < 1) {
      throw new IllegalArgumentException(
          String.format(
              "Cannot generate %d train and %d dev rows of %s: give at least 1 each",
              trainRows, devRows, task.name()));
    }
  }

  static Maker maker(String name) {
    return MAKERS.get(name);
  }

  /** Every word that rows with labels and the corpus are made of, in a fixed order. */
  public static List<String> vocabulary(GrammarSettings settings) {
    List<String> all = new ArrayList<>(Lexicon.FUNCTION_WORDS);
    Lexicon.of(settings).words().forEach(word -> all.add(word.text()));
    return List.copyOf(all);
  }

  /** Train and one evaluation set named dev. */
  public Dataset dataset() {
    Lexicon lexicon = Lexicon.of(settings);
    Set<String> seen = new HashSet<>();
    List<Example> train =
        rows("train", lexicon.restrictedTo(settings.trainShare()), trainRows, seen);
    List<Example> dev = rows("dev", lexicon, devRows, seen);
    return new Dataset(
        task, train, List.of(), List.of(new EvaluationSet("dev", dev)), 0, List.of(), false);
  }

  private List<Example> rows(String part, Lexicon lexicon, int rows, Set<String> seen) {
    Seeds seeds = new Seeds(seed);
    String stream = task.name() + " " + part;
    Words words = new Words(lexicon, settings, seeds.random(stream));
    int levels =
        task.isCompletion() ? Instructions.KINDS : task.isRegression() ? LEVELS : task.outputs();
    int[] order = seeds.permutation(stream + " order", rows);
    List<Example> examples = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      Row row = fresh(order[i] % levels, words, seen);
      examples.add(new Example(i, row.first(), row.second(), row.label()));
    }
    return examples;
  }

  private Row fresh(int label, Words words, Set<String> seen) {
    for (int i = 0; i < TRIES; i++) {
      Row row = MAKERS.get(task.name()).make(label, words);
      if (seen.add(row.first() + "\t" + row.second())) {
        return row;
      }
    }
    throw new IllegalArgumentException(
        String.format(
            "Cannot generate %d train and %d dev rows of %s without repeating one: ask for fewer",
            trainRows, devRows, task.name()));
  }
}
