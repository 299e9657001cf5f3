package org.peftsweep.results;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.peftsweep.spec.Claim;
import org.peftsweep.spec.Search;

/**
 * What a sweep was last asked to do: the file {@code agenda.json} beside its tables, from which
 * reports tell what is still missing and how settings were chosen.
 *
 * @param tasks in the order of the sweep file
 * @param tuningSeeds empty where nothing is chosen
 * @param seeds of evaluations
 * @param select axes for which settings are chosen
 * @param trials id to title of all trials known so far
 * @param choices made so far
 * @param undecided choices that wait for tuning trials
 * @param source how the sweep was asked for; null in older ones
 * @param claims statements that the sweep tests
 * @param added id to title of trials that the sweep file does not ask for, having been asked for
 *     beside it
 * @param sequential whether seeds were added until recipes were told apart
 * @param search what was searched; null where all recipes run to their end
 * @param kept id of a trial to the id of the row of an older version of its method that was kept in
 *     its place
 */
public record Manifest(
    List<String> tasks,
    List<Long> tuningSeeds,
    List<Long> seeds,
    List<String> select,
    Map<String, String> trials,
    List<Choice> choices,
    int undecided,
    Source source,
    List<Claim> claims,
    Map<String, String> added,
    boolean sequential,
    Found search,
    Map<String, String> kept) {
  /**
   * What came of a search.
   *
   * @param how it was done, a sentence
   * @param tried by task, the id of each recipe's first trial in the order of the contest
   * @param earlier recipes of other sweeps that it started from
   * @param hasFront whether several objectives were sought
   * @param objectives these, to min or max
   */
  public record Found(
      String how,
      Map<String, List<String>> tried,
      int earlier,
      boolean hasFront,
      Map<String, String> objectives) {
    public Found {
      // Older ones tell that there were two, and could be these alone.
      objectives =
          objectives != null
              ? new TreeMap<>(objectives)
              : new TreeMap<>(
                  hasFront
                      ? Map.of(Search.SCORE, "max", Search.PARAMETERS, "min")
                      : Map.of(Search.SCORE, "max"));
    }
  }

  /**
   * What a sweep was called with.
   *
   * @param file the sweep file, as it was given
   * @param overrides values by dotted key
   * @param question what the file says that it asks; empty where it says nothing
   * @param defaults by task and key what a block of its grid has that names its method alone; empty
   *     in older ones
   */
  public record Source(
      String file,
      Map<String, String> overrides,
      String question,
      SortedMap<String, SortedMap<String, String>> defaults) {
    public Source {
      defaults = defaults == null ? Collections.emptySortedMap() : defaults;
    }

    /** Of which no default is known. */
    public Source(String file, Map<String, String> overrides, String question) {
      this(file, overrides, question, null);
    }
  }

  /**
   * A choice of settings.
   *
   * @param name what it was made for
   * @param candidates recipes that were compared
   * @param tuning ids of their trials
   * @param evaluation ids of the chosen recipe's evaluations
   * @param validationScore mean of the chosen recipe over the tuning seeds
   */
  public record Choice(
      String name,
      int candidates,
      List<String> tuning,
      List<String> evaluation,
      double validationScore) {}

  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.KEBAB_CASE)
          // Another version's may say more; what older ones lack is nothing.
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  public Manifest {
    tasks = List.copyOf(tasks);
    tuningSeeds = List.copyOf(tuningSeeds);
    seeds = List.copyOf(seeds);
    select = List.copyOf(select);
    trials = new TreeMap<>(trials);
    choices = List.copyOf(choices);
    claims = claims == null ? List.of() : List.copyOf(claims);
    added = added == null ? new TreeMap<>() : new TreeMap<>(added);
    kept = kept == null ? new TreeMap<>() : new TreeMap<>(kept);
  }

  /** Without a search, and with no row of an older version. */
  public Manifest(
      List<String> tasks,
      List<Long> tuningSeeds,
      List<Long> seeds,
      List<String> select,
      Map<String, String> trials,
      List<Choice> choices,
      int undecided,
      Source source,
      List<Claim> claims,
      Map<String, String> added,
      boolean sequential) {
    this(
        tasks,
        tuningSeeds,
        seeds,
        select,
        trials,
        choices,
        undecided,
        source,
        claims,
        added,
        sequential,
        null,
        Map.of());
  }

  /** What a sweep file asks for, and nothing beside it. */
  public Manifest(
      List<String> tasks,
      List<Long> tuningSeeds,
      List<Long> seeds,
      List<String> select,
      Map<String, String> trials,
      List<Choice> choices,
      int undecided) {
    this(
        tasks,
        tuningSeeds,
        seeds,
        select,
        trials,
        choices,
        undecided,
        null,
        List.of(),
        Map.of(),
        false);
  }

  /** Returns id to title of all that was asked for, by the ids under which rows are stored. */
  public Map<String, String> asked() {
    Map<String, String> asked = new TreeMap<>(added);
    asked.putAll(trials);
    kept.forEach(
        (now, stored) -> {
          String title = asked.remove(now);
          if (title != null) {
            asked.put(stored, title);
          }
        });
    return asked;
  }

  /** Returns what two sweeps were asked together. */
  public Manifest and(Manifest other) {
    Map<String, String> both = new TreeMap<>(other.trials);
    both.putAll(trials);
    Map<String, String> bothAdded = new TreeMap<>(other.added);
    bothAdded.putAll(added);
    Map<String, String> bothKept = new TreeMap<>(other.kept);
    bothKept.putAll(kept);
    return new Manifest(
        joined(tasks, other.tasks),
        joined(tuningSeeds, other.tuningSeeds),
        joined(seeds, other.seeds),
        joined(select, other.select),
        both,
        joined(choices, other.choices),
        undecided + other.undecided,
        null,
        joined(claims, other.claims),
        bothAdded,
        sequential || other.sequential,
        null,
        bothKept);
  }

  private static <T> List<T> joined(List<T> mine, List<T> theirs) {
    return Stream.concat(mine.stream(), theirs.stream()).distinct().toList();
  }

  String toJson() {
    try {
      return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(this) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  static Manifest fromJson(String json) throws JsonProcessingException {
    return MAPPER.readValue(json, Manifest.class);
  }
}
