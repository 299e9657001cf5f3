package org.peftsweep.model;

import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.DenseWeight;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;

/**
 * Keys and values of all layers for the tokens so far of rows that are gone on with token by token
 * (a KV cache), in memory of its own.
 */
public final class KeyValues implements AutoCloseable {
  private final Backend backend;
  private final int more;
  private Memory memory;
  private Tensor[] keys;
  private Tensor[] values;
  private int rows;
  private int tokens;

  /**
   * Makes one for no rows yet.
   *
   * @param more tokens that each row may get
   */
  public KeyValues(Backend backend, int more) {
    this.backend = backend;
    this.more = more;
  }

  /** Whether no row was begun. */
  boolean isEmpty() {
    return memory == null;
  }

  /** Returns the memory that it takes, in bytes. */
  public long bytes() {
    return isEmpty() ? 0 : Float.BYTES * memory.floats();
  }

  /** Makes room for rows, each of so many tokens to begin with. */
  void begin(ModelConfig config, int ofRows, int ofTokens) {
    ModelConfig.Sizes sizes = config.sizes();
    int width = sizes.keyValueHeads() * sizes.headWidth();
    rows = ofRows;
    tokens = ofTokens;
    int places = rows * (tokens + more);
    long floats = (long) places * width;
    memory = backend.allocate(2 * sizes.layers() * floats);
    keys = new Tensor[sizes.layers()];
    values = new Tensor[sizes.layers()];
    for (int i = 0; i < keys.length; i++) {
      keys[i] = new Tensor(memory, 2 * i * floats, places, width);
      values[i] = new Tensor(memory, (2 * i + 1) * floats, places, width);
      // A hidden key weighs nothing only if it is a number.
      backend.fill(keys[i], 0);
      backend.fill(values[i], 0);
    }
  }

  /** Takes those of all places of a layer, {@code [rows·tokens, width]} each. */
  void fill(int layer, Var k, Var v) {
    for (int row = 0; row < rows; row++) {
      int to = row * (tokens + more);
      backend.copy(k.value().slice(row * tokens, tokens), keys[layer].slice(to, tokens));
      backend.copy(v.value().slice(row * tokens, tokens), values[layer].slice(to, tokens));
    }
  }

  /**
   * Takes those of one token of each row, {@code [rows, width]} each.
   *
   * @param places in {@code [rows·(tokens + more)]}
   */
  void add(int layer, Var k, Var v, int[] places) {
    for (int row = 0; row < rows; row++) {
      backend.copy(k.value().slice(row, 1), keys[layer].slice(places[row], 1));
      backend.copy(v.value().slice(row, 1), values[layer].slice(places[row], 1));
    }
  }

  /** Returns the keys of a layer, {@code [rows·(tokens + more), width]}. */
  Var keys(int layer) {
    return Var.frozen(new DenseWeight(keys[layer]));
  }

  Var values(int layer) {
    return Var.frozen(new DenseWeight(values[layer]));
  }

  @Override
  public void close() {
    if (!isEmpty()) {
      backend.free(memory);
      memory = null;
    }
  }
}
