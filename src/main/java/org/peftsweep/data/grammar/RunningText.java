package org.peftsweep.data.grammar;

import java.util.ArrayList;
import java.util.List;
import org.peftsweep.data.Dataset;
import org.peftsweep.data.EvaluationSet;
import org.peftsweep.data.Example;
import org.peftsweep.data.Tasks;

/**
 * The rows of {@link Tasks#runningText()}: documents of the {@link WritingCorpus} that no model was
 * pretrained on, of all words, no row twice. Documents of few words, such as sums, are few, so that
 * a model may have met the same by chance.
 *
 * @param settings the grammar
 * @param trainRows rows to learn from
 * @param devRows rows of the reported set
 * @param seed draws the rows, not the words
 */
public record RunningText(GrammarSettings settings, int trainRows, int devRows, long seed) {
  /** Far behind the documents that a model is pretrained on. */
  private static final long FIRST = 1_000_000_000;

  /** So many lie between two seeds. */
  private static final long DOCUMENTS = 1_000_000;

  public RunningText {
    if (trainRows < 1 || devRows < 1) {
      throw new IllegalArgumentException(
          String.format(
              "Cannot generate %d train and %d dev rows of text: give at least 1 each",
              trainRows, devRows));
    }
  }

  /** Dev rows come first, so that they are as frequent as in the corpus, but for repetitions. */
  public Dataset dataset() {
    List<String> texts =
        new WritingCorpus(settings, 0)
            .documents(FIRST + seed * DOCUMENTS, DOCUMENTS)
            .distinct()
            .limit((long) devRows + trainRows)
            .toList();
    if (texts.size() < devRows + trainRows) {
      throw new IllegalArgumentException(
          String.format(
              "Cannot generate %d train and %d dev rows of text without repeating one: ask for"
                  + " fewer",
              trainRows, devRows));
    }
    return new Dataset(
        Tasks.runningText(),
        examples(texts.subList(devRows, texts.size())),
        List.of(),
        List.of(new EvaluationSet("dev", examples(texts.subList(0, devRows)))),
        0,
        List.of(),
        false);
  }

  private static List<Example> examples(List<String> texts) {
    List<Example> examples = new ArrayList<>();
    texts.forEach(text -> examples.add(new Example(examples.size(), text, null, 0)));
    return examples;
  }
}
