package org.peftsweep.optim;

import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.IntSupplier;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * Adam on few entries of a parameter that are dropped and regrown (SpIEL-AG, Ansell et al.,
 * arXiv:2401.16405, §3 and algorithm 1). While a selection is open the gradients of candidates add
 * up: the entries with the largest gradients of its first step, as many as learn. Then the entries
 * that training changed least go back to their start, and the candidates with the largest sums take
 * their places; their moments start as the means of what was added up.
 *
 * <p>Each entry counts its own steps, and decay, which the authors' code has act on changes, pulls
 * towards the start. As in that code ε is added before the bias correction.
 *
 * <p>State: an index and five floats an entry, in ordinary memory.
 */
public final class SpIELAdam implements Update {
  /** When entries change places. */
  public record Schedule(int every, int accumulation, double rate, boolean isCosine) {
    /**
     * Returns which part of the entries is dropped.
     *
     * @param step completed steps
     * @param steps of the whole trial
     */
    double part(int step, int steps) {
      if (isCosine) {
        return rate * (1 + Math.cos(Math.PI * step / steps)) / 2;
      }
      return step == accumulation ? 1 : rate * (1 - step / (double) steps);
    }
  }

  /** One set of numbers an entry. */
  private record Entries(
      int[] places,
      float[] starts,
      float[] changes,
      float[] means,
      float[] squares,
      float[] ages) {}

  private final Parameter parameter;
  private final AdamW adam;
  private final Schedule schedule;
  private final IntSupplier steps;
  private final OptimizerState state = new OptimizerState(0);
  private final Entries entries;
  private boolean isOpen = true;
  private int[] candidates;
  private float[] sums;
  private float[] sumsOfSquares;
  private int samples;

  /**
   * Makes the update.
   *
   * @param chosen the entries that learn first, ascending places in the flattened parameter
   * @param steps of the whole trial
   */
  public SpIELAdam(
      Parameter parameter, AdamW adam, int[] chosen, Schedule schedule, IntSupplier steps) {
    this.parameter = parameter;
    this.adam = adam;
    this.schedule = schedule;
    this.steps = steps;
    int count = chosen.length;
    this.entries =
        new Entries(
            chosen.clone(),
            new float[count],
            new float[count],
            new float[count],
            new float[count],
            new float[count]);
    Arrays.fill(entries.ages, 1);
  }

  int[] places() {
    return entries.places.clone();
  }

  float[] changes() {
    return entries.changes.clone();
  }

  float[] ages() {
    return entries.ages.clone();
  }

  /** Adds candidates' gradients up, and clears the gradient of all that does not learn. */
  @Override
  public void receive(Backend backend, Scratch scratch) {
    float[] gradient = read(backend, parameter.var().gradient());
    if (isOpen) {
      collect(gradient);
    }
    float[] few = new float[gradient.length];
    for (int place : entries.places) {
      few[place] = gradient[place];
    }
    backend.write(few, 0, parameter.var().gradient(), 0, few.length);
  }

  private void collect(float[] gradient) {
    if (candidates == null) {
      candidates = largest(gradient, entries.places.length);
      sums = new float[candidates.length];
      sumsOfSquares = new float[candidates.length];
      samples = 0;
    }
    for (int i = 0; i < candidates.length; i++) {
      float g = gradient[candidates[i]];
      sums[i] += g;
      sumsOfSquares[i] += g * g;
    }
    samples++;
  }

  private static int[] largest(float[] values, int count) {
    Integer[] order = new Integer[values.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, Comparator.comparingDouble(i -> -Math.abs(values[i])));
    int[] places = new int[count];
    Arrays.setAll(places, i -> order[i]);
    Arrays.sort(places);
    return places;
  }

  @Override
  public void step(Backend backend, double rate, double decay, Scratch scratch) {
    float[] gradient = read(backend, parameter.var().gradient());
    float[] value = read(backend, parameter.value());
    if (state.steps() == 0) {
      for (int i = 0; i < entries.places.length; i++) {
        entries.starts[i] = value[entries.places[i]];
      }
    }
    for (int i = 0; i < entries.places.length; i++) {
      int place = entries.places[i];
      float g = gradient[place];
      entries.means[i] = (float) (adam.beta1() * entries.means[i] + (1 - adam.beta1()) * g);
      entries.squares[i] = (float) (adam.beta2() * entries.squares[i] + (1 - adam.beta2()) * g * g);
      double correction1 = 1 - Math.pow(adam.beta1(), entries.ages[i]);
      double correction2 = Math.sqrt(1 - Math.pow(adam.beta2(), entries.ages[i]));
      double root = (Math.sqrt(entries.squares[i]) + adam.epsilon()) * correction1 / correction2;
      double moved = entries.changes[i] - rate * entries.means[i] / root;
      entries.changes[i] = (float) (moved - rate * decay * moved);
      entries.ages[i]++;
      value[place] = entries.starts[i] + entries.changes[i];
    }
    int step = state.advance();
    if (isOpen && step % schedule.every == schedule.accumulation) {
      reselect(value, schedule.part(step, steps.getAsInt()));
    }
    isOpen = isOpen || (step + 1) % schedule.every == 0;
    backend.write(value, 0, parameter.value(), 0, value.length);
  }

