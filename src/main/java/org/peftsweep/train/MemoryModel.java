package org.peftsweep.train;

import java.nio.IntBuffer;
import java.util.function.Predicate;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Arena;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.DenseWeight;
import org.peftsweep.compute.DryBackend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.QuantisedWeight;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Weight;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.model.Model;
import org.peftsweep.model.PrefixCache;
import org.peftsweep.model.Role;
import org.peftsweep.model.Weights;
import org.peftsweep.spec.Trial;

/**
 * Tells a trial's off-heap memory before it runs: a few of its steps and evaluations, on its
 * largest batches, are taken on a {@link DryBackend}, which counts and computes nothing. So it
 * stays right whatever models, methods and kernels keep. So is what a method does with data before
 * the first step.
 */
final class MemoryModel {
  /** Enough for layers that take turns, and for updates that begin with the second gradient. */
  private static final int STEPS = 12;

  /** Room for a course of batches that leaves the memory for activations cut up otherwise. */
  private static final double SLACK = 1.1;

  private MemoryModel() {}

  /**
   * Predicts what a trial will hold.
   *
   * @param isMissing whether a checkpoint lacks a tensor, which the trial then draws for itself
   * @param layout of the adapter that the trial starts from
   * @param caches whether hidden states of frozen layers are kept for other passes
   * @param backend that it will run on
   */
  static Footprint predict(
      Trial trial,
      ModelConfig config,
      Predicate<String> isMissing,
      int padId,
      TokenisedTask data,
      AdapterLayout layout,
      boolean caches,
      Backend backend) {
    Backend passes = DryBackend.like(backend);
    Footprint plain = predict(passes, trial, config, isMissing, padId, data, layout, false);
    if (!caches) {
      return plain;
    }
    passes = DryBackend.like(backend);
    return plain.or(predict(passes, trial, config, isMissing, padId, data, layout, true));
  }

  /** The same on a backend that keeps no weights in an order of its own, without a cache. */
  static Footprint predict(
      Trial trial,
      ModelConfig config,
      Predicate<String> isMissing,
      int padId,
      TokenisedTask data,
      AdapterLayout layout) {
    return predict(DryBackend.open(), trial, config, isMissing, padId, data, layout, false);
  }

  private static Footprint predict(
      Backend passes,
      Trial trial,
      ModelConfig config,
      Predicate<String> isMissing,
      int padId,
      TokenisedTask data,
      AdapterLayout layout,
      boolean caches) {
    Backend dry = DryBackend.like(passes);
    boolean isRandom = trial.model().randomInit();
    ElementType matrices = trial.model().weights().type();
    Predicate<String> isOwn = isRandom ? name -> true : isMissing;
    Weights weights = new Blank(dry, isOwn, matrices, caches ? new HalfKnown() : null);
    try (Pack pack = Pack.alone(passes);
        Assembly parts =
            Assembly.of(
                trial,
                config,
                padId,
                data,
                weights,
                InitCache.blank(),
                layout,
                dry,
                pack.lane(0))) {
      Trainer trainer = new Trainer(parts, Progress.SILENT, new RunWatch(RunLimits.FREE));
      trainer.rehearse(STEPS);
      long passed = passes.allocations().peakBytes();
      return new Footprint(
          trainer.peakBytes(),
          (long) (SLACK * dry.allocations().peakBytes()),
          Math.max((long) (SLACK * passed), passed + Arena.SMALLEST_BYTES),
          pack.lane(0).rows(),
          startBytes(passes, trial, config, isOwn, padId, data, layout),
          isRandom ? 0 : baseBytes(parts.model(), isMissing),
          DryBackend.packedBytes(passes));
    }
  }

  /** Returns what a trial's method takes with its search over data; 0 where it has none. */
  private static long startBytes(
      Backend passes,
      Trial trial,
      ModelConfig config,
      Predicate<String> isOwn,
      int padId,
      TokenisedTask data,
      AdapterLayout layout) {
    Backend dry = DryBackend.like(passes);
    Weights weights = new Blank(dry, isOwn, trial.model().weights().type());
    InitCache rehearsal = Preparations.rehearsal(trial, data, padId);
    try (Pack pack = Pack.alone(dry);
        Assembly parts =
            Assembly.of(
                trial, config, padId, data, weights, rehearsal, layout, dry, pack.lane(0))) {
      long peak = parts.backend().allocations().peakBytes();
      return rehearsal.isUsed() ? Math.max((long) (SLACK * peak), peak + Arena.SMALLEST_BYTES) : 0;
    }
  }

  /** Returns the memory of what trials share of a base. */
  private static long baseBytes(Model model, Predicate<String> isMissing) {
    return model.parameters().stream()
        .filter(parameter -> parameter.role() != Role.HEAD)
        .filter(parameter -> !isMissing.test(parameter.name()))
        .mapToLong(parameter -> parameter.origin().bytes())
        .sum();
  }

  /** Has every second example's states: what it has and what is missing take most together. */
  private static final class HalfKnown implements PrefixCache {
    private boolean isKnown;

    @Override
    public boolean read(Backend backend, IntBuffer key, Tensor states) {
      isKnown = !isKnown;
      return isKnown;
    }

    @Override
    public void keep(Backend backend, IntBuffer key, Tensor states) {}
  }

  /**
   * Weights of which only the memory counts.
   *
   * @param matrices how matrices of the base are stored
   */
  record Blank(Backend backend, Predicate<String> isOwn, ElementType matrices, PrefixCache prefixes)
      implements Weights {
    Blank(Backend backend, Predicate<String> isOwn, ElementType matrices) {
      this(backend, isOwn, matrices, null);
    }

    @Override
    public boolean owns(String name) {
      return isOwn.test(name);
    }

    @Override
    public Weight base(String name, Fresh fresh, int... shape) {
      return new DenseWeight(tensor(Weights.storage(matrices, shape), owns(name), shape));
    }

    @Override
    public Weight projection(String name, Fresh fresh, int out, int in) {
      if (!matrices.isQuantised()) {
        return base(name, fresh, out, in);
      }
      long floats = QuantisedMatrix.floats(matrices, out, in);
      return new QuantisedWeight(
          new QuantisedMatrix(matrices, memory(floats, owns(name)), out, in));
    }

    @Override
    public Tensor head(String name, Fresh fresh, int... shape) {
      return tensor(ElementType.F32, true, shape);
    }

    private Tensor tensor(ElementType type, boolean isOwn, int... shape) {
      long size = 1;
      for (int extent : shape) {
        size *= extent;
      }
      return new Tensor(type, memory(type.floats(size), isOwn), 0, shape);
    }

    private Memory memory(long floats, boolean isOwn) {
      return isOwn ? backend.allocate(floats) : backend.allocateShared(floats);
    }
  }
}
