package org.peftsweep.train;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Packed;
import org.peftsweep.model.Parameter;

/**
 * Trials that train together: each is a lane, and what their frozen base gives is computed in
 * passes over the rows of several. A trial that trains alone is a pack of one lane.
 *
 * <p>Every lane runs in a thread of its own and knows nothing of the others, and one lane works at
 * a time. One whose batch is as large as a pass may be ({@link MemoryBudget.Passes}) takes its pass
 * at once and goes on; any other asks for one and lets the next lane work. Once none is left to
 * work, what was asked is computed: those that train go together, and those that evaluate, in the
 * lanes' order. So what a lane computes depends on its own requests alone, and a lane that ends
 * leaves the others as they are.
 */
final class Pack implements AutoCloseable {
  /** What one lane asks of a pass. */
  private final class Request {
    private final Lane lane;
    private final Inputs inputs;
    private final boolean trains;
    private final long seed;
    private final BiConsumer<Tape, Var> receiver;

    /** What runs in place of a pass, and how many bytes it held beside the tape's; or null. */
    private ToLongFunction<Tape> own;

    private long ownBytes;

    /** Where losses of this share of a step add up. */
    private Tensor sum;

    private double weight;

    /** What ends the lane's step in this pass, null for nothing. */
    private StepEnd end;

    private Throwable failure;

    Request(Lane lane, Inputs inputs, boolean trains, long seed, BiConsumer<Tape, Var> receiver) {
      this.lane = lane;
      this.inputs = inputs;
      this.trains = trains;
      this.seed = seed;
      this.receiver = receiver;
    }

    long rows() {
      Batch batch = inputs.batch();
      return (long) batch.rows() * batch.tokens();
    }

    void fail(Throwable cause) {
      failure = cause;
    }

    /** Returns what tells its plans apart: the lane, and the passes of a step that ends with it. */
    Object planned() {
      return List.of(lane, end == null ? 0 : end.passes());
    }

    /** Whether a step ends here, and nothing is amiss. */
    boolean isWhole() {
      return end != null && failure == null;
    }

    /** Whether a pass before this one left gradients, which a pass that breaks off would spoil. */
    boolean addsToGradients() {
      return trains && PlannedPasses.hasGradients(lane.learning);
    }
  }

  /** One trial of the pack. */
  final class Lane implements AutoCloseable {
    private Model model;
    private List<Parameter> learning;
    private MethodHooks method;
    private Objective objective;
    private final Turns.Seat seat = turns.seat();
    private ElementType factors = ElementType.F32;
    private double waited;
    private double share;
    private double whole;
    private long arenaBytes;
    private long rows;

    private Lane() {}

    /** Gives the lane its parts; called once, before the first pass. */
    Lane with(Model ownModel, MethodHooks ownMethod, Objective ownObjective) {
      this.model = ownModel;
      this.learning = ownModel.trainable();
      this.method = ownMethod;
      this.objective = ownObjective;
      seated.add(this);
      return this;
    }

    /** Sets what its passes round the factors of products to; the same for all lanes. */
    void multiplyIn(ElementType precision) {
      this.factors = precision;
    }

    /**
     * Runs forward and back; the gradients are added to those of the model's parameters.
     *
     * @param seed of dropout
     * @param weight of this pass in its step
     * @param sum receives the loss times that, what the method adds included
     * @param end of the step, which the pass makes too; null for none
     */
    void train(Inputs inputs, long seed, double weight, Tensor sum, StepEnd end) {
      Request request = new Request(this, inputs, true, seed, (tape, outputs) -> {});
      request.weight = weight;
      request.sum = sum;
      request.end = end;
      run(request);
    }

    /** Returns the loss without gradients and dropout. */
    double loss(Inputs inputs) {
      double[] loss = new double[1];
      evaluate(
          inputs,
          (tape, outputs) -> loss[0] = tape.number(objective.loss(tape, outputs, () -> inputs)));
      return loss[0];
    }

    /** Shows the model's outputs without dropout; they are gone afterwards. */
    void evaluate(Inputs inputs, BiConsumer<Tape, Var> receiver) {
      run(new Request(this, inputs, false, 0, receiver));
    }

