package org.peftsweep.model;

import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/** How far attention sees, as a bias of scores that hides what is farther. */
final class Windows {
  /** Below every score, and finite, so that what sees nothing attends evenly. */
  private static final float HIDDEN = -1e30f;

  /** Whether a position sees another, so many places before it. */
  private interface Sight {
    boolean reaches(int distance);
  }

  private Windows() {}

  /** A position sees so many on either side. */
  static Scores bothWays(Tape tape, Packed packed, int most) {
    return of(tape, packed, distance -> Math.abs(distance) <= most, 0);
  }

  /**
   * A position sees so many up to itself.
   *
   * @param cap of the scores, 0 for none
   */
  static Scores backwards(Tape tape, Packed packed, int count, float cap) {
    return of(tape, packed, distance -> distance < count, cap);
  }

  private static Scores of(Tape tape, Packed packed, Sight sight, float cap) {
    return new Scores(
        cap,
        (lane, more, askingMore) -> {
          Batch batch = packed.batches().get(lane);
          int tokens = batch.tokens();
          int length = tokens + more;
          return Var.constant(
              tape.floats(() -> hiding(tokens, length, askingMore, sight))
                  .reshape(tokens + askingMore, length));
        });
  }

  /** What methods put before the tokens is seen by all. */
  private static float[] hiding(int tokens, int length, int askingMore, Sight sight) {
    int before = length - tokens;
    float[] hiding = new float[(tokens + askingMore) * length];
    for (int i = 0; i < hiding.length; i++) {
      int query = i / length - askingMore;
      int key = i % length - before;
      hiding[i] = key < 0 || query < 0 || sight.reaches(query - key) ? 0 : HIDDEN;
    }
    return hiding;
  }
}
