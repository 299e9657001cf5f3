package org.peftsweep.model;

import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/**
 * Runs backbones of which the lowest layers are the base's own, frozen and plain: what those give
 * is taken from a cache where passes before have left it, and is the same bit for bit.
 *
 * <p>To the pass it is an input as token ids are: what the cache lacks is computed beside, before
 * the kernels of the pass. States are kept by example, of one padded length, where the kernels add
 * up an example's rows in one way whatever else is in the pass; else by whole batches, which only
 * evaluations of a single lane see again. Where dropout acts, states are no passes' but their own.
 */
final class FrozenPrefix implements AutoCloseable {
  /** Rows begin at whole vectors of any processor. */
  private static final int VECTOR = 16;

  /** What is kept under one key: some examples of a batch. */
  private record Unit(int[] rows, IntBuffer key) {}

  /** How the states of a lane's pass are kept. */
  private record Keeping(int layers, boolean isPooled, boolean byExample, ElementType factors) {
    Keeping upTo(int fewer) {
      return new Keeping(fewer, false, byExample, factors);
    }
  }

  private final ModelConfig config;
  private final PrefixCache cache;
  private Tape of;
  private Tape beside;

  /**
   * @param cache null for none
   */
  FrozenPrefix(ModelConfig config, PrefixCache cache) {
    this.config = config;
    this.cache = cache;
  }

  /**
   * Returns the last hidden states of the positions that are asked for.
   *
   * @param prefixes of the lanes, this one the first
   */
  Var hidden(
      Tape tape, List<? extends Backbone> lanes, List<FrozenPrefix> prefixes, Packed packed) {
    Backbone first = lanes.get(0);
    int depth = config.sizes().layers();
    int frozen = cache == null ? 0 : frozen(tape, lanes);
    boolean isPooled = frozen == depth && !tape.isTraining() && packed.isOneOfEach();
    frozen = isPooled ? depth : Math.min(frozen, depth - 1);
    boolean isOfBatches = !tape.isTraining() && lanes.size() == 1;
    boolean areAlike = frozen > 0 && areAlike(tape, first, packed.batches(), frozen);
    if (frozen == 0 || !areAlike && !isOfBatches) {
      return first.run(tape, lanes, packed, null, 0, depth);
    }
    Keeping keeping = new Keeping(frozen, isPooled, areAlike && !isPooled, tape.factors());
    Lanes rows = isPooled ? packed.chosen() : packed.all();
    Var[] states = new Var[lanes.size()];
    for (int i = 0; i < states.length; i++) {
      int lane = i;
      states[lane] =
          tape.input(
              to -> prefixes.get(lane).fill(to, tape, lanes.get(lane), packed, lane, keeping),
              rows.rows(lane),
              config.sizes().hidden());
    }
    Var x = states.length == 1 ? states[0] : tape.join(states, rows);
    return isPooled ? x : first.run(tape, lanes, packed, x, frozen, depth);
  }

  /** Returns how many layers give the same in every pass, from the lowest up. */
  private int frozen(Tape tape, List<? extends Backbone> lanes) {
    ModelConfig.Dropout dropout = config.dropout();
    boolean drops = tape.isTraining() && (dropout.hidden() > 0 || dropout.attention() > 0);
    return drops ? 0 : lanes.stream().mapToInt(Backbone::frozenLayers).min().orElse(0);
  }

  private static boolean areAlike(Tape tape, Backbone lane, List<Batch> batches, int frozen) {
    return batches.stream()
        .allMatch(batch -> areAlike(tape, lane, batch.rows(), batch.tokens(), frozen));
  }

  /** Whether an example's rows come out alike in any batch of at least so many examples. */
  private static boolean areAlike(Tape tape, Backbone lane, int rows, int tokens, int frozen) {
    return lane.keepsExamplesApart()
        && lane.linears(frozen).stream()
            .allMatch(
                linear ->
                    tokens * linear.in() % VECTOR == 0
                        && tokens * linear.out() % VECTOR == 0
                        && tape.products().sumsRowsAlike(rows * tokens, linear.out(), linear.in()));
  }

