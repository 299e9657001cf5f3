package org.peftsweep.optim;

import java.nio.ByteBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.DynamicTree;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * AdamW whose means are remembered in eight bits (Dettmers et al., arXiv:2110.02861, §2): in blocks
 * of 256, each value as the nearest of 256 dynamic-tree codes times the block's largest magnitude.
 * The arithmetic of a step is AdamW's.
 *
 * <p>State, in ordinary memory: two bytes a trained scalar and eight a block. Parameters with fewer
 * than {@code leastSize} scalars keep AdamW's floats, as in the authors' library, whose default is
 * 4096.
 *
 * @param beta1 decay of the mean of gradients, in [0, 1)
 * @param beta2 decay of the mean of their squares, in [0, 1)
 * @param epsilon added after the root, above 0
 * @param leastSize scalars of a parameter from which on eight bits serve, at least 1
 */
@Id("adamw-8bit")
public record AdamW8Bit(double beta1, double beta2, double epsilon, int leastSize)
    implements Optimizer {
  private static final int BLOCK = 256;
  private static final float[] SIGNED = DynamicTree.codes(true);
  private static final float[] UNSIGNED = DynamicTree.codes(false);

  public AdamW8Bit {
    Optimizers.requireFraction("beta1", beta1);
    Optimizers.requireFraction("beta2", beta2);
    Optimizers.requirePositive("epsilon", epsilon);
    Optimizers.requireAtLeast("least-size", leastSize, 1);
  }

  @Override
  public Update update(Parameter parameter) {
    return parameter.size() < leastSize
        ? new AdamW(beta1, beta2, epsilon).update(parameter)
        : new Quantised(parameter, this);
  }

  /** Values in eight bits. */
  private static final class Bytes {
    private final float[] codes;
    private final byte[] values;
    private final float[] largest;

    Bytes(float[] codes, int size) {
      this.codes = codes;
      this.values = new byte[size];
      this.largest = new float[(size + BLOCK - 1) / BLOCK];
      Arrays.fill(values, (byte) Arrays.binarySearch(codes, 0));
    }

    float get(int place) {
      return codes[values[place] & 0xFF] * largest[place / BLOCK];
    }

    /** Takes the values of a whole block. */
    void set(int from, float[] block, int at, int count) {
      float most = 0;
      for (int i = at; i < at + count; i++) {
        most = Math.max(most, Math.abs(block[i]));
      }
      largest[from / BLOCK] = most;
      for (int i = 0; i < count; i++) {
        values[from + i] = (byte) DynamicTree.nearest(codes, most == 0 ? 0 : block[at + i] / most);
      }
    }

    long bytes() {
      return values.length + (long) Float.BYTES * largest.length;
    }

    void save(StateWriter to) {
      int longs = (values.length + Long.BYTES - 1) / Long.BYTES;
      ByteBuffer packed = ByteBuffer.allocate(longs * Long.BYTES).put(values).rewind();
      long[] words = new long[longs];
      packed.asLongBuffer().get(words);
      to.longs("bytes", words);
      to.floats("largest", largest);
    }

    void restore(StateReader from) {
      long[] words = from.longs("bytes");
      ByteBuffer packed = ByteBuffer.allocate(words.length * Long.BYTES);
      LongBuffer view = packed.asLongBuffer();
      view.put(words);
      packed.get(values);
      float[] kept = from.floats("largest");
      System.arraycopy(kept, 0, largest, 0, largest.length);
    }
  }

  private static final class Quantised implements Update {
    private final Parameter parameter;
    private final AdamW8Bit settings;

    /** Counts steps; the values are in the bytes. */
    private final OptimizerState state = new OptimizerState(0);

    private Bytes mean;
    private Bytes squares;

    private Quantised(Parameter parameter, AdamW8Bit settings) {
      this.parameter = parameter;
      this.settings = settings;
    }

    private void begin() {
      int size = Math.toIntExact(parameter.size());
      mean = new Bytes(SIGNED, size);
      squares = new Bytes(UNSIGNED, size);
    }

    @Override
    public void step(Backend backend, double rate, double decay, Scratch scratch) {
      if (mean == null) {
        begin();
      }
      int step = state.advance();
      double correction1 = 1 - Math.pow(settings.beta1, step);
      double correction2 = Math.sqrt(1 - Math.pow(settings.beta2, step));
      float kept = (float) (1 - rate * decay);
      float beta1 = (float) settings.beta1;
      float beta2 = (float) settings.beta2;
      float[] m = new float[BLOCK];
      float[] v = new float[BLOCK];
      Tensor value = parameter.value();
      Slices.change(
          backend,
          BLOCK,
          parameter.var().gradient(),
          (from, count, g, out) -> {
            for (int block = 0; block < count; block += BLOCK) {
              int size = Math.min(BLOCK, count - block);
              for (int i = 0; i < size; i++) {
                float gradient = g[block + i];
                m[i] = beta1 * mean.get(from + block + i) + (1 - beta1) * gradient;
                v[i] = beta2 * squares.get(from + block + i) + (1 - beta2) * gradient * gradient;
                double root = Math.sqrt(v[i]) / correction2 + settings.epsilon;
                out[0][block + i] =
                    out[0][block + i] * kept - (float) (rate / correction1 * m[i] / root);
              }
              mean.set(from + block, m, 0, size);
              squares.set(from + block, v, 0, size);
            }
          },
          value);
    }

    @Override
    public OptimizerState state() {
      return state;
    }

    @Override
    public long stateBytes() {
      return mean == null ? 0 : mean.bytes() + squares.bytes();
    }

    @Override
    public void save(Backend backend, StateWriter to) {
      Update.super.save(backend, to);
      if (mean != null) {
        mean.save(to.under("mean"));
        squares.save(to.under("squares"));
      }
    }

    @Override
    public void restore(Backend backend, StateReader from) {
      Update.super.restore(backend, from);
      if (state.steps() > 0) {
        begin();
        mean.restore(from.under("mean"));
        squares.restore(from.under("squares"));
      }
    }
  }
}
