package org.peftsweep.compute;

import java.util.List;

/**
 * The kernels of a step that ran once, with its tensors where they were, to run again on other
 * inputs of the same shapes: the tape is not built anew.
 *
 * <p>It serves as long as its memory is there and what learns is the same.
 */
public final class Plan {
  /** What lets others write to memory before the kernels run. */
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
  private final List<FedBlock> numbers;
  private final List<Feed> feeds;
  private final DropoutSeeds seeds;
  private final List<Learning> before;
  private final List<Var> reached;

  Plan(
      Backend backend,
      Recorder.Kernels kernels,
      List<FedBlock.Part> numbers,
      List<Feed> feeds,
      DropoutSeeds seeds,
      List<Learning> before) {
    this.backend = backend;
    this.kernels = kernels;
    this.planned = backend.plan(kernels);
    this.numbers = FedBlock.of(numbers);
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
    for (FedBlock block : numbers) {
      block.write(backend);
    }
    for (Feed feed : feeds) {
      feed.write(backend);
    }
    seeds.write(dropout);
    planned.run();
    reached.forEach(Var::markGradientFresh);
  }
}
