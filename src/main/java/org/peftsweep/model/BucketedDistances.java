package org.peftsweep.model;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Weights.Fresh;

/**
 * A learnt number for each head and bucket of distances, added to the scores of every layer alike
 * (T5, arXiv:1910.10683, §2.1): near distances have a bucket each, farther ones share.
 */
final class BucketedDistances implements Relations {
  static final int BUCKETS = 32;

  /** From which on all share the last bucket. */
  private static final int FARTHEST = 128;

  private final int heads;
  private final Parameter table;

  BucketedDistances(ModelConfig config, Builder builder, String name) {
    this.heads = config.sizes().heads();
    this.table = builder.base(name, Role.EMBEDDING, -1, Fresh.NORMAL, BUCKETS, heads);
  }

  /** Returns the bucket of a key so many places after a query, or before it where negative. */
  static int bucket(int distance) {
    int half = BUCKETS / 2;
    int exact = half / 2;
    int size = Math.abs(distance);
    int bucket = size;
    if (size >= exact) {
      // In single precision, as the reference library rounds.
      float log = (float) Math.log((float) size / exact);
      float share = log / (float) Math.log((double) FARTHEST / exact) * (half - exact);
      bucket = Math.min(half - 1, exact + (int) share);
    }
    return distance > 0 ? half + bucket : bucket;
  }

  @Override
  public Run run(Pass pass, List<Relations> lanes, Packed packed) {
    Tape tape = pass.tape();
    Map<Integer, Var> made = new HashMap<>();
    return new Run() {
      @Override
      public Scores scores(int layer, Var q, Var k) {
        return new Scores(
            0,
            (lane, more, askingMore) ->
                made.computeIfAbsent(
                    lane,
                    missing ->
                        Scores.after(
                            tape,
                            ((BucketedDistances) lanes.get(lane))
                                .bias(tape, packed.batches().get(lane).tokens()),
                            more)),
            true);
      }

      @Override
      public void close() {
        made.values().forEach(tape::done);
      }
    };
  }

  /** Returns {@code [heads·tokens, tokens]}. */
  private Var bias(Tape tape, int tokens) {
    Tensor one = tape.floats(this::identity).reshape(heads, heads);
    Var ofHeads = tape.linear(Var.constant(one), table.var(), null);
    int[] buckets = new int[tokens * tokens];
    for (int i = 0; i < buckets.length; i++) {
      buckets[i] = bucket(i % tokens - i / tokens);
    }
    Var each = tape.gatherColumns(ofHeads, buckets);
    tape.done(ofHeads);
    Var bias = tape.reshape(each, heads * tokens, tokens);
    tape.done(each);
    return bias;
  }

  private float[] identity() {
    float[] one = new float[heads * heads];
    for (int head = 0; head < heads; head++) {
      one[head * heads + head] = 1;
    }
    return one;
  }

  @Override
  public float queryFactor() {
    return 1;
  }

  @Override
  public boolean isOfBase() {
    return table.isOfBase();
  }

  @Override
  public boolean keepsExamplesApart() {
    return true;
  }
}
