package org.peftsweep.spec;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.peftsweep.data.FileFaults;
import org.peftsweep.data.Shown;
import org.peftsweep.data.Task;
import org.peftsweep.data.Tasks;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.method.Settings;

/**
 * How a small model is made from text: its tokenizer, its shape, its training. A RoBERTa learns to
 * fill in masked tokens, a Llama to tell the next one.
 *
 * @param name of the model
 * @param text {@code builtin} for the built-in generator, or files and folders of text with one
 *     passage a line, two parts that belong together separated by a tab; empty where tasks are
 *     given
 * @param tasks whose train and test texts, without their labels, are the passages
 * @param data folder of the tasks' files
 * @param passages lines to draw from the generator, or most passages to use otherwise, 0 for all
 * @param objective what it learns
 * @param vocabulary tokens of the byte-level BPE tokenizer, special ones and all 256 bytes included
 */
public record Pretraining(
    String name,
    List<String> text,
    List<Task> tasks,
    String data,
    Objective objective,
    int passages,
    int vocabulary,
    Shape model,
    Course training) {
  /** What is learned of text. */
  public enum Objective {
    /** To fill in hidden tokens: an encoder. */
    MASKED,
    /** To tell each token by those before it: a decoder. */
    CAUSAL
  }

  /** The text that the built-in generator makes. */
  public static final String BUILT_IN = "builtin";

  private static final Set<String> KEYS =
      Set.of(
          "name",
          "text",
          "tasks",
          "data",
          "objective",
          "passages",
          "vocabulary",
          "model",
          "training");

  /**
   * The model.
   *
   * @param positions longest input that the model can read, in tokens
   * @param dropout that {@code config.json} asks for when the model is fine-tuned
   */
  public record Shape(
      int hidden, int layers, int heads, int feedForward, int positions, double dropout) {
    public Shape {
      Settings.between("hidden", hidden, 1, 65_536);
      Settings.between("layers", layers, 1, 1_000);
      Settings.between("heads", heads, 1, 1_024);
      Settings.between("feed-forward", feedForward, 1, Settings.MOST);
      Settings.between("positions", positions, 4, Settings.MOST);
      Settings.fraction("dropout", dropout);
      if (hidden % heads != 0) {
        throw new IllegalArgumentException(
            "Cannot use heads = " + heads + ": give a divisor of hidden = " + hidden);
      }
    }
  }

  /**
   * The training.
   *
   * @param maskFraction part of the tokens to predict; 80 % of them become the mask token, 10 %
   *     another token, 10 % stay (Devlin et al., arXiv:1810.04805, §3.1); 0 where every next token
   *     is told
   * @param steps optimizer steps
   * @param batch passages a step
   * @param maxTokens longest passage, in tokens, special ones included; the rest is cut off
   * @param dropout while pretraining
   * @param seed of initialisation, order, masks and dropout
   */
  public record Course(
      double maskFraction,
      int steps,
      int batch,
      int maxTokens,
      double dropout,
      double learningRate,
      double warmupFraction,
      double weightDecay,
      double clip,
      double beta1,
      double beta2,
      double epsilon,
      long seed) {
    public Course {
      Settings.fraction("mask-fraction", maskFraction);
      Settings.between("steps", steps, 0, Settings.MOST_STEPS);
      Settings.between("batch", batch, 1, Settings.MOST);
      Settings.between("max-tokens", maxTokens, Tokenizer.LEAST_TOKENS, Settings.MOST);
      Training.requireIndexable(batch, maxTokens);
      Settings.fraction("dropout", dropout);
      Settings.positive("learning-rate", learningRate);
      Settings.fraction("warmup-fraction", warmupFraction);
      Settings.notNegative("weight-decay", weightDecay);
      Settings.notNegative("clip", clip);
      Settings.fraction("beta1", beta1);
      Settings.fraction("beta2", beta2);
      Settings.positive("epsilon", epsilon);
    }
  }

  public Pretraining {
    text = List.copyOf(text);
    tasks = List.copyOf(tasks);
    Settings.between("passages", passages, 0, Settings.MOST_STEPS);
    Settings.between("vocabulary", vocabulary, 261, 10_000_000);
    if (training.maskFraction() > 0 != (objective == Objective.MASKED)) {
      throw new IllegalArgumentException(
          "Cannot use mask-fraction = "
              + training.maskFraction()
              + " with objective = "
              + objective.name().toLowerCase(Locale.ROOT)
              + ": give "
              + (objective == Objective.MASKED ? "a number above 0" : "0"));
    }
    if (training.maxTokens() > model.positions()) {
      throw new IllegalArgumentException(
          "Cannot use max-tokens = "
              + training.maxTokens()
              + " with a model of "
              + model.positions()
              + " positions: give at most that");
    }
    if (text.contains(BUILT_IN) && passages == 0) {
      throw new IllegalArgumentException(
          "Cannot draw passages = 0 from the built-in generator: it is endless, give a number");
    }
  }

  /** Whether the text is generated rather than read. */
  public boolean isBuiltIn() {
    return text.equals(List.of(BUILT_IN));
  }

  /**
   * Reads a pretraining file; every key must be there. Places of text and data become absolute.
   *
   * @throws SpecException with every fault of the file
   */
  public static Pretraining read(String location, Locations locations) {
    return read(location, locations::text, Optional.of(locations));
  }

  /** The same with the places of text and data as they are written. */
  static Pretraining read(String location, TextSource texts) {
    return read(location, texts, Optional.empty());
  }

  private static Pretraining read(
      String location, TextSource texts, Optional<Locations> locations) {
    SpecErrors faults = new SpecErrors();
    Value.Section section = YamlText.file(location, text(location, texts), faults);
    Fields fields = new Fields("", section, new Fields.Source(location, location, KEYS), faults);
    faults.throwIfAny();
    fields.allowOnly(KEYS);
    Optional<String> name = faults.attempt(() -> SweepFile.name(fields));
    if (fields.has("text") == fields.has("tasks")) {
      throw new SpecException("Cannot read " + location + ": give one of the keys text and tasks");
    }
    Optional<List<String>> text = faults.attempt(() -> places(fields, "text", locations));
    Optional<List<Task>> tasks = faults.attempt(() -> tasks(fields));
    Optional<String> data =
        faults.attempt(() -> fields.has("tasks") ? data(fields, locations) : "");
    Optional<Objective> objective =
        faults.attempt(
            () ->
                fields.has("objective")
                    ? (Objective)
                        Scalars.constant(Objective.class, "objective", fields.value("objective"))
                    : Objective.MASKED);
    Optional<Integer> passages =
        faults.attempt(() -> Scalars.whole("passages", fields.value("passages")));
    Optional<Integer> vocabulary =
        faults.attempt(() -> Scalars.whole("vocabulary", fields.value("vocabulary")));
    Optional<Shape> model = faults.attempt(() -> record(fields, "model", Shape.class));
    Optional<Course> training = faults.attempt(() -> record(fields, "training", Course.class));
    faults.throwIfAny();
    try {
      return new Pretraining(
          name.orElseThrow(),
          text.orElseThrow(),
          tasks.orElseThrow(),
          data.orElseThrow(),
          objective.orElseThrow(),
          passages.orElseThrow(),
          vocabulary.orElseThrow(),
          model.orElseThrow(),
          training.orElseThrow());
    } catch (IllegalArgumentException e) {
      throw new SpecException(e.getMessage().replaceFirst(":", " in " + location + ":"));
    }
  }

  private static List<String> places(Fields fields, String key, Optional<Locations> locations) {
    List<String> words = words(fields, key);
    return locations.isEmpty() || words.equals(List.of(BUILT_IN))
        ? words
        : words.stream()
            .map(
                word ->
                    locations
                        .get()
                        .existing(key, word, fields.place(key), "give a folder or a file"))
            .toList();
  }

  private static List<Task> tasks(Fields fields) {
    List<String> known = Tasks.all().stream().map(Task::name).toList();
    return fields.has("tasks")
        ? Fields.itemsOrOne("tasks", fields.value("tasks")).stream()
            .map(item -> Tasks.named(Scalars.choice("tasks", item, known)))
            .toList()
        : List.of();
  }

  private static String data(Fields fields, Optional<Locations> locations) {
    Scalars.word("data", fields.value("data"));
    return places(fields, "data", locations).get(0);
  }

  private static List<String> words(Fields fields, String key) {
    return fields.has(key)
        ? Fields.itemsOrOne(key, fields.value(key)).stream()
            .map(item -> Scalars.word(key, item))
            .toList()
        : List.of();
  }

  private static <T extends Record> T record(Fields fields, String key, Class<T> type) {
    Fields inner = fields.fields(key);
    inner.allowOnly(RecordFields.names(type));
    return inner.record(type);
  }

  private static String text(String location, TextSource texts) {
    try {
      return texts
          .read(location)
          .orElseThrow(
              () ->
                  new SpecException(
                      "Cannot read the pretraining file "
                          + Shown.of(location)
                          + ": there is no such file"));
    } catch (IOException e) {
      throw FileFaults.cannot("read", location, e);
    }
  }
}
