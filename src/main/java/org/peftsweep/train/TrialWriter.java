package org.peftsweep.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Completion;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Shown;
import org.peftsweep.data.Task;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.spec.AdapterSource;
import org.peftsweep.spec.ModelSource;

/** Writes text with the model of a finished trial, or with a large one that it tunes by proxy. */
public final class TrialWriter implements AutoCloseable {
  private final TrialExport trial;
  private final NextTokens tokens;
  private final String largeLocation;
  private final Base large;

  private TrialWriter(TrialExport trial, NextTokens tokens, String largeLocation, Base large) {
    this.trial = trial;
    this.tokens = tokens;
    this.largeLocation = largeLocation;
    this.large = large;
  }

  /**
   * Returns one that writes with the trial's own model.
   *
   * @throws IllegalArgumentException if the trial is of no language model
   */
  public static TrialWriter of(TrialExport trial) {
    requireTexts(trial, "name a trial of texts");
    return new TrialWriter(trial, NextTokens.of(trial.model()), null, null);
  }

  /**
   * Returns one that writes with a large model, which the trial's model tunes by proxy.
   *
   * @throws IllegalArgumentException if the trial is of no language model, or the large model has
   *     another tokenizer
   * @throws org.peftsweep.checkpoint.CheckpointException if the large model is no decoder, or its
   *     files cannot be used
   */
  public static TrialWriter byProxy(TrialExport trial, ProxyFor proxy, Library library) {
    requireTexts(
        trial, "name a trial of texts, or ask the view proxy_scores what its tuning would bring");
    String location = proxy.location();
    library.requireWeights(location, Task.NEXT_TOKEN);
    Preflight.requireTokenizer(library, location);
    Tokenizer tokenizer = library.tokenizer(location);
    requireSameVocabulary(trial, tokenizer, location);
    Backend backend = trial.backend();
    ModelSource.Storage weights =
        proxy.weights() == null ? trial.trial().model().weights() : proxy.weights();
    Base large =
        library.base(
            new ModelSource(location, "", false, AdapterSource.NONE, weights), backend.place());
    Base small = trial.base();
    NextTokens tokens =
        new ProxyTuning(
            Models.build(
                large.config(),
                Task.NEXT_TOKEN,
                backend,
                large.weights().forTrial(backend, new Seeds(0))),
            trial.model(),
            Models.build(
                small.config(), Task.NEXT_TOKEN, backend, small.weights(trial.trial(), backend)),
            (float) proxy.scale());
    return new TrialWriter(trial, tokens, location, large);
  }

  private static void requireTexts(TrialExport trial, String instead) {
    Task task = trial.trial().task().task();
    if (!task.isCompletion()) {
      throw new IllegalArgumentException(
          "Cannot write text with "
              + trial.trial().id()
              + ": it learned "
              + task.name()
              + ", whose rows have labels; "
              + instead);
    }
  }

  private static void requireSameVocabulary(
      TrialExport trial, Tokenizer tokenizer, String location) {
    Tokenizer own = trial.base().tokenizer();
    OptionalInt unlike = own.firstDifference(tokenizer);
    if (unlike.isPresent()) {
      int id = unlike.getAsInt();
      throw new IllegalArgumentException(
          "Cannot tune %s by proxy of %s: token %d is %s there, and %s with %s; give a model with the same tokenizer"
              .formatted(
                  Shown.of(location),
                  trial.trial().id(),
                  id,
                  name(tokenizer, id),
                  name(own, id),
                  Shown.of(trial.trial().model().location())));
    }
  }

  private static String name(Tokenizer tokenizer, int id) {
    return tokenizer.token(id).map(token -> '"' + Shown.value(token) + '"').orElse("none");
  }

  /**
   * Goes on with texts, or where the trial learned from conversations answers messages of a user.
   *
   * @param how how long answers may be and how their tokens are drawn
   * @throws IllegalArgumentException if a prompt is too long, or the large model's tokenizer cuts
   *     one otherwise; nothing was written then
   */
  public List<String> write(List<String> prompts, Completion how, long seed) {
    Tokenizer own = trial.base().tokenizer();
    int longest = longest();
    List<int[]> cut = new ArrayList<>();
    for (String prompt : prompts) {
      String text = isAsked() ? own.question(prompt) : prompt;
      requireSameTokens(text);
      int[] ids = cut(own, text);
      if (ids.length == 0 || ids.length >= longest) {
        throw new IllegalArgumentException(
            "Cannot go on with a prompt of %d tokens: give 1 to %d"
                .formatted(ids.length, longest - 1));
      }
      cut.add(ids);
    }
    Batch batch = TextWriter.batch(cut, longest, trial.base().padId());
    TextWriter writer =
        new TextWriter(how, ends(), longest, new Seeds(seed).random("written answers"));
    List<String> texts = new ArrayList<>();
    try (Tape tape = tape()) {
      writer.write(tape, tokens, batch, ids -> texts.add(own.text(ids)));
    }
    return texts;
  }

  /**
   * Refuses a text that the large model, where there is one, was taught to read in other tokens.
   */
  void requireSameTokens(String text) {
    if (large == null) {
      return;
    }
    int unlike = Arrays.mismatch(cut(trial.base().tokenizer(), text), cut(large.tokenizer(), text));
    if (unlike >= 0) {
      throw new IllegalArgumentException(
          "Cannot tune %s by proxy of %s: their tokenizers cut \"%s\" differently from token %d on; give a model with the same tokenizer"
              .formatted(
                  Shown.of(largeLocation), trial.trial().id(), Shown.value(text), unlike + 1));
    }
  }

  private int[] cut(Tokenizer tokenizer, String text) {
    return isAsked() ? tokenizer.encodeRaw(text) : tokenizer.prompt(text);
  }

  private boolean isAsked() {
    return trial.trial().task().task().completion().form() == Completion.Form.MESSAGES;
  }

  /** Returns the most tokens of a row that all models take. */
  int longest() {
    int own = trial.base().config().longestInput() - trial.trial().method().positions();
    return large == null ? own : Math.min(own, large.config().longestInput());
  }

  /** A text may end as either model's do. */
  private Set<Integer> ends() {
    Set<Integer> ends = new TreeSet<>(trial.base().tokenizer().endIds());
    if (large != null) {
      ends.addAll(large.tokenizer().endIds());
    }
    return ends;
  }

  /** Returns a tape that multiplies as the trial did. */
  Tape tape() {
    Tape tape = new Tape(trial.backend());
    tape.multiplyIn(trial.trial().training().precision().factors());
    return tape;
  }

  TrialExport trial() {
    return trial;
  }

  NextTokens tokens() {
    return tokens;
  }

  @Override
  public void close() {
    tokens.models().stream().filter(model -> model != trial.model()).forEach(Model::close);
  }
}
