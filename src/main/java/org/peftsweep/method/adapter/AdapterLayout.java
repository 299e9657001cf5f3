package org.peftsweep.method.adapter;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;

/**
 * Which matrices an adapter adapts and how, matrix by matrix: what a trial takes over from the
 * adapter that it starts from. Its method's settings hold wherever nothing else is said here.
 *
 * @param modules names of the adapted matrices; empty for those of the trial's targets
 * @param ranks of the matrices whose rank is not the method's
 * @param alphas of the matrices whose alpha is not the method's
 * @param biases which biases of the base learn
 * @param saved names of modules of the base that learn as a whole
 */
public record AdapterLayout(
    SortedSet<String> modules,
    SortedMap<String, Integer> ranks,
    SortedMap<String, Double> alphas,
    Biases biases,
    SortedSet<String> saved) {
  /** Of a trial that starts from no adapter: all is as the method and the targets say. */
  public static final AdapterLayout NONE =
      new AdapterLayout(
          new TreeSet<>(), new TreeMap<>(), new TreeMap<>(), Biases.NONE, new TreeSet<>());

  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final String BIAS = ".bias";

  /** Which biases of the base learn beside an adapter. */
  public enum Biases {
    NONE,
    /** Those of the adapted matrices. */
    ADAPTED,
    ALL
  }

  public AdapterLayout {
    modules = Collections.unmodifiableSortedSet(new TreeSet<>(modules));
    ranks = Collections.unmodifiableSortedMap(new TreeMap<>(ranks));
    alphas = Collections.unmodifiableSortedMap(new TreeMap<>(alphas));
    saved = Collections.unmodifiableSortedSet(new TreeSet<>(saved));
  }

  /** Whether it says nothing beyond the method and the targets. */
  @JsonIgnore
  public boolean isNone() {
    return equals(NONE);
  }

  /** Returns what learns of the base besides what the method chooses. */
  List<Parameter> learning(Model model) {
    return model.parameters().stream().filter(this::learns).toList();
  }

  private boolean learns(Parameter parameter) {
    String name = parameter.name();
    String module = name.substring(0, name.lastIndexOf('.'));
    boolean isBias = name.endsWith(BIAS);
    return saved.contains(module)
        || isBias && biases == Biases.ALL
        || isBias && biases == Biases.ADAPTED && modules.contains(module);
  }

  /** Returns the same with more modules that are stored as a whole. */
  public AdapterLayout saving(Collection<String> more) {
    SortedSet<String> all = new TreeSet<>(saved);
    all.addAll(more);
    return new AdapterLayout(modules, ranks, alphas, biases, all);
  }

  /** Returns it as JSON, from which {@link #fromJson} makes an equal one. */
  public String toJson() {
    try {
      return MAPPER.writeValueAsString(this);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Cannot write " + this + " as JSON", e);
    }
  }

  /**
   * Reads what {@link #toJson} wrote.
   *
   * @throws IllegalArgumentException for any other text
   */
  public static AdapterLayout fromJson(String json) {
    try {
      return MAPPER.readValue(json, AdapterLayout.class);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("Cannot read " + json + " as an adapter's layout", e);
    }
  }
}
