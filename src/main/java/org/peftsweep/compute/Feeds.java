package org.peftsweep.compute;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** What the host hands to the kernels of a step; a plan asks for it anew. */
final class Feeds implements AutoCloseable {
  /** Floats that are taken from the backend at least. */
  static final int BLOCK = 1 << 12;

  private final Backend target;
  private final Recorder recorder;

  /** What computes in place of kernels; null for nothing. */
  private final Graph graph;

  /** Nothing of it is given back in a step, as plans write all at once. */
  private final Arena arena;

  private final List<FedBlock.Part> numbers = new ArrayList<>();
  private final List<Plan.Feed> others = new ArrayList<>();
  private DropoutSeeds seeds;
  private int lane;

  Feeds(Backend target, Recorder recorder, Graph graph) {
    this.target = target;
    this.recorder = recorder;
    this.graph = graph;
    this.arena = new Arena(target, BLOCK);
    this.seeds = new DropoutSeeds(target, arena);
  }

  /** Begins a step, with a seed of dropout for each lane. */
  void start(long... bases) {
    numbers.clear();
    others.clear();
    arena.reset();
    seeds = new DropoutSeeds(target, arena, bases);
    lane = 0;
  }

  /** See {@link Tape#ints(String, Supplier)}. */
  Tensor ints(String name, Supplier<int[]> values) {
    int[] now = values.get();
    Tensor to = arena.take(ElementType.I32, now.length);
    target.write(now, to);
    if (graph != null) {
      graph.name(to, name);
    }
    numbers.add(new FedBlock.Part(values, to.place()));
    return to;
  }

  /** See {@link Tape#floats}. */
  Tensor floats(Supplier<float[]> values) {
    float[] now = values.get();
    Tensor to = arena.take(now.length);
    target.write(now, 0, to, 0, now.length);
    numbers.add(FedBlock.Part.ofFloats(values, to.place()));
    return to;
  }

  /** See {@link Tape#input}. */
  Var input(Consumer<Tensor> fill, int... shape) {
    Tensor to = arena.take(shape);
    recorder.pause(() -> fill.accept(to));
    Tensor place = to.place();
    others.add(given -> fill.accept(place));
    return Var.constant(to);
  }

  /** Says whose seeds {@link #seed()} returns. */
  void lane(int lane) {
    this.lane = lane;
  }

  /** Returns the next seed of dropout, {@code I64} of one element. */
  Tensor seed() {
    return seed(lane);
  }

  /** The same of a lane. */
  Tensor seed(int lane) {
    return seeds.next(lane);
  }

  /** Returns what runs kernels again on what is asked for anew. */
  Plan plan(Recorder.Kernels kernels, List<Plan.Learning> learning) {
    return new Plan(target, kernels, numbers, others, seeds, learning);
  }

  long peakBytes() {
    return arena.peakBytes();
  }

  @Override
  public void close() {
    arena.close();
  }
}
