package org.peftsweep.data.grammar;

import java.util.List;
import java.util.function.Function;

/**
 * The tasks whose answers are written: a prompt as first text, its only right answer as second.
 *
 * <p>What is asked stands in the {@link WritingCorpus} as a plain statement, never as a question: a
 * base brings the knowledge, and training the form.
 */
final class Instructions {
  /** What may be asked of a scene, and the answer. */
  private record Question(String words, Function<Scene, Word> answer) {}

  private static final List<Question> OF_SCENES =
      List.of(
          new Question("who ?", Scene::agent),
          new Question("what place ?", Scene::place),
          new Question("what time ?", Scene::time),
          new Question("what kind of ?", Scene::adjective));

  /** Of numbers. */
  private static final List<String> NAMES = List.of("x", "y", "z");

  /** Kinds of questions and of programs, each as frequent. */
  static final int KINDS = 4;

  private Instructions() {}

  /**
   * A scene and a question of it with one right answer: the hypernym of its noun (0), the other
   * word for one of its words (1), or one of its parts (2 and 3). Hard because half of the words
   * are asked of in dev alone, and the first two answers do not stand in the scene.
   */
  static Row question(int kind, Words words) {
    Scene scene = words.scene();
    switch (kind) {
      case 0:
        Word noun = scene.noun();
        String article = Scene.article(noun, words.coin());
        return asked(
            scene,
            article + " " + noun.text() + " is a kind of what ?",
            words.hypernym(noun.category()));
      case 1:
        Word word =
            words.pick(List.of(scene.noun(), scene.verb(), scene.place(), scene.adjective()));
        return asked(
            scene, "what is called " + word.text() + " is also what ?", words.synonym(word));
      default:
        Question question = words.pick(OF_SCENES);
        return asked(scene, question.words, question.answer.apply(scene));
    }
  }

  private static Row asked(Scene scene, String question, Word answer) {
    return new Row(scene.text() + " ; " + question + " :", " " + answer.text(), 0);
  }

  /**
   * A program of two steps and what it gives, a whole number from 0 to 18. The kind says which of
   * the steps add and which take away.
   */
  static Row program(int kind, Words words) {
    int first = words.below(10);
    boolean adds = kind % 2 == 0;
    int second = adds ? words.below(10 - first) : words.below(first + 1);
    int middle = adds ? first + second : first - second;
    boolean addsThen = kind / 2 == 0;
    int third = addsThen ? words.below(10) : words.below(middle + 1);
    int result = addsThen ? middle + third : middle - third;
    String name = words.pick(NAMES);
    String other = words.pick(NAMES.stream().filter(one -> !one.equals(name)).toList());
    String prompt =
        "%s = %d ; %s = %s %s %d ; %s %s %d ="
            .formatted(
                name,
                first,
                other,
                name,
                adds ? "+" : "-",
                second,
                other,
                addsThen ? "+" : "-",
                third);
    return new Row(prompt, " " + result, 0);
  }

  /** A true sum of one step, with or without a name for its first number. */
  static String sum(Words words) {
    int first = words.below(10);
    boolean adds = words.coin();
    int second = adds ? words.below(10) : words.below(first + 1);
    int result = adds ? first + second : first - second;
    String operator = adds ? " + " : " - ";
    if (words.coin()) {
      return first + operator + second + " = " + result;
    }
    String name = words.pick(NAMES);
    return name + " = " + first + " ; " + name + operator + second + " = " + result;
  }
}