  /** Drops the entries that changed least and grows those of the largest sums of gradients. */
  private void reselect(float[] value, double part) {
    int count = (int) (entries.places.length * part);
    Integer[] order = new Integer[entries.places.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, Comparator.comparingDouble(i -> Math.abs(entries.changes[i])));
    Set<Integer> dropped = new HashSet<>();
    for (int i = 0; i < count; i++) {
      dropped.add(entries.places[order[i]]);
    }
    Set<Integer> remaining = new HashSet<>();
    for (int place : entries.places) {
      if (!dropped.contains(place)) {
        remaining.add(place);
      }
    }
    Integer[] growing = new Integer[candidates.length];
    Arrays.setAll(growing, i -> i);
    Arrays.sort(growing, Comparator.comparingDouble(i -> -Math.abs(sums[i])));
    Map<Integer, Integer> grown = new HashMap<>();
    for (int candidate : growing) {
      if (grown.size() < count && !remaining.contains(candidates[candidate])) {
        grown.put(candidates[candidate], candidate);
      }
    }
    replace(value, dropped, grown);
    isOpen = false;
    candidates = null;
  }

  private void replace(float[] value, Set<Integer> dropped, Map<Integer, Integer> grown) {
    dropped.removeIf(place -> grown.remove(place) != null);
    int[] fresh = grown.keySet().stream().mapToInt(Integer::intValue).sorted().toArray();
    int at = 0;
    for (int i = 0; i < entries.places.length && at < fresh.length; i++) {
      if (dropped.contains(entries.places[i])) {
        int candidate = grown.get(fresh[at]);
        value[entries.places[i]] = entries.starts[i];
        entries.places[i] = fresh[at++];
        entries.starts[i] = value[entries.places[i]];
        entries.changes[i] = 0;
        entries.ages[i] = samples;
        double share1 = 1 - Math.pow(adam.beta1(), samples);
        double share2 = 1 - Math.pow(adam.beta2(), samples);
        entries.means[i] = (float) (share1 * sums[candidate] / samples);
        entries.squares[i] = (float) (share2 * sumsOfSquares[candidate] / samples);
      }
    }
    sort();
  }

  private void sort() {
    Integer[] order = new Integer[entries.places.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, Comparator.comparingInt(i -> entries.places[i]));
    int[] places = entries.places.clone();
    Arrays.setAll(entries.places, i -> places[order[i]]);
    for (float[] numbers :
        new float[][] {
          entries.starts, entries.changes, entries.means, entries.squares, entries.ages
        }) {
      float[] old = numbers.clone();
      for (int i = 0; i < numbers.length; i++) {
        numbers[i] = old[order[i]];
      }
    }
  }

  private static float[] read(Backend backend, Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }

  @Override
  public OptimizerState state() {
    return state;
  }

  @Override
  public long stateBytes() {
    return 6L * Float.BYTES * entries.places.length;
  }

  @Override
  public void save(Backend backend, StateWriter to) {
    Update.super.save(backend, to);
    to.longs("places", longs(entries.places));
    to.floats("starts", entries.starts);
    to.floats("changes", entries.changes);
    to.floats("means", entries.means);
    to.floats("squares", entries.squares);
    to.floats("ages", entries.ages);
    to.number("open", isOpen ? 1 : 0);
    to.number("samples", samples);
    if (candidates != null) {
      to.longs("candidates", longs(candidates));
      to.floats("sums", sums);
      to.floats("sums-of-squares", sumsOfSquares);
    }
  }

  @Override
  public void restore(Backend backend, StateReader from) {
    Update.super.restore(backend, from);
    int[] places = ints(from.longs("places"));
    System.arraycopy(places, 0, entries.places, 0, places.length);
    copy(from.floats("starts"), entries.starts);
    copy(from.floats("changes"), entries.changes);
    copy(from.floats("means"), entries.means);
    copy(from.floats("squares"), entries.squares);
    copy(from.floats("ages"), entries.ages);
    isOpen = from.wholeNumber("open") == 1;
    samples = Math.toIntExact(from.wholeNumber("samples"));
    if (from.has("candidates")) {
      candidates = ints(from.longs("candidates"));
      sums = from.floats("sums");
      sumsOfSquares = from.floats("sums-of-squares");
    }
  }

  private static void copy(float[] from, float[] to) {
    System.arraycopy(from, 0, to, 0, to.length);
  }

  private static long[] longs(int[] values) {
    return Arrays.stream(values).asLongStream().toArray();
  }

  private static int[] ints(long[] values) {
    return Arrays.stream(values).mapToInt(Math::toIntExact).toArray();
  }
}
