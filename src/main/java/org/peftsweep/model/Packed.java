package org.peftsweep.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.Lanes;
import org.peftsweep.data.Batch;

/**
 * The batches of a pass's lanes as rows of one matrix: each lane's {@code batch·tokens} positions
 * after those of the lane before, in its own length.
 */
final class Packed {
  private final List<Batch> batches;
  private final Lanes all;
  private final List<int[]> rows;
  private final Lanes chosen;

  private Packed(List<Batch> batches, List<int[]> rows) {
    this.batches = batches;
    this.all = Lanes.of(batches.stream().mapToInt(b -> b.rows() * b.tokens()).toArray());
    this.rows = rows;
    this.chosen = rows == null ? all : Lanes.of(rows.stream().mapToInt(r -> r.length).toArray());
  }

  /**
   * Packs batches.
   *
   * @param rows the places in each {@code [batch·tokens]} that are asked for; null for all
   */
  static Packed of(List<Batch> batches, List<int[]> rows) {
    return new Packed(batches, rows.stream().anyMatch(Objects::isNull) ? null : rows);
  }

  List<Batch> batches() {
    return batches;
  }

  /** Returns each lane's positions. */
  Lanes all() {
    return all;
  }

  /** Returns each lane's positions among those that are asked for. */
  Lanes chosen() {
    return chosen;
  }

  boolean asksForAll() {
    return rows == null;
  }

  /** Returns the places that are asked for, among the positions of all lanes. */
  int[] places() {
    int[] places = new int[chosen.rows()];
    for (int lane = 0; lane < rows.size(); lane++) {
      int[] own = rows.get(lane);
      for (int i = 0; i < own.length; i++) {
        places[chosen.from(lane) + i] = all.from(lane) + own[i];
      }
    }
    return places;
  }

  /** Returns the places that are asked for as tokens of their rows. */
  int[] tokens() {
    List<Integer> tokens = new ArrayList<>();
    for (int lane = 0; lane < rows.size(); lane++) {
      for (int place : Pooling.places(batches.get(lane), rows.get(lane))) {
        tokens.add(place);
      }
    }
    return tokens.stream().mapToInt(Integer::intValue).toArray();
  }

  /** Whether one position of each row is asked for, in order. */
  boolean isOneOfEach() {
    boolean isOne = rows != null;
    for (int lane = 0; isOne && lane < rows.size(); lane++) {
      isOne = Pooling.isOneOfEach(batches.get(lane), rows.get(lane));
    }
    return isOne;
  }

  /** Returns something of every position, {@code [batch·tokens]} of each lane in order. */
  int[] positions(Function<Batch, int[]> of) {
    return positions(batches, of);
  }

  /** The same of what was made of each batch. */
  <T> int[] positions(List<T> lanes, Function<T, int[]> of) {
    if (lanes.size() == 1) {
      return of.apply(lanes.get(0));
    }
    int[] positions = new int[all.rows()];
    for (int lane = 0; lane < lanes.size(); lane++) {
      System.arraycopy(of.apply(lanes.get(lane)), 0, positions, all.from(lane), all.rows(lane));
    }
    return positions;
  }

  /** Returns the token ids, −1 in padding, whose embeddings keep their values. */
  int[] learningIds() {
    return positions(
        batch -> {
          int[] ids = batch.ids().clone();
          for (int i = 0; i < ids.length; i++) {
            ids[i] = batch.mask()[i] == 0 ? -1 : ids[i];
          }
          return ids;
        });
  }

  /** Returns each lane's attention masks. */
  List<int[]> masks() {
    return batches.stream().map(Batch::mask).toList();
  }

  /** Returns each lane's masks that hide what comes after the one position that asks. */
  List<int[]> masksBefore() {
    List<int[]> masks = new ArrayList<>();
    for (int lane = 0; lane < batches.size(); lane++) {
      Batch batch = batches.get(lane);
      int[] mask = batch.mask().clone();
      int[] places = rows.get(lane);
      for (int i = 0; i < places.length; i++) {
        Arrays.fill(mask, places[i] + 1, (i + 1) * batch.tokens(), 0);
      }
      masks.add(mask);
    }
    return masks;
  }

  /** Returns each lane's shape of attention; with {@code oneAsks} one query a row. */
  List<AttentionShape> attention(ModelConfig config, boolean causal, boolean oneAsks) {
    ModelConfig.Sizes sizes = config.sizes();
    return batches.stream()
        .map(
            batch ->
                new AttentionShape(
                    batch.rows(),
                    oneAsks ? 1 : batch.tokens(),
                    batch.tokens(),
                    sizes.heads(),
                    sizes.keyValueHeads(),
                    sizes.headWidth(),
                    causal && !oneAsks,
                    (float) config.dropout().attention(),
                    0))
        .toList();
  }
}
