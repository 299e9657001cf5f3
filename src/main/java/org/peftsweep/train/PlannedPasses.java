package org.peftsweep.train;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.peftsweep.compute.Plan;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Packed;
import org.peftsweep.model.Parameter;

/**
 * Training passes that are planned the second time that their shape is met, and from then on run
 * again as they were: the same kernels on the same memory, so the same numbers bit for bit, without
 * the work of building the tape.
 */
final class PlannedPasses {
  /** Shapes whose plans are kept; those that were longest not met go first. */
  private static final int MOST_PLANS = 64;

  /** Plans of one shape that could not run again before no more are made. */
  private static final int MOST_MISSES = 4;

  /** A whole pass. */
  interface Recording {
    /**
     * Runs forward and back.
     *
     * @param inputs of each lane, which a plan asks for anew
     * @return where each lane's losses will be
     */
    List<List<Tensor>> run(Packed packed, List<Supplier<Inputs>> inputs);
  }

  private record Key(List<Object> lanes, Object shape, List<Boolean> adds) {}

  /** What a lane reads now. */
  private static final class Reading implements Supplier<Inputs> {
    private Inputs now;

    @Override
    public Inputs get() {
      return now;
    }
  }

  private static final class Known {
    private int misses;
    private Plan plan;
    private Packed packed;
    private List<Reading> readings;
    private List<List<Tensor>> losses;
  }

  private final Tape tape;
  private final Map<Key, Known> plans =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, Known> eldest) {
          return size() > MOST_PLANS;
        }
      };

  PlannedPasses(Tape tape) {
    this.tape = tape;
  }

  /**
   * Runs a pass, by a plan where there is one.
   *
   * @param lanes by which passes are told apart beside their shapes
   * @param learning what each lane trains
   * @param seeds of dropout
   */
  List<List<Tensor>> run(
      List<? extends Object> lanes,
      List<List<Parameter>> learning,
      Packed packed,
      List<Inputs> inputs,
      long[] seeds,
      Recording pass) {
    List<Boolean> adds = new ArrayList<>();
    for (List<Parameter> own : learning) {
      adds.add(hasGradients(own));
    }
    Key key = new Key(List.copyOf(lanes), packed.shape(), adds);
    Known known = plans.get(key);
    if (known != null && known.plan != null && known.plan.isCurrent()) {
      known.packed.replace(packed);
      read(known.readings, inputs);
      known.plan.run(seeds);
      return known.losses;
    }
    List<Reading> readings = new ArrayList<>();
    inputs.forEach(each -> readings.add(new Reading()));
    read(readings, inputs);
    boolean plans = known != null && known.misses < MOST_MISSES;
    if (plans) {
      tape.startPlanning(variables(learning), seeds);
    } else {
      tape.startTraining(seeds);
    }
    List<List<Tensor>> losses = pass.run(packed, List.copyOf(readings));
    if (known == null) {
      this.plans.put(key, new Known());
    } else if (plans) {
      known.misses++;
      known.plan = planned();
      known.packed = packed;
      known.readings = readings;
      known.losses = losses;
    }
    return losses;
  }

  /** Returns the plan of the pass that ran: one for which there is no memory is none. */
  private Plan planned() {
    try {
      return tape.plan();
    } catch (OutOfMemoryError e) {
      return null;
    }
  }

  private static void read(List<Reading> readings, List<Inputs> inputs) {
    for (int i = 0; i < inputs.size(); i++) {
      readings.get(i).now = inputs.get(i);
    }
  }

  /** Whether a pass before this one left gradients that the next one adds to. */
  static boolean hasGradients(List<Parameter> learning) {
    for (Parameter parameter : learning) {
      if (parameter.var().hasGradient()) {
        return true;
      }
    }
    return false;
  }

  private static List<Var> variables(List<List<Parameter>> learning) {
    return learning.stream().flatMap(List::stream).map(Parameter::var).toList();
  }
}