    /**
     * Runs passes of its own, by itself.
     *
     * @param inputs by whose rows its time is counted
     * @param work returns the memory that it held besides the tape's, in bytes
     */
    void alone(Inputs inputs, ToLongFunction<Tape> work) {
      Request request = new Request(this, inputs, false, 0, (tape, outputs) -> {});
      request.own = work;
      run(request);
    }

    private void run(Request asked) {
      long start = System.nanoTime();
      Pack.this.run(asked);
      waited += (System.nanoTime() - start) / 1e9;
      if (asked.failure instanceof Error error) {
        throw error;
      }
      if (asked.failure instanceof RuntimeException exception) {
        throw exception;
      }
    }

    /** Returns what the passes of its pack hold. */
    MemoryBudget.Passes passes() {
      return passes;
    }

    /** Lets others work while this lane, whose turn it is, waits for something else. */
    <T> T outside(Turns.Waiting<T> wait) throws InterruptedException {
      return places.size() == 1 ? wait.run() : turns.outside(seat, wait);
    }

    /** Returns its part of the seconds of its passes, by rows. */
    double share() {
      return share;
    }

    /**
     * Returns seconds that run as those of a clock, but in a pass at the pace of the lane's part of
     * its rows.
     */
    double clock() {
      return System.nanoTime() / 1e9 - waited + share;
    }

    /** Returns the seconds of all passes of the pack while it took part. */
    double whole() {
      return whole;
    }

    /** Returns the most memory of activations in its passes, shared among those in them. */
    long arenaBytes() {
      return arenaBytes;
    }

    /** Returns the rows of its last pass. */
    long rows() {
      return rows;
    }

    /** Needs no more passes. Once no lane does, the memory of their activations goes back. */
    @Override
    public void close() {
      seated.remove(this);
      if (seated.isEmpty() && tape != null) {
        tape.close();
        tape = null;
      }
    }
  }

  private final Backend backend;
  private final MemoryBudget.Passes passes;
  private final List<Lane> places = new ArrayList<>();
  private final Turns turns = new Turns(this::runAsked);
  private final List<Request> asked = new ArrayList<>();

  /** Lanes between their first and their last pass. */
  private final List<Lane> seated = new ArrayList<>();

  private Tape tape;
  private PlannedPasses planned;

  /** Makes a pack whose passes a backend computes. */
  Pack(Backend backend, int lanes) {
    this.backend = backend;
    this.passes = MemoryBudget.Passes.of(backend);
    for (int i = 0; i < lanes; i++) {
      places.add(new Lane());
    }
  }

  /** Makes a pack of one. */
  static Pack alone(Backend backend) {
    return new Pack(backend, 1);
  }

  Lane lane(int place) {
    return places.get(place);
  }

  /** Lets a lane work once it is its turn. */
  void work(Lane lane, Runnable part) throws InterruptedException {
    turns.work(lane.seat, part);
  }

  private void run(Request request) {
    if (places.size() == 1 || request.own != null || 2 * request.rows() > passes.rows()) {
      runTogether(List.of(request));
    } else {
      asked.add(request);
      turns.rest(request.lane.seat);
    }
  }

  private void runAsked() {
    List<Request> requests = new ArrayList<>(asked);
    asked.clear();
    requests.sort(Comparator.comparingInt(request -> places.indexOf(request.lane)));
    runAll(requests, request -> request.trains);
    runAll(requests, request -> !request.trains);
  }

  private void runAll(List<Request> requests, Predicate<Request> kind) {
    List<Request> together = new ArrayList<>();
    long rows = 0;
    for (Request request : requests) {
      if (kind.test(request)) {
        if (!together.isEmpty() && rows + request.rows() > passes.rows()) {
          runTogether(together);
          together.clear();
          rows = 0;
        }
        together.add(request);
        rows += request.rows();
      }
    }
    runTogether(together);
  }

  private void runTogether(List<Request> requests) {
    if (requests.isEmpty()) {
      return;
    }
    long start = System.nanoTime();
    boolean mayRepeat =
        requests.size() > 1 && requests.stream().noneMatch(Request::addsToGradients);
    try {
      pass(requests);
    } catch (RuntimeException | Error e) {
      if (mayRepeat) {
        // What is too much for all may do for each, and a fault is one lane's.
        requests.forEach(Pack::clearGradients);
        requests.forEach(request -> runTogether(List.of(request)));
        return;
      }
      requests.forEach(request -> request.fail(e));
    }
    count(requests, (System.nanoTime() - start) / 1e9);
  }

