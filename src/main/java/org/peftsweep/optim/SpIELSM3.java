package org.peftsweep.optim;

import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.function.IntSupplier;
import java.util.stream.IntStream;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * SM3 on few entries of a matrix that are dropped and regrown (SpIEL-MA, Ansell et al.,
 * arXiv:2401.16405, §3): an entry (i, j) that learns moves by {@code g/√(u + 1e-8)} with {@code u =
 * min(Rᵢ, Cⱼ) + g²}, which the sums R of rows and C of columns then cover. Every so many steps the
 * entries that training changed least go back to their start, and those of the others with the
 * largest {@code Rᵢ·Cⱼ} take their places; R and C stay.
 *
 * <p>Decay acts on changes and pulls towards the start.
 *
 * <p>State: an index and two floats an entry, and R and C, in ordinary memory.
 */
public final class SpIELSM3 implements Update {
  private static final double EPSILON = 1e-8;

  private final Parameter parameter;
  private final SpIELAdam.Schedule schedule;
  private final IntSupplier steps;
  private final OptimizerState state = new OptimizerState(0);
  private final int columns;
  private final float[] ofRows;
  private final float[] ofColumns;
  private final int[] places;
  private final float[] starts;
  private final float[] changes;

  /** One of the entries by order of R and C. */
  private record Candidate(int row, int column, double momentum) {}

  /**
   * Makes the update.
   *
   * @param chosen the entries that learn first, ascending places in the flattened parameter
   * @param steps of the whole trial
   */
  public SpIELSM3(
      Parameter parameter, int[] chosen, SpIELAdam.Schedule schedule, IntSupplier steps) {
    this.parameter = parameter;
    this.schedule = schedule;
    this.steps = steps;
    this.columns = parameter.value().columns();
    this.ofRows = new float[parameter.value().rows()];
    this.ofColumns = new float[columns];
    this.places = chosen.clone();
    this.starts = new float[chosen.length];
    this.changes = new float[chosen.length];
  }

  int[] places() {
    return places.clone();
  }

  float[] changes() {
    return changes.clone();
  }

  /** Returns R and C. */
  float[][] sums() {
    return new float[][] {ofRows.clone(), ofColumns.clone()};
  }

  /** Clears the gradient of all that does not learn. */
  @Override
  public void receive(Backend backend, Scratch scratch) {
    float[] gradient = read(backend, parameter.var().gradient());
    float[] few = new float[gradient.length];
    for (int place : places) {
      few[place] = gradient[place];
    }
    backend.write(few, 0, parameter.var().gradient(), 0, few.length);
  }

  @Override
  public void step(Backend backend, double rate, double decay, Scratch scratch) {
    float[] gradient = read(backend, parameter.var().gradient());
    float[] value = read(backend, parameter.value());
    if (state.steps() == 0) {
      for (int i = 0; i < places.length; i++) {
        starts[i] = value[places[i]];
      }
    }
    float[] rows = ofRows.clone();
    float[] others = ofColumns.clone();
    for (int i = 0; i < places.length; i++) {
      int row = places[i] / columns;
      int column = places[i] % columns;
      float g = gradient[places[i]];
      float sum = Math.min(rows[row], others[column]) + g * g;
      ofRows[row] = Math.max(ofRows[row], sum);
      ofColumns[column] = Math.max(ofColumns[column], sum);
      double moved = changes[i] - rate * g / Math.sqrt(sum + EPSILON);
      changes[i] = (float) (moved - rate * decay * moved);
      value[places[i]] = starts[i] + changes[i];
    }
    int step = state.advance();
    if (step % schedule.every() == 0) {
      reselect(value, (int) (places.length * schedule.part(step, steps.getAsInt())));
    }
    backend.write(value, 0, parameter.value(), 0, value.length);
  }

  private void reselect(float[] value, int most) {
    Set<Integer> active = new HashSet<>();
    for (int place : places) {
      active.add(place);
    }
    int[] grown = largest(active, Math.min(most, value.length - places.length));
    int[] order = order(places.length, Comparator.comparingDouble(i -> Math.abs(changes[i])));
    for (int i = 0; i < grown.length; i++) {
      int dropped = order[i];
      value[places[dropped]] = starts[dropped];
      places[dropped] = grown[i];
      starts[dropped] = value[grown[i]];
      changes[dropped] = 0;
    }
    sort();
  }

  /**
   * Returns places of the largest products that are not active, the largest first. They are taken
   * from the corner of the table of products whose rows and columns are in descending order.
   */
  private int[] largest(Set<Integer> active, int count) {
    int[] rows = order(ofRows.length, Comparator.comparingDouble(i -> -ofRows[i]));
    int[] others = order(columns, Comparator.comparingDouble(j -> -ofColumns[j]));
    PriorityQueue<Candidate> open =
        new PriorityQueue<>(
            Comparator.comparingDouble((Candidate c) -> -c.momentum)
                .thenComparingInt(Candidate::row));
    int[] grown = new int[count];
    int found = 0;
    if (count > 0) {
      open.add(candidate(rows, others, 0, 0));
    }
    while (found < count) {
      Candidate next = open.remove();
      int place = rows[next.row] * columns + others[next.column];
      if (!active.contains(place)) {
        grown[found++] = place;
      }
      if (next.column + 1 < columns) {
        open.add(candidate(rows, others, next.row, next.column + 1));
      }
      if (next.column == 0 && next.row + 1 < rows.length) {
        open.add(candidate(rows, others, next.row + 1, 0));
      }
    }
    return grown;
  }

  private Candidate candidate(int[] rows, int[] others, int row, int column) {
    return new Candidate(row, column, (double) ofRows[rows[row]] * ofColumns[others[column]]);
  }

  private void sort() {
    int[] order = order(places.length, Comparator.comparingInt(i -> places[i]));
    int[] oldPlaces = places.clone();
    float[] oldStarts = starts.clone();
    float[] oldChanges = changes.clone();
    for (int i = 0; i < order.length; i++) {
      places[i] = oldPlaces[order[i]];
      starts[i] = oldStarts[order[i]];
      changes[i] = oldChanges[order[i]];
    }
  }

  private static int[] order(int count, Comparator<Integer> by) {
    return IntStream.range(0, count).boxed().sorted(by).mapToInt(Integer::intValue).toArray();
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
    return Float.BYTES * (3L * places.length + ofRows.length + columns);
  }

  @Override
  public void save(Backend backend, StateWriter to) {
    Update.super.save(backend, to);
    to.longs("places", Arrays.stream(places).asLongStream().toArray());
    to.floats("starts", starts);
    to.floats("changes", changes);
    to.floats("of-rows", ofRows);
    to.floats("of-columns", ofColumns);
  }

  @Override
  public void restore(Backend backend, StateReader from) {
    Update.super.restore(backend, from);
    long[] kept = from.longs("places");
    Arrays.setAll(places, i -> (int) kept[i]);
    copy(from.floats("starts"), starts);
    copy(from.floats("changes"), changes);
    copy(from.floats("of-rows"), ofRows);
    copy(from.floats("of-columns"), ofColumns);
  }

  private static void copy(float[] from, float[] to) {
    System.arraycopy(from, 0, to, 0, to.length);
  }
}
