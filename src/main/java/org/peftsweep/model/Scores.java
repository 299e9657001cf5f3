package org.peftsweep.model;

import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;

/**
 * What becomes of a layer's scores before the softmax, besides their scale.
 *
 * @param cap that holds them, 0 for none
 * @param bias that is added to them, null for none
 * @param isShared whether other layers add the same values, which stay then
 */
record Scores(float cap, Bias bias, boolean isShared) {
  /** Scores as they are. */
  static final Scores PLAIN = new Scores(0, null);

  /** Scores with a bias of their own. */
  Scores(float cap, Bias bias) {
    this(cap, bias, false);
  }

  /** Makes what is added to the scores of a lane. */
  interface Bias {
    /**
     * Returns it, of a shape that {@link org.peftsweep.compute.Backend#attention} takes; null for
     * nothing.
     *
     * @param more places before each row that keys and values have
     * @param askingMore places before each row that ask
     */
    Var of(int lane, int more, int askingMore);
  }

  /**
   * Returns a bias of tokens {@code [n, tokens]} with places before them that have none; consumes
   * the bias.
   */
  static Var after(Tape tape, Var bias, int more) {
    if (more == 0) {
      return bias;
    }
    int tokens = bias.value().columns();
    int length = more + tokens;
    Var places = Var.constant(tape.floats(() -> later(length, tokens)).reshape(length, tokens));
    Var longer = tape.linear(bias, places, null);
    tape.done(bias);
    return longer;
  }

  private static float[] later(int length, int tokens) {
    float[] places = new float[length * tokens];
    for (int token = 0; token < tokens; token++) {
      places[(length - tokens + token) * tokens + token] = 1;
    }
    return places;
  }
}
