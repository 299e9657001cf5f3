package org.peftsweep.model;

import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Weights.Fresh;

/**
 * Disentangled attention (DeBERTa, arXiv:2006.03654, §3.1; buckets of distances: arXiv:2111.09543):
 * scores are the sum of what a query says of a key, of their distance, and what the distance says
 * of the key.
 */
final class Disentangled implements Relations {
  /**
   * In what models differ.
   *
   * @param span distances are told apart from −span to below span
   * @param buckets in which far distances share; 0 for none
   * @param farthest distance that the buckets are made for
   * @param queriesAsk whether queries are held against distances ({@code c2p})
   * @param keysAsk whether keys are ({@code p2c})
   * @param isNormed whether the embedding of distances passes a layer norm
   * @param dropout of that embedding
   */
  record Variant(
      int span,
      int buckets,
      int farthest,
      boolean queriesAsk,
      boolean keysAsk,
      boolean isNormed,
      float dropout) {
    /** Returns the row of a distance, that of a query's place from a key's. */
    int row(int distance) {
      return Math.max(0, Math.min(2 * span - 1, span + bucket(distance)));
    }

    private int bucket(int distance) {
      int middle = buckets / 2;
      int size = Math.abs(distance);
      if (buckets == 0 || size <= middle) {
        return distance;
      }
      // In single precision, as the reference library rounds.
      float part =
          (float) Math.log((float) size / middle)
              / (float) Math.log((float) (farthest - 1) / middle);
      int bucket = (int) Math.ceil(part * (middle - 1)) + middle;
      return distance < 0 ? -bucket : bucket;
    }

    /** Returns how many terms scores are the sum of. */
    int terms() {
      return 1 + (queriesAsk ? 1 : 0) + (keysAsk ? 1 : 0);
    }
  }

  private final Variant variant;
  private final int heads;
  private final int headWidth;
  private final Parameter distances;
  private final Norm norm;
  private final IntFunction<Linear> keys;
  private final IntFunction<Linear> queries;
  private final List<Linear> own;

  /**
   * @param keys what makes keys of distances in a layer, null where queries do not ask
   * @param queries what makes queries of distances in a layer, null where keys do not ask
   * @param own those of them that are not the layers' own
   */
  Disentangled(
      Variant variant,
      Builder builder,
      String encoder,
      int heads,
      int headWidth,
      double epsilon,
      IntFunction<Linear> keys,
      IntFunction<Linear> queries,
      List<Linear> own) {
    this.variant = variant;
    this.heads = heads;
    this.headWidth = headWidth;
    int width = heads * headWidth;
    this.distances =
        builder.base(
            encoder + "rel_embeddings.weight",
            Role.EMBEDDING,
            -1,
            Fresh.NORMAL,
            2 * variant.span(),
            width);
    this.norm = variant.isNormed() ? builder.norm(encoder + "LayerNorm", -1, width, epsilon) : null;
    this.keys = keys;
    this.queries = queries;
    this.own = own;
  }

  /** Returns the norm of the embedding of distances, null for none. */
  Norm norm() {
    return norm;
  }

  @Override
  public Run run(Pass pass, List<Relations> lanes, Packed packed) {
    Tape tape = pass.tape();
    return new Run() {
      @Override
      public Scores scores(int layer, Var q, Var k) {
        return new Scores(
            0,
            (lane, more, askingMore) -> {
              Disentangled of = (Disentangled) lanes.get(lane);
              int tokens = packed.batches().get(lane).tokens();
              Var[] asking = tape.split(q, packed.all());
              Var[] seen = tape.split(k, packed.all());
              Var bias = of.bias(tape, layer, asking[lane], seen[lane], tokens);
              for (int i = 0; i < asking.length; i++) {
                tape.done(asking[i]);
                tape.done(seen[i]);
              }
              return Scores.after(tape, bias, more);
            });
      }

      @Override
      public void close() {}
    };
  }

  /** Returns {@code [heads·batch·tokens, tokens]}. */
  private Var bias(Tape tape, int layer, Var q, Var k, int tokens) {
    int[] all = new int[2 * variant.span()];
    Arrays.setAll(all, i -> i);
    Var rows = tape.gather(distances.var(), tape.ints(all::clone));
    if (norm != null) {
      Var normed = norm.of(tape, rows);
      tape.done(rows);
      rows = normed;
    }
    Var dropped = tape.dropout(rows, variant.dropout());
    double root = Math.sqrt(headWidth);
    Var bias = null;
    if (variant.queriesAsk()) {
      bias = term(tape, keys.apply(layer), dropped, (float) (1 / root), q, tokens, false);
    }
    if (variant.keysAsk()) {
      float scale = (float) (1 / (root * Math.sqrt(variant.terms())));
      Var term = term(tape, queries.apply(layer), dropped, scale, k, tokens, true);
      if (bias == null) {
        bias = term;
      } else {
        bias = tape.addScaled(bias, 1, term);
        tape.done(term);
      }
    }
    tape.done(dropped);
    return bias;
  }

  /**
   * Returns what rows say of distances.
   *
   * @param projection of the embedding of distances
   * @param x {@code [batch·tokens, heads·headWidth]}
   * @param ofKeys whether x are keys
   */
  private Var term(
      Tape tape, Linear projection, Var rows, float scale, Var x, int tokens, boolean ofKeys) {
    Var projected = projection.unseen(tape, rows);
    Var scaled = tape.scale(projected, scale);
    tape.done(projected);
    Var[] parts = new Var[heads];
    int[] counts = new int[heads];
    for (int head = 0; head < heads; head++) {
      int[] columns = new int[headWidth];
      int first = head * headWidth;
      Arrays.setAll(columns, i -> first + i);
      Var asking = tape.gatherColumns(x, columns);
      Var seen = tape.gatherColumns(scaled, columns);
      parts[head] = tape.linear(asking, seen, null);
      counts[head] = x.value().rows();
      tape.done(asking);
      tape.done(seen);
    }
    tape.done(scaled);
    Var joined = tape.join(parts, Lanes.of(counts));
    int count = 2 * variant.span();
    int examples = x.value().rows() / tokens;
    Var ofExamples = tape.reshape(joined, heads * examples, tokens * count);
    tape.done(joined);
    int[] places = new int[tokens * tokens];
    for (int i = 0; i < places.length; i++) {
      int query = i / tokens;
      int key = i % tokens;
      places[i] = (ofKeys ? key : query) * count + variant.row(query - key);
    }
    Var chosen = tape.gatherColumns(ofExamples, places);
    tape.done(ofExamples);
    Var term = tape.reshape(chosen, heads * examples * tokens, tokens);
    tape.done(chosen);
    return term;
  }

  @Override
  public float queryFactor() {
    return (float) (1 / Math.sqrt(variant.terms()));
  }

  @Override
  public boolean isOfBase() {
    return distances.isOfBase()
        && (norm == null || norm.isOfBase())
        && own.stream().allMatch(Linear::isOfBase);
  }

  @Override
  public boolean keepsExamplesApart() {
    return false;
  }
}
