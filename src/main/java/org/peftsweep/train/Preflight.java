package org.peftsweep.train;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Batches;
import org.peftsweep.data.DataException;
import org.peftsweep.data.Dataset;
import org.peftsweep.data.Shown;
import org.peftsweep.data.Task;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;
import org.peftsweep.spec.ModelSource;
import org.peftsweep.spec.SpecException;
import org.peftsweep.spec.TrainSample;
import org.peftsweep.spec.Trial;

/**
 * What files tell of trials before they run: whether model, tokenizer, adapter, data and settings
 * go together. The driver asks for all trials before the first one starts, an executor for its own.
 */
public final class Preflight {
  private static final int MOST_FAULTS = 20;

  private final Library library;
  private final String backend;

  /** What was checked before, with its fault or null; trials are many, what they differ in few. */
  private final Map<Object, RuntimeException> checked = new HashMap<>();

  private final Set<String> notices = new LinkedHashSet<>();

  /** Makes one for trials on the backend that runs where none is named. */
  public Preflight(Library library) {
    this(library, Backends.DEFAULT);
  }

  /** Makes one for trials on a backend. */
  public Preflight(Library library, String backend) {
    this.library = library;
    this.backend = backend;
  }

  /**
   * Checks trials.
   *
   * @return what a user should know of them, a sentence each
   * @throws SpecException with the faults of all, each once
   */
  public List<String> requireAll(List<Trial> trials) {
    Set<String> faults = new LinkedHashSet<>();
    for (Trial trial : trials) {
      try {
        require(trial);
        requireCut(trial);
      } catch (IllegalArgumentException
          | CheckpointException
          | DataException
          | SpecException fault) {
        faults.add(fault.getMessage());
      }
      if (faults.size() == MOST_FAULTS) {
        break;
      }
    }
    if (!faults.isEmpty()) {
      throw new SpecException(faults);
    }
    return new ArrayList<>(notices);
  }

  /**
   * Checks one trial.
   *
   * @throws IllegalArgumentException if its settings do not fit its model or data
   * @throws CheckpointException if a file of model or adapter cannot be used
   * @throws DataException if the tokenizer or the data cannot be used
   */
  void require(Trial trial) {
    Backends.refusal(backend, trial.training().precision().factors())
        .ifPresent(
            fault -> {
              throw new IllegalArgumentException(fault);
            });
    ModelSource model = trial.model();
    String location = model.location();
    int outputs = trial.task().task().outputs();
    if (!model.randomInit()) {
      once(List.of("weights", location, outputs), () -> requireWeights(location, outputs));
    }
    once(List.of("tokenizer", location), () -> requireTokenizer(location));
    int maxTokens = trial.training().maxTokens();
    int before = trial.method().positions();
    once(
        List.of("positions", location, maxTokens, before),
        () -> requirePositions(location, maxTokens, before));
    if (trial.training().packing() && outputs != Task.NEXT_TOKEN) {
      throw new IllegalArgumentException(
          "Cannot use packing = true with "
              + trial.task().task().name()
              + ", whose rows have labels: leave packing out");
    }
    Dataset data = library.dataset(trial.task());
    if (data.train().isEmpty()) {
      throw new IllegalArgumentException(
          "Cannot train " + data.task().name() + " on no examples: lower validation-fraction");
    }
    once(
        List.of(location, outputs, trial.method(), trial.targets(), trial.layers()),
        () ->
            trial
                .method()
                .requireFit(
                    library.outline(location, outputs).within(trial.layers()), trial.targets()));
    if (outputs == Task.NEXT_TOKEN) {
      once(
          List.of("texts", location, trial.task(), maxTokens, trial.training().packing()),
          () -> requireTexts(trial));
    }
    if (!trial.retention().isNone()) {
      once(
          List.of("retention", location, maxTokens, trial.retention()),
          () -> requireRetention(trial));
    }
    AdapterLayout layout = library.layout(trial, library.config(location), outputs);
    if (model.weights().type().isQuantised()) {
      once(
          List.of(model, outputs, trial.method(), trial.targets(), trial.layers(), layout),
          () -> requireFrozenMatrices(trial, layout, outputs));
    }
    once(
        List.of("batches", location, trial.task(), trial.method(), trial.training()),
        () -> library.requireBatchesFit(trial));
  }

  /**
   * Refuses texts that the model's tokenizer cannot cut; a trial that runs learns that by itself.
   */
  private void requireCut(Trial trial) {
    once(
        List.of(
            "cut",
            trial.model().location(),
            trial.task().withContentHash("").withSample(TrainSample.WHOLE),
            trial.training().maxTokens(),
            trial.training().packing()),
        () -> library.requireTexts(trial));
  }