  private static void clearGradients(Request request) {
    for (Parameter parameter : request.lane.learning) {
      parameter.var().clearGradient();
    }
  }

  private void pass(List<Request> requests) {
    if (tape == null) {
      tape = new Tape(backend, Backends.graph(backend));
      planned = new PlannedPasses(tape);
    }
    tape.multiplyIn(requests.get(0).lane.factors);
    if (requests.get(0).own != null) {
      requests.get(0).ownBytes = requests.get(0).own.applyAsLong(tape);
      return;
    }
    List<Model> models = requests.stream().map(request -> request.lane.model).toList();
    List<Batch> batches = requests.stream().map(request -> request.inputs.batch()).toList();
    List<int[]> positions = new ArrayList<>();
    requests.forEach(request -> positions.add(request.inputs.positions()));
    Packed packed = models.get(0).pack(models, batches, positions);
    if (requests.get(0).trains) {
      train(requests, models, packed);
    } else {
      tape.startEvaluation();
      List<Var> outputs = models.get(0).logits(tape, models, packed);
      for (int i = 0; i < outputs.size(); i++) {
        Var own = outputs.get(i);
        Request request = requests.get(i);
        guard(request, () -> request.receiver.accept(tape, own));
      }
    }
  }

  private void train(List<Request> requests, List<Model> models, Packed packed) {
    List<Lane> lanes = requests.stream().map(request -> request.lane).toList();
    List<Inputs> inputs = requests.stream().map(request -> request.inputs).toList();
    long[] seeds = requests.stream().mapToLong(request -> request.seed).toArray();
    List<List<Tensor>> losses =
        planned.run(
            requests.stream().map(Request::planned).toList(),
            lanes.stream().map(lane -> lane.learning).toList(),
            packed,
            inputs,
            seeds,
            (pass, given) -> {
              List<Var> outputs = models.get(0).logits(tape, models, pass);
              List<List<Tensor>> recorded = new ArrayList<>();
              for (int i = 0; i < outputs.size(); i++) {
                tape.lane(i);
                Var own = outputs.get(i);
                Lane lane = lanes.get(i);
                Supplier<Inputs> now = given.get(i);
                List<Tensor> of = new ArrayList<>();
                recorded.add(of);
                guard(
                    requests.get(i),
                    () -> {
                      of.add(lane.objective.loss(tape, own, now));
                      of.addAll(lane.method.regularisers(tape));
                    });
              }
              tape.backward();
              end(requests, recorded);
              return recorded;
            });
    addUp(requests, losses, false);
  }

  /** Ends the steps of those requests that say so. */
  private void end(List<Request> requests, List<List<Tensor>> losses) {
    addUp(requests, losses, true);
    List<StepEnd> ends =
        requests.stream().filter(Request::isWhole).map(request -> request.end).toList();
    if (!ends.isEmpty()) {
      StepEnd.run(tape, ends);
    }
  }

  private void addUp(List<Request> requests, List<List<Tensor>> losses, boolean areEnding) {
    LossSums sums = new LossSums();
    for (int i = 0; i < requests.size(); i++) {
      Request request = requests.get(i);
      if (areEnding ? request.isWhole() : request.end == null) {
        losses.get(i).forEach(loss -> sums.add(request.weight, loss, request.sum));
      }
    }
    sums.run(tape.backend());
  }

  /** Lets a fault be the lane's own. */
  private static void guard(Request request, Runnable part) {
    try {
      part.run();
    } catch (RuntimeException | Error e) {
      request.fail(e);
    }
  }

  private void count(List<Request> requests, double seconds) {
    long rows = requests.stream().mapToLong(Request::rows).sum();
    long bytes = tape.peakBytes() / requests.size() + requests.get(0).ownBytes;
    for (Request request : requests) {
      request.lane.rows = request.rows();
      request.lane.share += seconds * request.rows() / Math.max(1, rows);
      request.lane.arenaBytes = Math.max(request.lane.arenaBytes, bytes);
    }
    seated.forEach(lane -> lane.whole += seconds);
  }

  @Override
  public void close() {
    if (tape != null) {
      tape.close();
    }
  }
}
