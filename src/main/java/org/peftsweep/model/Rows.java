package org.peftsweep.model;

import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/** Puts rows that a method makes at the start of each example's. */
final class Rows {
  private Rows() {}

  /**
   * Returns x with a prompt in the first places of each example.
   *
   * @param x {@code [batch·length, width]}, whose memory may be another's afterwards
   */
  static Var started(Tape tape, Prompt prompt, Var x, Batch batch, IntUnaryOperator places) {
    Var changed = x;
    int count = prompt.tokens();
    if (count > 0) {
      Var rows = prompt.rows(tape);
      changed = replaced(tape, x, rows, batch);
      tape.done(rows);
      tape.done(x);
    }
    return prompt.changed(tape, changed, places);
  }

  private static Var replaced(Tape tape, Var x, Var rows, Batch batch) {
    Backend backend = tape.backend();
    int count = rows.value().rows();
    int length = batch.tokens();
    if (tape.isGraph()) {
      return chosen(
          tape,
          rows,
          x,
          count,
          i -> i % length < count ? i % length : count + i,
          batch.ids().length);
    }
    Tensor y = tape.arena().take(x.value().shape());
    backend.copy(x.value(), y);
    for (int i = 0; i < batch.rows(); i++) {
      backend.copy(rows.value(), y.slice(i * length, count));
    }
    return tape.operation(
        y,
        dy -> {
          tape.give(rows, to -> addUp(backend, dy, to, batch.rows(), length));
          tape.give(
              x,
              dx -> {
                backend.copy(dy, dx);
                for (int i = 0; i < batch.rows(); i++) {
                  backend.fill(dx.slice(i * length, count), 0);
                }
              });
        },
        List.of(),
        rows,
        x);
  }

  /**
   * Returns chosen ones of some rows and those of x, one operation for any number of examples.
   *
   * @param before {@code [more, width]}, null for zeros
   * @param place of each row among both
   */
  private static Var chosen(
      Tape tape, Var before, Var x, int more, IntUnaryOperator place, int count) {
    Backend backend = tape.backend();
    Tensor both = tape.arena().take(more + x.value().rows(), x.value().columns());
    if (before == null) {
      backend.fill(both.slice(0, more), 0);
    } else {
      backend.copy(before.value(), both.slice(0, more));
    }
    backend.copy(x.value(), both.slice(more, x.value().rows()));
    Var table = tape.operation(both, dy -> {}, List.of(), before == null ? x : before, x);
    Var y =
        tape.gather(table, tape.ints("rows", () -> IntStream.range(0, count).map(place).toArray()));
    tape.done(table);
    return y;
  }

  /** Adds the first rows of each example up. */
  private static void addUp(Backend backend, Tensor dy, Tensor to, int examples, int length) {
    int count = to.rows();
    backend.copy(dy.slice(0, count), to);
    for (int i = 1; i < examples; i++) {
      backend.addScaled(1, dy.slice(i * length, count), to);
    }
  }

  /**
   * Returns rows before those of each example.
   *
   * @param x {@code [examples·tokens, width]}
   * @param before {@code [more, width]}, null for zeros
   */
  static Var longer(Tape tape, Var x, Var before, int more, int examples) {
    Backend backend = tape.backend();
    int width = x.value().columns();
    int tokens = x.value().rows() / examples;
    int length = more + tokens;
    if (tape.isGraph() && more > 0) {
      IntUnaryOperator place =
          i -> i % length < more ? i % length : i / length * tokens + i % length;
      return chosen(tape, before, x, more, place, examples * length);
    }
    Tensor y = tape.arena().take(examples * length, width);
    for (int i = 0; i < examples; i++) {
      if (before != null) {
        backend.copy(before.value(), y.slice(i * length, more));
      } else if (more > 0) {
        backend.fill(y.slice(i * length, more), 0);
      }
      backend.copy(x.value().slice(i * tokens, tokens), y.slice(i * length + more, tokens));
    }
    return tape.operation(
        y,
        dy -> {
          if (before != null) {
            tape.give(before, to -> addUp(backend, dy, to, examples, length));
          }
          tape.give(
              x,
              dx -> {
                for (int i = 0; i < examples; i++) {
                  backend.copy(dy.slice(i * length + more, tokens), dx.slice(i * tokens, tokens));
                }
              });
        },
        List.of(),
        before == null ? x : before,
        x);
  }
}