  /** Refuses texts that the model's tokenizer cannot write, and sets with nothing to be written. */
  private void requireTexts(Trial trial) {
    TokenisedTask data = library.tokenised(trial);
    requireTokens(trial, TokenisedTask.TRAIN, data.train());
    requireTokens(trial, "the validation part", data.validation());
    data.reported().forEach(set -> requireTokens(trial, set.name(), set.examples()));
  }

  private void requireTokens(Trial trial, String set, List<TokenizedExample> rows) {
    long silent = library.silent(trial, set, rows);
    String within =
        "of %s of %s has a token to be written within max-tokens = %d"
            .formatted(set, Shown.of(trial.task().task().name()), trial.training().maxTokens());
    if (!rows.isEmpty() && silent == rows.size()) {
      throw new IllegalArgumentException(
          "Cannot use "
              + trial.task().task().name()
              + ": no row "
              + within
              + ", give more tokens or shorter prompts");
    }
    if (silent > 0) {
      notices.add("Not each row " + within + ": " + silent + " of " + rows.size() + " have none");
    }
  }

  /** Refuses texts of retention whose loss nobody could tell. */
  private void requireRetention(Trial trial) {
    String name = trial.retention().task().name();
    if (trial.task().task().outputs() != Task.NEXT_TOKEN) {
      throw new IllegalArgumentException(
          "Cannot measure retention on %s beside %s, whose head for labels tells no next tokens: give"
                  .formatted(name, trial.task().task().name())
              + " tasks of texts and a decoder, or leave retention out");
    }
    Batches batches =
        Assembly.batches(trial.training(), library.tokenizer(trial.model().location()).padId());
    if (!library.retained(trial).hasTokens(batches)) {
      throw new IllegalArgumentException(
          "Cannot measure retention on %s: none of its rows has a token to tell within max-tokens = %d,"
                  .formatted(name, trial.training().maxTokens())
              + " give longer texts or more tokens");
    }
  }

  /** Refuses a method that trains matrices whose values are quantised. */
  private void requireFrozenMatrices(Trial trial, AdapterLayout layout, int outputs) {
    ModelConfig config = library.config(trial.model().location());
    try (Rehearsal rehearsal = Rehearsal.of(trial, layout, config, outputs)) {
      for (Linear linear : rehearsal.model().projections()) {
        Parameter parameter = linear.weight();
        if (parameter.isTrainable() && parameter.origin().type().isQuantised()) {
          throw new IllegalArgumentException(
              ("Cannot use weights = %s with method = %s, which trains matrices of the base"
                      + " themselves, such as %s: use fp32 or bf16")
                  .formatted(
                      trial.model().weights().name().toLowerCase(Locale.ROOT),
                      trial.methodId(),
                      parameter.name()));
        }
      }
    }
  }

  private void once(Object key, Runnable check) {
    if (!checked.containsKey(key)) {
      RuntimeException fault = null;
      try {
        check.run();
      } catch (IllegalArgumentException | CheckpointException | DataException e) {
        fault = e;
      }
      checked.put(key, fault);
    }
    if (checked.get(key) != null) {
      throw checked.get(key);
    }
  }

  private void requireWeights(String location, int outputs) {
    List<String> fresh = library.requireWeights(location, outputs);
    if (!fresh.isEmpty()) {
      notices.add(
          "Drawn from each trial's seed, as %s lacks them: %s"
              .formatted(Shown.of(location), String.join(", ", fresh)));
    }
  }

  private void requireTokenizer(String location) {
    int vocabulary = library.config(location).sizes().vocabulary();
    int tokens = library.tokenizer(location).vocabularyTokens();
    if (tokens > vocabulary) {
      throw new IllegalArgumentException(
          "Cannot use a tokenizer of %d tokens with the vocabulary of %d of %s: give the tokenizer"
                  .formatted(tokens, vocabulary, Shown.of(location))
              + " that the model was trained with");
    }
  }

  /**
   * Refuses inputs that are too long.
   *
   * @param before positions that the method puts before the tokens
   */
  private void requirePositions(String location, int maxTokens, int before) {
    ModelConfig config = library.config(location);
    int positions = config.longestInput() - before;
    if (positions < 1) {
      throw new IllegalArgumentException(
          "Cannot use tokens = %d with %s, a model of %d positions: give fewer"
              .formatted(before, Shown.of(location), config.longestInput()));
    }
    if (maxTokens > positions) {
      throw new IllegalArgumentException(
          "Cannot use max-tokens = %d with %s, a model of %d positions%s: give at most that, as with"
                  .formatted(
                      maxTokens,
                      Shown.of(location),
                      positions,
                      before == 0 ? "" : " beside the " + before + " of the method")
              + " --set training.max-tokens="
              + positions);
    }
  }
}