  /** Puts a lane's states in their place. */
  private void fill(
      Tensor to, Tape tape, Backbone lane, Packed packed, int index, Keeping keeping) {
    Batch batch = packed.batches().get(index);
    int[] places = keeping.isPooled ? packed.rows(index) : null;
    int rowsOfOne = keeping.isPooled ? 1 : batch.tokens();
    Backend backend = tape.backend();
    List<Unit> missing = new ArrayList<>();
    for (Unit unit : units(batch, places, keeping)) {
      if (!cache.read(backend, unit.key, part(to, unit, rowsOfOne))) {
        missing.add(unit);
      }
    }
    if (missing.isEmpty()) {
      return;
    }
    int[] rows = missing.stream().flatMapToInt(unit -> IntStream.of(unit.rows)).toArray();
    boolean isAll =
        rows.length == batch.rows()
            || !areAlike(tape, lane, rows.length, batch.tokens(), keeping.layers);
    Var computed = compute(tape, lane, isAll ? batch : batch.some(rows), places, keeping);
    int at = 0;
    for (Unit unit : missing) {
      int from = isAll ? unit.rows[0] : at;
      Tensor own = computed.value().slice(from * rowsOfOne, unit.rows.length * rowsOfOne);
      cache.keep(backend, unit.key, own);
      backend.copy(own, part(to, unit, rowsOfOne));
      at += unit.rows.length;
    }
  }

  /** Runs the frozen layers, from the highest below of which the cache has all states on. */
  private Var compute(Tape tape, Backbone lane, Batch batch, int[] places, Keeping keeping) {
    if (of != tape) {
      close();
      of = tape;
      beside = tape.beside();
    }
    beside.multiplyIn(keeping.factors);
    beside.startEvaluation();
    List<int[]> asked = new ArrayList<>();
    asked.add(places);
    Packed packed = Packed.of(List.of(batch), asked);
    int from = keeping.layers - 1;
    Var x = null;
    while (from > 0 && (x = read(batch, keeping.upTo(from))) == null) {
      from--;
    }
    return lane.run(beside, List.of(lane), packed, x, from, keeping.layers);
  }

  private Var read(Batch batch, Keeping keeping) {
    Tensor x = beside.arena().take(batch.rows() * batch.tokens(), config.sizes().hidden());
    for (Unit unit : units(batch, null, keeping)) {
      if (!cache.read(beside.backend(), unit.key, part(x, unit, batch.tokens()))) {
        beside.done(x);
        return null;
      }
    }
    return Var.constant(x);
  }

  @Override
  public void close() {
    if (beside != null) {
      beside.close();
      beside = null;
    }
  }

  private static Tensor part(Tensor whole, Unit unit, int rowsOfOne) {
    return whole.slice(unit.rows[0] * rowsOfOne, unit.rows.length * rowsOfOne);
  }

  private static List<Unit> units(Batch batch, int[] places, Keeping keeping) {
    if (!keeping.byExample) {
      int[] all = IntStream.range(0, batch.rows()).toArray();
      return List.of(new Unit(all, key(batch, places, keeping, all)));
    }
    return IntStream.range(0, batch.rows())
        .mapToObj(row -> new Unit(new int[] {row}, key(batch, places, keeping, row)))
        .toList();
  }

  private static IntBuffer key(Batch batch, int[] places, Keeping keeping, int... rows) {
    int tokens = batch.tokens();
    int chosen = places == null ? 0 : places.length;
    IntBuffer key = IntBuffer.allocate(5 + chosen + 3 * rows.length * tokens);
    key.put(keeping.layers).put(keeping.factors.ordinal());
    key.put(rows.length).put(tokens).put(chosen);
    if (places != null) {
      key.put(places);
    }
    for (int row : rows) {
      key.put(batch.ids(), row * tokens, tokens);
      key.put(batch.typeIds(), row * tokens, tokens);
      key.put(batch.mask(), row * tokens, tokens);
    }
    return key.flip();
  }
}
