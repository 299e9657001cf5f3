package org.peftsweep.data.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.data.Dataset;
import org.peftsweep.data.Example;
import org.peftsweep.data.Task;
import org.peftsweep.data.Tasks;

/** The built-in tasks of a language model, and the text that its base learns from. */
class InstructionsTest {
  private static final GrammarSettings SETTINGS = GrammarSettings.STANDARD;
  private static final Pattern PROGRAM =
      Pattern.compile("([xyz]) = (\\d) ; ([xyz]) = \\1 ([+-]) (\\d) ; \\3 ([+-]) (\\d) =");

  static List<Task> written() {
    return Tasks.written();
  }

  private static List<Example> rows(Task task, long seed) {
    Dataset dataset =
        task.equals(Tasks.runningText())
            ? new RunningText(SETTINGS, 4000, 500, seed).dataset()
            : new GrammarTask(task, SETTINGS, 4000, 500, seed).dataset();
    List<Example> all = new ArrayList<>(dataset.train());
    all.addAll(dataset.dev().get(0).examples());
    return all;
  }

  @ParameterizedTest
  @MethodSource("written")
  void everyPromptIsThereOnceWithOneAnswerAndTheSeedDecides(Task task) {
    Set<String> prompts = new HashSet<>();
    for (Example row : rows(task, 0)) {
      assertThat(prompts.add(row.first())).isTrue();
      assertThat(row.second()).matches(" \\S+");
    }
    assertThat(rows(task, 1)).isNotEqualTo(rows(task, 0)).isEqualTo(rows(task, 1));
    assertThat(Tasks.isBuiltIn(task)).isTrue();
  }

  /** Running text for the base: the kinds of documents that it was pretrained on, and no others. */
  @Test
  void runningTextIsMoreOfWhatTheBaseLearnedFrom() {
    Task task = Tasks.runningText();
    List<Example> rows = rows(task, 0);
    assertThat(rows).hasSize(4500).allMatch(row -> row.second() == null);
    assertThat(rows.stream().map(Example::first).distinct()).hasSize(4500);
    assertThat(rows(task, 1)).isNotEqualTo(rows).isEqualTo(rows(task, 1));
    assertThat(Tasks.isBuiltIn(task)).isTrue();
    Set<String> words = new HashSet<>(GrammarTask.vocabulary(SETTINGS));
    words.addAll(List.of(";", "=", "+", "-", "x", "y", "z"));
    for (Example row : rows) {
      assertThat(row.first().split(" "))
          .allMatch(word -> words.contains(word) || word.matches("\\d+"));
    }
    List<Example> dev = new RunningText(SETTINGS, 10, 500, 0).dataset().dev().get(0).examples();
    // Sums and definitions are few; what has two sentences is new but for a coincidence.
    Set<String> shown = new WritingCorpus(SETTINGS, 0).documents(5_000).collect(Collectors.toSet());
    assertThat(dev.stream().map(Example::first).filter(text -> text.contains(" ; ")))
        .hasSizeGreaterThan(200)
        .filteredOn(text -> !text.contains("="))
        .noneMatch(shown::contains);
    assertThat(dev.stream().filter(row -> row.first().matches(".*\\d.*")).count())
        .isBetween(50L, 175L);
  }

  @Test
  void programsGiveWhatTheySay() {
    Set<String> results = new HashSet<>();
    for (Example row : rows(Tasks.named("mini-run"), 0)) {
      Matcher program = PROGRAM.matcher(row.first());
      assertThat(program.matches()).as(row.first()).isTrue();
      int value = Integer.parseInt(program.group(2));
      for (int step = 4; step <= 6; step += 2) {
        int operand = Integer.parseInt(program.group(step + 1));
        value += program.group(step).equals("+") ? operand : -operand;
      }
      assertThat(row.second()).isEqualTo(" " + value);
      results.add(row.second());
    }
    assertThat(results).hasSize(19);
  }

  @Test
  void answersAreKnownFromTheSceneOrTheLexicon() {
    Map<String, Word> words = new HashMap<>();
    Lexicon.of(SETTINGS).words().forEach(word -> words.put(word.text(), word));
    Map<String, Integer> kinds = new HashMap<>();
    for (Example row : rows(Tasks.named("mini-ask"), 0)) {
      String[] parts = row.first().split(" ; ");
      Word answer = words.get(row.second().strip());
      Matcher hypernym = Pattern.compile("\\w+ (\\w+) is a kind of what \\? :").matcher(parts[1]);
      Matcher synonym =
          Pattern.compile("what is called (\\w+) is also what \\? :").matcher(parts[1]);
      if (hypernym.matches()) {
        assertThat(answer.kind()).isEqualTo(Kind.HYPERNYM);
        assertThat(words.get(hypernym.group(1)).category()).isEqualTo(answer.category());
        kinds.merge("hypernym", 1, Integer::sum);
      } else if (synonym.matches()) {
        assertThat(answer.means(words.get(synonym.group(1)))).isTrue();
        assertThat(answer.text()).isNotEqualTo(synonym.group(1));
        kinds.merge("synonym", 1, Integer::sum);
      } else {
        assertThat(parts[0].split(" ")).contains(answer.text());
        kinds.merge("scene", 1, Integer::sum);
      }
    }
    assertThat(kinds.get("hypernym")).isEqualTo(kinds.get("synonym")).isEqualTo(1125);
    assertThat(kinds.get("scene")).isEqualTo(2250);
  }

  @Test
  void theCorpusAsksNothingAndItsSumsAreTrue() {
    List<String> documents = new WritingCorpus(SETTINGS, 0).documents(4000).toList();
    assertThat(documents).isEqualTo(new WritingCorpus(SETTINGS, 0).documents(4000).toList());
    assertThat(documents).noneMatch(text -> text.contains("?") || text.contains(":"));
    List<String> sums = documents.stream().filter(text -> text.contains("=")).toList();
    assertThat(sums.size()).isBetween(900, 1100);
    Pattern sum = Pattern.compile("(?:([xyz]) = (\\d) ; )?([xyz]|\\d) ([+-]) (\\d) = (\\d+)");
    for (String text : sums) {
      Matcher parts = sum.matcher(text);
      assertThat(parts.matches()).as(text).isTrue();
      int first = Integer.parseInt(parts.group(1) == null ? parts.group(3) : parts.group(2));
      int second = Integer.parseInt(parts.group(5));
      assertThat(parts.group(4).equals("+") ? first + second : first - second)
          .isEqualTo(Integer.parseInt(parts.group(6)));
    }
  }
}
