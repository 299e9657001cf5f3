package org.peftsweep.method.adapter;

import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Model;

/**
 * The starting values that methods derive from a base model, or from it and a task's data: computed
 * once, shared by all trials that differ in nothing that matters to them, and accounted for apart
 * from training.
 *
 * <p>One instance serves one trial; what it hands out lies in a store that trials may share.
 */
public final class InitCache {
  /** Something prepared; read by many trials, so nobody changes it. */
  public interface Prepared {
    /** Returns the memory that it takes. */
    long bytes();
  }

  /** What a model's outputs are held to. */
  @FunctionalInterface
  public interface Loss {
    /** The cross-entropy of labels that are classes. */
    Loss OF_CLASSES =
        (tape, outputs, batch) -> {
          int[] classes = new int[batch.rows()];
          Arrays.setAll(classes, row -> (int) batch.labels()[row]);
          return tape.crossEntropy(outputs, tape.ints(() -> classes));
        };

    /** Records the mean loss of a model's outputs for a batch, and returns where it will be. */
    Tensor of(Tape tape, Var outputs, Batch batch);

    /** Returns the outputs that the loss takes. */
    default Var outputs(Tape tape, Model model, Batch batch) {
      return model.logits(tape, batch);
    }

    /** Records the mean loss of a model for a batch, and returns where it will be. */
    default Tensor of(Tape tape, Model model, Batch batch) {
      return of(tape, outputs(tape, model, batch), batch);
    }
  }

  /** Keeps what was made first under a key, for everybody who asks later. */
  @FunctionalInterface
  public interface Store {
    /** Returns what is kept under the key, made now if nobody has. */
    <T> T once(Object key, Supplier<T> make);
  }

  private record Key(Object scope, Object what) {}

  private record Made<T extends Prepared>(T value, double seconds) {}

  private final Store store;
  private final Object base;
  private final Object task;
  private final Supplier<List<Batch>> batches;
  private final SafeTensors kept;
  private final Loss loss;
  private final boolean rehearses;
  private boolean isUsed;
  private double seconds;
  private double waited;
  private long bytes;

  /**
   * @param base tells base models apart: location, backend, seed of random weights
   * @param task tells data and batches apart
   * @param batches first training batches, in an order that no trial's seed changes
   * @param loss of such a batch
   */
  public InitCache(
      Store store, Object base, Object task, Supplier<List<Batch>> batches, Loss loss) {
    this(store, base, task, batches, loss, null, false);
  }

  private InitCache(
      Store store,
      Object base,
      Object task,
      Supplier<List<Batch>> batches,
      Loss loss,
      SafeTensors kept,
      boolean rehearses) {
    this.loss = loss;
    this.rehearses = rehearses;
    this.store = store;
    this.base = base;
    this.task = task;
    this.batches = batches;
    this.kept = kept;
  }

  /** Returns preparations that nobody shares. */
  public static InitCache alone(List<Batch> batches) {
    Map<Object, Object> kept = new HashMap<>();
    Store store =
        new Store() {
          @Override
          @SuppressWarnings("unchecked")
          public <T> T once(Object key, Supplier<T> make) {
            return (T) kept.computeIfAbsent(key, missing -> make.get());
          }
        };
    return new InitCache(store, "base", "task", () -> batches, Loss.OF_CLASSES);
  }

  /**
   * Returns preparations that compute nothing: all that they hand out is blank, for whom only
   * shapes matter.
   */
  public static InitCache blank() {
    return new InitCache(null, "base", "task", List::of, Loss.OF_CLASSES);
  }

  /**
   * Returns the same for whom memory matters too: what would be taken of the backend to make them
   * is taken and given back, on a backend that computes nothing.
   *
   * @param batches first training batches, asked for where a method reads them
   */
  public static InitCache rehearsal(Supplier<List<Batch>> batches, Loss loss) {
    return new InitCache(null, "base", "task", batches, loss, null, true);
  }

  /**
   * Returns preparations of a trial that was trained already: what it started from is read from its
   * tensors and not made again, so that no data is needed.
   */
  public static InitCache of(SafeTensors kept) {
    return new InitCache(null, "base", "task", List::of, Loss.OF_CLASSES, kept, false);
  }

  /**
   * Returns what depends on the base model and the key only.
   *
   * @param read takes it from the tensors of a trained trial
   * @param blank makes the same without its values
   */
  public <T extends Prepared> T ofBase(
      Object key, Supplier<T> make, Function<SafeTensors, T> read, Supplier<T> blank) {
    return take(new Key(base, key), make, read, blank);
  }

  /**
   * Returns what depends on the base model, the task's batches and the key only.
   *
   * @param read takes it from the tensors of a trained trial
   * @param blank makes the same without its values
   * @param rehearse takes of the backend what {@code make} takes, gives it back, and looks at no
   *     values
   */
  public <T extends Prepared> T ofTask(
      Object key,
      Supplier<T> make,
      Function<SafeTensors, T> read,
      Supplier<T> blank,
      Runnable rehearse) {
    if (rehearses) {
      rehearse.run();
      isUsed = true;
    }
    return take(new Key(List.of(base, task), key), make, read, blank);
  }

  private <T extends Prepared> T take(
      Key key, Supplier<T> make, Function<SafeTensors, T> read, Supplier<T> blank) {
    if (kept != null) {
      return read.apply(kept);
    }
    return store == null ? blank.get() : take(key, make);
  }

  /** Returns the first training batches. */
  public List<Batch> batches() {
    return batches.get();
  }

  /**
   * Returns of so many first batches one of each shape, in their order: what passes leave of memory
   * depends on all shapes before.
   */
  List<Batch> shapes(int most) {
    Map<List<Integer>, Batch> first = new LinkedHashMap<>();
    batches.get().stream()
        .limit(most)
        .forEach(batch -> first.putIfAbsent(List.of(batch.rows(), batch.tokens()), batch));
    return List.copyOf(first.values());
  }

  /** Returns what the task holds outputs to. */
  public Loss loss() {
    return loss;
  }

  private <T extends Prepared> T take(Key key, Supplier<T> make) {
    long start = System.nanoTime();
    Made<T> made =
        store.once(
            key,
            () -> {
              long begin = System.nanoTime();
              return new Made<>(make.get(), (System.nanoTime() - begin) / 1e9);
            });
    isUsed = true;
    seconds += made.seconds();
    bytes += made.value().bytes();
    waited += (System.nanoTime() - start) / 1e9;
    return made.value();
  }

  /**
   * Returns the wall clock of making all that this trial took, whoever made it; null if it took
   * nothing.
   */
  public Double seconds() {
    return isUsed ? seconds : null;
  }

  /** Whether anything was taken, or rehearsed, that depends on data or needs work. */
  public boolean isUsed() {
    return isUsed;
  }

  /** Returns the memory of all that this trial took; null if it took nothing. */
  public Long bytes() {
    return isUsed ? bytes : null;
  }

  /** Returns the seconds that this trial itself spent here. */
  public double waited() {
    return waited;
  }
}
