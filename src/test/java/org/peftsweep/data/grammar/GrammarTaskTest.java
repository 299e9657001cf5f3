package org.peftsweep.data.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.data.Dataset;
import org.peftsweep.data.Example;
import org.peftsweep.data.Metric;
import org.peftsweep.data.Task;
import org.peftsweep.data.Tasks;

class GrammarTaskTest {

  private static final GrammarSettings SETTINGS = GrammarSettings.STANDARD;

  static List<Task> builtIn() {
    return Tasks.builtIn();
  }

  @Test
  void thereIsOneForEachOfGluesEightWithItsMetric() {
    assertThat(builtIn()).hasSize(8);
    for (Task mini : builtIn()) {
      Task glue = Tasks.named(mini.name().substring("mini-".length()));
      assertThat(mini.primaryMetric()).isEqualTo(glue.primaryMetric());
      assertThat(mini.labelNames()).isEqualTo(glue.labelNames());
    }
    assertThat(Tasks.named("mini-cola").primaryMetric()).isEqualTo(Metric.MATTHEWS);
  }

  @ParameterizedTest
  @MethodSource("builtIn")
  void theSeedDecidesEveryRow(Task task) {
    assertThat(dataset(task, 0)).isEqualTo(dataset(task, 0));
    assertThat(dataset(task, 0).train()).isNotEqualTo(dataset(task, 1).train());
  }

  @ParameterizedTest
  @MethodSource("builtIn")
  void labelsAreEquallyFrequentAndShuffled(Task task) {
    for (List<Example> part : parts(dataset(task, 3))) {
      Map<Double, Long> counts =
          part.stream()
              .map(example -> task.isRegression() ? Math.floor(example.label()) : example.label())
              .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
      if (!task.isRegression()) {
        assertThat(counts).hasSize(task.outputs());
        long even = part.size() / task.outputs();
        assertThat(counts.values())
            .allSatisfy(count -> assertThat(count).isBetween(even, even + 1));
      } else {
        assertThat(part).allMatch(example -> example.label() >= 0 && example.label() <= 5);
        assertThat(counts).hasSizeGreaterThanOrEqualTo(6);
      }
      assertThat(part.subList(0, 20).stream().map(Example::label).distinct().count())
          .isGreaterThan(1);
    }
  }

  @ParameterizedTest
  @MethodSource("builtIn")
  void noRowIsRepeatedNeitherWithinNorAcrossTheParts(Task task) {
    Set<String> texts = new HashSet<>();
    for (List<Example> part : parts(dataset(task, 0))) {
      for (Example example : part) {
        assertThat(texts.add(example.first() + "|" + example.second())).isTrue();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("builtIn")
  void textsAreShortAndStartWithAFunctionWord(Task task) {
    for (List<Example> part : parts(dataset(task, 0))) {
      for (Example example : part) {
        for (String text : texts(example)) {
          assertThat(text.split(" ").length).as(text).isLessThanOrEqualTo(14);
          assertThat(Lexicon.FUNCTION_WORDS).contains(text.split(" ")[0]);
        }
        assertThat(example.isPair()).isEqualTo(task.isPair());
        assertThat(words(example)).hasSizeLessThanOrEqualTo(26);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("builtIn")
  void trainUsesAboutHalfOfTheWordsAndDevAllOfThem(Task task) {
    Dataset dataset = dataset(task, 0);
    Set<String> known = new HashSet<>(GrammarTask.vocabulary(SETTINGS));
    Set<String> train = new HashSet<>();
    Set<String> dev = new HashSet<>();
    dataset.train().forEach(example -> train.addAll(words(example)));
    dataset.dev().get(0).examples().forEach(example -> dev.addAll(words(example)));
    assertThat(known).containsAll(train).containsAll(dev);
    train.removeAll(Lexicon.FUNCTION_WORDS);
    dev.removeAll(Lexicon.FUNCTION_WORDS);
    assertThat((double) train.size() / dev.size()).isBetween(0.4, 0.65);
    assertThat(dev.stream().filter(train::contains).count()).isGreaterThan(train.size() * 3 / 4);
  }

  /** A guess from the words that each text holds, which ignores how they relate. */
  @ParameterizedTest
  @MethodSource("builtIn")
  void singleWordsTellLittleAboutTheLabel(Task task) {
    if (task.isRegression()) {
      return;
    }
    Dataset dataset = new GrammarTask(task, SETTINGS, 4000, 1000, 5).dataset();
    int classes = task.outputs();
    Map<String, double[]> counts = new TreeMap<>();
    for (Example example : dataset.train()) {
      for (String feature : features(example)) {
        counts.computeIfAbsent(feature, f -> new double[classes])[(int) example.label()]++;
      }
    }
    int right = 0;
    List<Example> dev = dataset.dev().get(0).examples();
    for (Example example : dev) {
      double[] score = new double[classes];
      for (String feature : features(example)) {
        double[] seen = counts.getOrDefault(feature, new double[classes]);
        double total = Arrays.stream(seen).sum();
        for (int c = 0; c < classes; c++) {
          score[c] += Math.log((seen[c] + 1) / (total + classes));
        }
      }
      int best = 0;
      for (int c = 1; c < classes; c++) {
        best = score[c] > score[best] ? c : best;
      }
      right += best == example.label() ? 1 : 0;
    }
    double accuracy = (double) right / dev.size();
    double chance = 1.0 / classes;
    assertThat((accuracy - chance) / (1 - chance)).as("accuracy %s", accuracy).isLessThan(0.35);
  }

  @Test
  void aTaskThatIsNotBuiltInIsRefused() {
    assertThatThrownBy(() -> new GrammarTask(Tasks.named("rte"), SETTINGS, 1, 1, 0))
        .hasMessageContaining("choose one of [mini-ask, mini-cola");
  }

  private static Dataset dataset(Task task, long seed) {
    return new GrammarTask(task, SETTINGS, 2000, 500, seed).dataset();
  }

  private static List<List<Example>> parts(Dataset dataset) {
    return List.of(dataset.train(), dataset.dev().get(0).examples());
  }

  private static List<String> texts(Example example) {
    return example.isPair() ? List.of(example.first(), example.second()) : List.of(example.first());
  }

  private static List<String> words(Example example) {
    return texts(example).stream().flatMap(text -> Stream.of(text.split(" "))).toList();
  }

  private static Set<String> features(Example example) {
    Set<String> features = new HashSet<>();
    for (String word : example.first().split(" ")) {
      features.add("1 " + word);
    }
    if (example.isPair()) {
      for (String word : example.second().split(" ")) {
        features.add("2 " + word);
      }
      features.add("length " + example.first().split(" ").length);
      Set<String> shared = new HashSet<>(Arrays.asList(example.first().split(" ")));
      shared.retainAll(Arrays.asList(example.second().split(" ")));
      features.add("shared " + shared.size());
    }
    return features;
  }
}
