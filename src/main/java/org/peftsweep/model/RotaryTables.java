package org.peftsweep.model;

import java.util.ArrayList;
import java.util.List;
import org.peftsweep.checkpoint.Rope;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;

/** Cosines and sines of rotary positions {@code [tokens, headWidth/2]} (RoPE, arXiv:2104.09864). */
final class RotaryTables implements AutoCloseable {
  private final Backend backend;
  private final int headWidth;
  private final double[] frequencies;
  private final double length;
  private Memory memory;
  private Tensor cos;
  private Tensor sin;

  RotaryTables(Backend backend, Rope rope, int headWidth) {
    this.backend = backend;
    this.headWidth = headWidth;
    this.frequencies = frequencies(rope, headWidth);
    this.length = rope.scaling() instanceof Rope.Yarn yarn ? yarn.attentionFactor() : 1;
  }

  /** Makes the tables long enough; those that a pass used before are gone then. */
  void reserve(int tokens) {
    if (cos == null || cos.rows() < tokens) {
      fill(tokens);
    }
  }

  /**
   * Turns heads {@code [batch·tokens, heads·headWidth]} by their positions; consumes x.
   *
   * @param first position of a row
   */
  Var turn(Tape tape, Var x, int first, int tokens) {
    reserve(first + tokens);
    return tape.rotary(x, cos.slice(first, tokens), sin.slice(first, tokens), headWidth);
  }

  /** Turns heads {@code [places, heads·headWidth]} of the places asked for; consumes x. */
  Var turnAt(Tape tape, Var x, Packed packed) {
    return turn(tape, x, of(tape, packed));
  }

  /** Returns how heads of the places asked for turn. */
  Turns of(Tape tape, Packed packed) {
    reserve(packed.mostTokens());
    Tensor places = packed.tokens(tape);
    return new Turns(rows(tape, cos, places), rows(tape, sin, places));
  }

  /** Cosines and sines of each place of a batch. */
  record Turns(Tensor cos, Tensor sin) {}

  /**
   * Returns them where a row holds several texts, whose positions begin anew, for each lane; null
   * where none does.
   */
  List<Turns> ofTexts(Tape tape, Packed packed) {
    if (!packed.hasTexts()) {
      return null;
    }
    reserve(packed.mostTokens());
    List<Turns> turns = new ArrayList<>();
    for (int i = 0; i < packed.batches().size(); i++) {
      int lane = i;
      Tensor places =
          tape.ints("positions", () -> PositionIds.ofPlaces(packed.batches().get(lane)).ids());
      turns.add(new Turns(rows(tape, cos, places), rows(tape, sin, places)));
    }
    return turns;
  }

  /** Turns heads {@code [batch·tokens, heads·headWidth]} by their places; consumes x. */
  Var turn(Tape tape, Var x, Turns turns) {
    return tape.rotary(x, turns.cos, turns.sin, headWidth);
  }

  private static Tensor rows(Tape tape, Tensor table, Tensor places) {
    Tensor some = tape.arena().take((int) places.size(), table.columns());
    tape.backend().gather(table, places, false, some);
    return some;
  }

  /** Returns the angle per position of each pair, in radians. */
  static double[] frequencies(Rope rope, int headWidth) {
    double[] frequencies = new double[headWidth / 2];
    for (int i = 0; i < frequencies.length; i++) {
      double frequency = Math.pow(rope.theta(), -2.0 * i / headWidth);
      frequencies[i] =
          rope.scaling() instanceof Rope.Yarn yarn
              ? ramped(frequency, i, rope.theta(), headWidth, yarn)
              : scaled(frequency, rope.scaling());
    }
    return frequencies;
  }

  private static double ramped(
      double frequency, int pair, double theta, int headWidth, Rope.Yarn yarn) {
    double low = pairOf(yarn.fastTurns(), theta, headWidth, yarn);
    double high = pairOf(yarn.slowTurns(), theta, headWidth, yarn);
    if (yarn.wholePairs()) {
      low = Math.floor(low);
      high = Math.ceil(high);
    }
    low = Math.max(low, 0);
    high = Math.min(high, headWidth - 1);
    // The reference library's width of a ramp without one.
    double width = low == high ? 0.001 : high - low;
    double stretched = Math.max(0, Math.min(1, (pair - low) / width));
    return (1 - stretched) * frequency + stretched * frequency / yarn.factor();
  }

  /** Returns which pair turns so many times in the pretraining's context. */
  private static double pairOf(double turns, double theta, int headWidth, Rope.Yarn yarn) {
    return headWidth
        * Math.log(yarn.originalPositions() / (2 * Math.PI * turns))
        / (2 * Math.log(theta));
  }

  private static double scaled(double frequency, Rope.Scaling scaling) {
    if (scaling instanceof Rope.Linear linear) {
      return frequency / linear.factor();
    }
    if (scaling instanceof Rope.Llama3 llama3) {
      double turns = llama3.originalPositions() * frequency / (2 * Math.PI);
      double smooth =
          (turns - llama3.lowFrequencyFactor())
              / (llama3.highFrequencyFactor() - llama3.lowFrequencyFactor());
      double kept = Math.max(0, Math.min(1, smooth));
      return (1 - kept) * frequency / llama3.factor() + kept * frequency;
    }
    return frequency;
  }

  private void fill(int tokens) {
    close();
    int half = headWidth / 2;
    float[] cosines = new float[tokens * half];
    float[] sines = new float[tokens * half];
    for (int token = 0; token < tokens; token++) {
      for (int i = 0; i < half; i++) {
        // The reference multiplies in single precision.
        float angle = token * (float) frequencies[i];
        cosines[token * half + i] = (float) (length * Math.cos(angle));
        sines[token * half + i] = (float) (length * Math.sin(angle));
      }
    }
    memory = backend.allocate(2L * cosines.length);
    cos = new Tensor(memory, 0, tokens, half);
    sin = new Tensor(memory, cosines.length, tokens, half);
    backend.write(cosines, 0, cos, 0, cosines.length);
    backend.write(sines, 0, sin, 0, sines.length);
  }

  @Override
  public void close() {
    if (memory != null) {
      backend.free(memory);
      memory = null;
      cos = null;
      sin = null;
    }
  }
}
