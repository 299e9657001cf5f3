package org.peftsweep.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Batch;

/**
 * The batches of a pass's lanes as rows of one matrix: each lane's {@code batch·tokens} positions
 * after those of the lane before, in its own length.
 *
 * <p>What it hands to kernels it reads anew for every run of a plan: {@link #replace} puts other
 * batches of the same shapes in.
 */
public final class Packed {
  /** All that the operations of a pass depend on; the rest is values. */
  private record Shape(
      List<Integer> sizes, boolean asksForAll, boolean isOneOfEach, boolean hasTexts) {}

  private List<Batch> batches;
  private final Lanes all;
  private List<int[]> rows;
  private final Lanes chosen;
  private KeyValues cache;
  private boolean goesOn;

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

  /** Returns what passes have in common that run the same operations; to be compared. */
  public Object shape() {
    List<Integer> sizes = new ArrayList<>();
    for (int lane = 0; lane < batches.size(); lane++) {
      sizes.add(batches.get(lane).rows());
      sizes.add(batches.get(lane).tokens());
      sizes.add(chosen.rows(lane));
      sizes.add(batches.get(lane).prompt());
      sizes.add(batches.get(lane).past());
    }
    return new Shape(sizes, asksForAll(), isOneOfEach(), hasTexts());
  }

  /** Takes the batches of another of the same {@link #shape}. */
  public void replace(Packed other) {
    batches = other.batches;
    rows = other.rows;
  }

  /**
   * Lets the pass keep keys and values, or where some are kept run the one position of each row
   * that is asked for alone.
   */
  Packed with(KeyValues kept) {
    cache = kept;
    goesOn = !kept.isEmpty();
    return this;
  }

  /** Returns where keys and values are kept, or null. */
  KeyValues cache() {
    return cache;
  }

