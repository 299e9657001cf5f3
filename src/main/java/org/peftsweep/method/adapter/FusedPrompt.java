package org.peftsweep.method.adapter;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Prompt;

/**
 * EPT's prompt: with {@code L = A·B}, P the short prompt and attention in heads of at most 64
 * columns, {@code F = P + Attention(P, L, L)}, space k gives {@code F + up(tanh(down(F)))}, and a
 * vector of the prompt is {@code Attention} of that of F over the gate's rows with its spaces as
 * values. Row i of L is added to the embedding of token i.
 *
 * @param prompt P, {@code [tokens, width]}
 * @param a {@code [length, rank]}
 * @param b {@code [rank, width]}
 * @param gate {@code [spaces, width]}
 */
public record FusedPrompt(
    Parameter prompt, Parameter a, Parameter b, Parameter gate, List<Space> spaces)
    implements Prompt {
  private static final BigInteger MOST_HEAD = BigInteger.valueOf(64);

  /** A bottleneck. */
  public record Space(Affine.Dense down, Affine.Dense up) {
    private Var of(Tape tape, Var x) {
      Var inner = down.of(tape, x);
      Var active = tape.tanh(inner);
      tape.done(inner);
      Var y = tape.addScaled(up.of(tape, active), 1, x);
      tape.done(active);
      return y;
    }
  }

  @Override
  public int tokens() {
    return prompt.value().rows();
  }

  @Override
  public Var rows(Tape tape) {
    int count = tokens();
    int length = a.value().rows();
    Var keys = low(tape);
    Var values = low(tape);
    Var looked =
        tape.attention(
            shape(1, count, length), prompt.var(), keys, values, filled(tape, length, i -> 1));
    tape.done(keys);
    tape.done(values);
    Var fused = tape.addScaled(looked, 1, prompt.var());
    Var mixed = mixed(tape, fused);
    tape.done(fused);
    return mixed;
  }

  private Var mixed(Tape tape, Var fused) {
    int count = tokens();
    int kinds = spaces.size();
    List<Var> made = new ArrayList<>();
    spaces.forEach(space -> made.add(space.of(tape, fused)));
    int[] each = new int[kinds];
    Arrays.fill(each, count);
    Var bySpace = tape.join(made.toArray(Var[]::new), Lanes.of(each));
    int all = count * kinds;
    Var values = tape.gather(bySpace, filled(tape, all, i -> i % kinds * count + i / kinds));
    tape.done(bySpace);
    Var keys = tape.gather(gate.var(), filled(tape, all, i -> i % kinds));
    Var mixed =
        tape.attention(shape(count, 1, kinds), fused, keys, values, filled(tape, all, i -> 1));
    tape.done(keys);
    tape.done(values);
    return mixed;
  }

  private AttentionShape shape(int batch, int queries, int keys) {
    int width = prompt.value().columns();
    int head = BigInteger.valueOf(width).gcd(MOST_HEAD).intValue();
    return new AttentionShape(batch, queries, keys, width / head, width / head, head, false, 0);
  }

  private static Tensor filled(Tape tape, int count, IntUnaryOperator value) {
    return tape.ints(() -> IntStream.range(0, count).map(value).toArray());
  }

  /** The same of every row of a batch. */
  private static Tensor ofRows(Tape tape, int count, IntUnaryOperator value) {
    return tape.ints("rows", () -> IntStream.range(0, count).map(value).toArray());
  }

  private Var low(Tape tape) {
    return Matrices.product(tape, a.var(), b.var());
  }

  @Override
  public Var changed(Tape tape, Var words, IntUnaryOperator ofRow) {
    int count = tokens();
    int places = a.value().rows();
    int rows = words.value().rows();
    Var low = low(tape);
    Var table = withZeros(tape, low);
    tape.done(low);
    IntUnaryOperator place = i -> ofRow.applyAsInt(i) - count;
    Var y =
        tape.addGathered(
            words,
            table,
            ofRows(tape, rows, i -> isChanged(place.applyAsInt(i)) ? place.applyAsInt(i) : places),
            ofRows(tape, rows, i -> isChanged(place.applyAsInt(i)) ? place.applyAsInt(i) : -1));
    tape.done(table);
    return y;
  }

  private boolean isChanged(int place) {
    return place >= 0 && place < a.value().rows();
  }

  /** The same with a row of zeros at the end, for places that nothing is added to. */
  private static Var withZeros(Tape tape, Var x) {
    Backend backend = tape.backend();
    int rows = x.value().rows();
    Tensor y = tape.arena().take(rows + 1, x.value().columns());
    backend.copy(x.value(), y.slice(0, rows));
    backend.fill(y.slice(rows, 1), 0);
    return tape.operation(
        y, dy -> tape.give(x, dx -> backend.copy(dy.slice(0, rows), dx)), List.of(), x);
  }

  @Override
  public List<Parameter> parameters() {
    List<Parameter> all = new ArrayList<>(List.of(prompt, a, b, gate));
    for (Space space : spaces) {
      all.addAll(space.down.parameters());
      all.addAll(space.up.parameters());
    }
    return all;
  }
}
