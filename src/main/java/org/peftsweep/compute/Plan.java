package org.peftsweep.compute;

import java.util.List;
import java.util.function.Supplier;

/**
 * The kernels of a step that ran once, with its tensors where they were, to run again on other
 * inputs of the same shapes: the tape is not built anew.
 *
 * <p>It serves as long as its memory is there and what learns is the same.
 */
public final class Plan {
  /** What the host hands to kernels before they run. */
  interface Feed {
    void write(Backend backend);
  }

  /** A parameter as it was before the step and after it. */
  record Learning(Var parameter, boolean learns, Tensor gradient, boolean hadGradient) {
    static Learning of(Var parameter) {
      return new Learning(
          parameter, parameter.learns(), parameter.gradient(), parameter.hasGradient());
    }

    boolean isSame() {
      return parameter.learns() == learns
          && parameter.gradient() == gradient
          && parameter.hasGradient() == hadGradient;
    }
  }

  private final Backend backend;
  private final Recorder.Kernels kernels;
  private final Runnable planned;
  private final List<Feed> feeds;
  private final DropoutSeeds seeds;
  private final List<Learning> before;
  private final List<Var> reached;

  Plan(
      Backend backend,
      Recorder.Kernels kernels,
      List<Feed> feeds,
      DropoutSeeds seeds,
      List<Learning> before) {
    this.backend = backend;
    this.kernels = kernels;
    this.planned = backend.plan(kernels);
    this.feeds = List.copyOf(feeds);
    this.seeds = seeds;
    this.before = before;
    this.reached = before.stream().map(Learning::parameter).filter(Var::hasGradient).toList();
  }

  /** Whether it may run now. */
  public boolean isCurrent() {
    for (Learning each : before) {
      if (!each.isSame()) {
        return false;
      }
    }
    return kernels.isLive();
  }

  /**
   * Runs the step again, gradients included, on what its inputs supply now.
   *
   * @param dropout seeds as for {@link Tape#startTraining}
   */
  public void run(long... dropout) {
    for (Feed feed : feeds) {
      feed.write(backend);
    }
    seeds.write(dropout);
    planned.run();
    reached.forEach(Var::markGradientFresh);
  }

  /** Writes numbers where kernels read them. */
  static Feed ofInts(Supplier<int[]> values, Tensor to) {
    return backend -> backend.write(values.get(), to);
  }

  /** Writes values where kernels read them. */
  static Feed ofFloats(Supplier<float[]> values, Tensor to) {
    return backend -> {
      float[] all = values.get();
      backend.write(all, 0, to, 0, all.length);
    };
  }
}