  /** Whether one position of each row is run, over keys and values that are kept. */
  boolean goesOn() {
    return goesOn;
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

  /** Returns the places in a lane's batch that are asked for. */
  int[] rows(int lane) {
    return rows.get(lane);
  }

  /** Whether a row holds several texts. */
  boolean hasTexts() {
    return batches.stream().anyMatch(Batch::hasTexts);
  }

  boolean asksForAll() {
    return rows == null;
  }

  /** Hands the places that are asked for to kernels, counted among the positions of all lanes. */
  Tensor places(Tape tape) {
    return tape.ints("places", this::places);
  }

  /**
   * Hands something of every position to kernels.
   *
   * @param name what it is
   */
  Tensor positions(Tape tape, String name, Function<Batch, int[]> of) {
    return tape.ints(name, () -> positions(of));
  }

  private int[] places() {
    int[] places = new int[chosen.rows()];
    for (int lane = 0; lane < rows.size(); lane++) {
      int[] own = rows.get(lane);
      for (int i = 0; i < own.length; i++) {
        places[chosen.from(lane) + i] = all.from(lane) + own[i];
      }
    }
    return places;
  }

  /** Hands the places that are asked for to kernels, as tokens of their rows. */
  Tensor tokens(Tape tape) {
    return tape.ints("tokens", this::tokens);
  }

  /** Returns the most positions of a row. */
  int mostTokens() {
    return batches.stream().mapToInt(batch -> batch.past() + batch.tokens()).max().orElse(0);
  }

  private int[] tokens() {
    List<Integer> tokens = new ArrayList<>();
    for (int lane = 0; lane < rows.size(); lane++) {
      for (int place : Pooling.places(batches.get(lane), rows.get(lane))) {
        tokens.add(batches.get(lane).past() + place);
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

  /** Hands something of the places that are asked for to kernels. */
  Tensor chosen(Tape tape, String name, Function<Batch, int[]> of) {
    return tape.ints(
        name,
        () -> {
          int[] all = positions(of);
          return Arrays.stream(places()).map(place -> all[place]).toArray();
        });
  }

  private int[] positions(Function<Batch, int[]> of) {
    if (batches.size() == 1) {
      return of.apply(batches.get(0));
    }
    int[] positions = new int[all.rows()];
    for (int lane = 0; lane < batches.size(); lane++) {
      int[] own = of.apply(batches.get(lane));
      System.arraycopy(own, 0, positions, all.from(lane), all.rows(lane));
    }
    return positions;
  }

  /** Hands the token ids to kernels, −1 in padding, whose embeddings keep their values. */
  Tensor learningIds(Tape tape) {
    return positions(
        tape,
        "learning ids",
        batch -> {
          int[] ids = batch.ids().clone();
          for (int i = 0; i < ids.length; i++) {
            ids[i] = batch.mask()[i] == 0 ? -1 : ids[i];
          }
          return ids;
        });
  }

  /** Hands each lane's attention mask to kernels. */
  List<Tensor> masks(Tape tape) {
    return masks(tape, (batch, places) -> batch.mask());
  }

  /** Hands each lane's mask to kernels that hides what comes after the one position that asks. */
  List<Tensor> masksBefore(Tape tape) {
    return masksBefore(tape, 0);
  }

  /**
   * The same where it sees so many tokens up to itself.
   *
   * @param window 0 for all
   */
  List<Tensor> masksBefore(Tape tape, int window) {
    return masks(tape, (batch, places) -> maskBefore(batch, places, window));
  }

  private static int[] maskBefore(Batch batch, int[] places, int window) {
    int[] mask = batch.mask().clone();
    for (int i = 0; i < places.length; i++) {
      int from = i * batch.tokens();
      Arrays.fill(mask, places[i] + 1, from + batch.tokens(), 0);
      int own = mask[places[i]];
      for (int j = from; j <= places[i]; j++) {
        boolean isFar = window > 0 && j <= places[i] - window;
        mask[j] = isFar || own > 0 && mask[j] > 0 && mask[j] != own ? 0 : mask[j];
      }
    }
    return mask;
  }

  private List<Tensor> masks(Tape tape, BiFunction<Batch, int[], int[]> of) {
    List<Tensor> masks = new ArrayList<>();
    for (int i = 0; i < batches.size(); i++) {
      int lane = i;
      masks.add(
          tape.ints(
              "mask", () -> of.apply(batches.get(lane), rows == null ? null : rows.get(lane))));
    }
    return masks;
  }

  /**
   * Hands each lane's mask to kernels with places before each row that everybody sees.
   *
   * @param more such places of each lane
   * @param before whether what comes after the one position that asks is hidden
   */
  List<Tensor> masks(Tape tape, int[] more, boolean before) {
    List<Tensor> masks = new ArrayList<>();
    for (int i = 0; i < batches.size(); i++) {
      int lane = i;
      masks.add(
          tape.ints(
              "extended mask",
              () -> {
                Batch batch = batches.get(lane);
                int[] seen = before ? maskBefore(batch, rows.get(lane), 0) : batch.mask();
                return extended(seen, batch, more[lane]);
              }));
    }
    return masks;
  }

  private static int[] extended(int[] mask, Batch batch, int more) {
    int length = more + batch.tokens();
    int[] extended = new int[batch.rows() * length];
    for (int row = 0; row < batch.rows(); row++) {
      // Tokens of all texts of a row see it.
      Arrays.fill(extended, row * length, row * length + more, -1);
      System.arraycopy(mask, row * batch.tokens(), extended, row * length + more, batch.tokens());
    }
    return extended;
  }

  /** Hands the positions to kernels among those with so many places more before each row. */
  Tensor placesAfter(Tape tape, int[] more) {
    return tape.ints(
        "places after",
        () -> {
          int[] places = new int[all.rows()];
          int from = 0;
          int at = 0;
          for (int lane = 0; lane < batches.size(); lane++) {
            Batch batch = batches.get(lane);
            int length = more[lane] + batch.tokens();
            for (int i = 0; i < batch.ids().length; i++) {
              int row = i / batch.tokens();
              places[at++] = from + row * length + more[lane] + i % batch.tokens();
            }
            from += batch.rows() * length;
          }
          return places;
        });
  }

  /** Returns each lane's shape of attention; with {@code oneAsks} one query a row. */
  List<AttentionShape> attention(ModelConfig config, boolean causal, boolean oneAsks) {
    return attention(config, causal, oneAsks, new int[batches.size()]);
  }

  /**
   * The same with places before each row that are seen and, where attention is causal, ask too.
   *
   * @param more such places of each lane
   */
  List<AttentionShape> attention(ModelConfig config, boolean causal, boolean oneAsks, int[] more) {
    ModelConfig.Sizes sizes = config.sizes();
    List<AttentionShape> shapes = new ArrayList<>();
    for (int lane = 0; lane < batches.size(); lane++) {
      Batch batch = batches.get(lane);
      int seen = more[lane] + batch.tokens();
      shapes.add(
          new AttentionShape(
              batch.rows(),
              oneAsks ? 1 : causal ? seen : batch.tokens(),
              seen,
              sizes.heads(),
              sizes.keyValueHeads(),
              sizes.headWidth(),
              causal && !oneAsks,
              (float) config.dropout().attention()));
    }
    return shapes;
  }
}
