package org.peftsweep.train;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;

/**
 * Trials that train together: each is a lane, and what their frozen base gives is computed in one
 * pass over the rows of all of them. A trial that trains alone is a pack of one lane.
 *
 * <p>Every lane runs in a thread of its own and knows nothing of the others. A pass begins once
 * each open lane has asked for one: those that train go together, and those that evaluate, in the
 * lanes' order and as many at once as have {@link #MOST_ROWS} rows. So what a lane computes depends
 * on its own requests alone, and a lane that ends leaves the others as they are.
 *
 * <p>Outside of passes no more lanes run at once than the pack's backend has threads.
 */
final class Pack implements AutoCloseable {
  /** Rows of one pass, unless a single lane has more. */
  static final int MOST_ROWS = 2048;

  /** What one lane asks of a pass. */
  private final class Request {
    private final Lane lane;
    private final Inputs inputs;
    private final boolean trains;
    private final long seed;
    private final BiConsumer<Tape, Var> receiver;
    private double loss;
    private Throwable failure;
    private boolean isDone;

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
      isDone = true;
    }

    /** Whether a pass before this one left gradients, which a pass that breaks off would spoil. */
    boolean addsToGradients() {
      return trains && lane.model.trainable().stream().anyMatch(p -> p.var().hasGradient());
    }
  }

  /** One trial of the pack. */
  final class Lane implements AutoCloseable {
    private Model model;
    private MethodHooks method;
    private Objective objective;
    private Request request;
    private double waited;
    private double share;
    private double whole;
    private long arenaBytes;

    private Lane() {}

    /** Gives the lane its parts; called once, before the first pass. */
    Lane with(Model ownModel, MethodHooks ownMethod, Objective ownObjective) {
      this.model = ownModel;
      this.method = ownMethod;
      this.objective = ownObjective;
      return this;
    }

    /**
     * Runs forward and back; the gradients are added to those of the model's parameters.
     *
     * @param seed of dropout
     * @return the loss, what the method adds included
     */
    double train(Inputs inputs, long seed) {
      return run(new Request(this, inputs, true, seed, (tape, outputs) -> {})).loss;
    }

    /** Returns the loss without gradients and dropout. */
    double loss(Inputs inputs) {
      double[] loss = new double[1];
      evaluate(inputs, (tape, outputs) -> loss[0] = objective.loss(tape, outputs, inputs));
      return loss[0];
    }

    /** Shows the model's outputs without dropout; they are gone afterwards. */
    void evaluate(Inputs inputs, BiConsumer<Tape, Var> receiver) {
      run(new Request(this, inputs, false, 0, receiver));
    }

    private Request run(Request asked) {
      long start = System.nanoTime();
      Pack.this.run(asked);
      waited += (System.nanoTime() - start) / 1e9;
      if (asked.failure instanceof Error error) {
        throw error;
      }
      if (asked.failure instanceof RuntimeException exception) {
        throw exception;
      }
      return asked;
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

    /** Returns the seconds of all passes of the pack while it was open. */
    double whole() {
      return whole;
    }

    /** Returns the most memory of activations in its passes, shared among those in them. */
    long arenaBytes() {
      return arenaBytes;
    }

    /** Leaves the pack; the others go on. */
    @Override
    public void close() {
      Pack.this.leave(this);
    }
  }

  private final Tape tape;
  private final List<Lane> places = new ArrayList<>();
  private final List<Lane> open = new ArrayList<>();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Semaphore running;

  /**
   * Makes a pack whose lanes are all open.
   *
   * @param backend that computes its passes
   * @param threads of the backend
   */
  Pack(Backend backend, int lanes, int threads) {
    this.tape = new Tape(backend);
    this.running = new Semaphore(Math.max(1, threads), true);
    for (int i = 0; i < lanes; i++) {
      places.add(new Lane());
    }
    open.addAll(places);
  }

  /** Makes a pack of one. */
  static Pack alone(Backend backend) {
    return new Pack(backend, 1, 1);
  }

  Lane lane(int place) {
    return places.get(place);
  }

  /** Runs a lane, of which all but its passes waits for its turn. */
  void work(Runnable part) {
    running.acquireUninterruptibly();
    try {
      part.run();
    } finally {
      running.release();
    }
  }

  /** Waits for the pass of a request: short, so that an interruption is noticed after it. */
  private void run(Request request) {
    boolean isWorking = places.size() > 1;
    if (isWorking) {
      running.release();
    }
    lock.lock();
    try {
      request.lane.request = request;
      while (!request.isDone) {
        if (isComplete()) {
          runAll();
          changed.signalAll();
        } else {
          changed.awaitUninterruptibly();
        }
      }
    } finally {
      lock.unlock();
      if (isWorking) {
        running.acquireUninterruptibly();
      }
    }
  }

  private void leave(Lane lane) {
    lock.lock();
    try {
      open.remove(lane);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private boolean isComplete() {
    return open.stream().allMatch(lane -> lane.request != null);
  }

  private void runAll() {
    List<Request> requests = open.stream().map(lane -> lane.request).toList();
    requests.forEach(request -> request.lane.request = null);
    runAll(requests, request -> request.trains);
    runAll(requests, request -> !request.trains);
  }

  private void runAll(List<Request> requests, Predicate<Request> kind) {
    List<Request> together = new ArrayList<>();
    long rows = 0;
    for (Request request : requests) {
      if (kind.test(request)) {
        if (!together.isEmpty() && rows + request.rows() > MOST_ROWS) {
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
    for (Parameter parameter : request.lane.model.trainable()) {
      parameter.var().clearGradient();
    }
  }

  private void pass(List<Request> requests) {
    boolean trains = requests.get(0).trains;
    if (trains) {
      tape.startTraining(requests.stream().mapToLong(request -> request.seed).toArray());
    } else {
      tape.startEvaluation();
    }
    List<Var> outputs = outputs(requests);
    for (int i = 0; i < outputs.size(); i++) {
      Request request = requests.get(i);
      Lane lane = request.lane;
      tape.lane(i);
      try {
        if (trains) {
          request.loss =
              lane.objective.loss(tape, outputs.get(i), request.inputs)
                  + lane.method.regulariser(tape);
        }
        request.receiver.accept(tape, outputs.get(i));
      } catch (RuntimeException e) {
        request.fail(e);
      }
    }
    if (trains) {
      tape.backward();
    }
    requests.forEach(request -> request.isDone = true);
  }

  private List<Var> outputs(List<Request> requests) {
    List<Model> models = requests.stream().map(request -> request.lane.model).toList();
    List<Batch> batches = requests.stream().map(request -> request.inputs.batch()).toList();
    List<int[]> positions = new ArrayList<>();
    requests.forEach(request -> positions.add(request.inputs.positions()));
    return models.get(0).logits(tape, models, batches, positions);
  }

  private void count(List<Request> requests, double seconds) {
    long rows = requests.stream().mapToLong(Request::rows).sum();
    long bytes = tape.arena().peakBytes() / requests.size();
    for (Request request : requests) {
      request.lane.share += seconds * request.rows() / Math.max(1, rows);
      request.lane.arenaBytes = Math.max(request.lane.arenaBytes, bytes);
    }
    open.forEach(lane -> lane.whole += seconds);
  }

  @Override
  public void close() {
    tape.close();
  }
}
