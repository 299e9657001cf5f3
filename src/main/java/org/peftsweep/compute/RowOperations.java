package org.peftsweep.compute;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Operations on whole rows and columns, and on the rows of lanes; what each does says {@link Tape}.
 */
final class RowOperations extends Operations {
  private final Feeds feeds;

  RowOperations(Recording step, Feeds feeds) {
    super(step);
    this.feeds = feeds;
  }

  Var reshape(Var x, int... shape) {
    Tensor y = x.value().retain().reshape(shape);
    Var out = step.output(y, x);
    step.record(out, dy -> gradients.share(x, dy.reshape(x.value().shape())));
    return out;
  }

  Var[] split(Var x, Lanes lanes) {
    requireRows(x, lanes);
    if (lanes.count() == 1) {
      x.value().retain();
      return new Var[] {x};
    }
    boolean learns = step.learns(x);
    Var.Cut cut = new Var.Cut(x, lanes, learns);
    if (learns) {
      step.always(dy -> gradients.gather(cut));
    }
    return cut.parts();
  }

  Var join(Var[] parts, Lanes lanes) {
    if (parts.length == 1) {
      return parts[0];
    }
    boolean learns = step.learns(parts);
    Tensor[] rows = new Tensor[parts.length];
    Arrays.setAll(rows, i -> parts[i].value());
    Tensor y = Tensor.joined(rows);
    if (y != null) {
      y.retain();
    } else {
      y = arena.take(lanes.rows(), rows[0].columns());
      for (int i = 0; i < rows.length; i++) {
        backend.copy(rows[i], lanes.of(y, i));
      }
    }
    for (Var part : parts) {
      step.done(part);
    }
    Var out = step.output(y, learns);
    step.record(
        out,
        dy -> {
          for (int i = 0; i < parts.length; i++) {
            if (parts[i].learns()) {
              Tensor part = dy.part(lanes.from(i), lanes.rows(i));
              gradients.share(parts[i], part);
              part.release();
            }
          }
        });
    return out;
  }

  private static void requireRows(Var x, Lanes lanes) {
    if (x.value().rows() != lanes.rows()) {
      throw new IllegalArgumentException("Cannot cut " + x.value() + " into " + lanes);
    }
  }

  Var addRow(Var x, Var v) {
    Shapes.requireLength("shift " + x.value(), v.value(), x.value().columns());
    boolean learns = step.learns(x, v);
    Tensor y = step.consume(x);
    backend.addRow(y, v.value(), y);
    Var out = step.output(y, learns);
    step.record(
        out,
        dy -> {
          gradients.share(x, dy);
          gradients.sum(v, dy);
        });
    return out;
  }

  Var multiplyRow(Var x, Var v) {
    Tensor in = x.value();
    Shapes.requireLength("scale " + in, v.value(), in.columns());
    Tensor y = arena.take(in.shape());
    backend.multiplyRow(in, v.value(), y);
    Var out = step.output(y, x, v);
    step.record(
        out,
        dy -> {
          gradients.accumulate(v, (dv, beta) -> backend.dotRows(dy, in, beta, dv));
          gradients.give(x, dx -> backend.multiplyRow(dy, v.value(), dx));
        },
        v.learns() ? in : null,
        v.value());
    return out;
  }

  Var multiplyColumn(Var x, Var v) {
    Tensor in = x.value();
    Shapes.requireLength("scale the rows of " + in, v.value(), in.rows());
    Tensor y = arena.take(in.shape());
    backend.multiplyColumn(in, v.value(), y);
    Var out = step.output(y, x, v);
    step.record(
        out,
        dy -> {
          gradients.accumulate(v, (dv, beta) -> backend.dotColumns(dy, in, beta, dv));
          gradients.give(x, dx -> backend.multiplyColumn(dy, v.value(), dx));
        },
        v.learns() ? in : null,
        v.value());
    return out;
  }

  Var gather(Var table, Tensor ids) {
    return gather(table, ids, ids);
  }

  Var gather(Var table, Tensor ids, Tensor gradientIds) {
    boolean learns = step.learns(table);
    Weight rows = table.weight();
    Tensor y = arena.take((int) ids.size(), rows.columns());
    rows.gather(backend, ids, false, y);
    Var out = step.output(y, learns);
    step.record(out, dy -> gradients.scatter(table, dy, gradientIds));
    return out;
  }

  Var addGathered(Var x, Var table, Tensor ids, Tensor gradientIds) {
    boolean learns = step.learns(x, table);
    Tensor y = step.consume(x);
    table.weight().gather(backend, ids, true, y);
    Var out = step.output(y, learns);
    step.record(
        out,
        dy -> {
          gradients.share(x, dy);
          gradients.scatter(table, dy, gradientIds);
        });
    return out;
  }

  Var gatherColumns(Var x, int... ids) {
    int count = x.value().columns();
    Tensor starts = feeds.ints("numbers", () -> IntStream.rangeClosed(0, ids.length).toArray());
    Tensor columns = feeds.ints("numbers", ids::clone);
    Tensor y = arena.take(x.value().rows(), ids.length);
    backend.sumColumns(x.value(), starts, columns, y);
    Var out = step.output(y, x);
    if (out.learns()) {
      int[] ends = new int[count + 1];
      for (int id : ids) {
        ends[id + 1]++;
      }
      Arrays.parallelPrefix(ends, Integer::sum);
      int[] next = ends.clone();
      int[] taken = new int[ids.length];
      for (int j = 0; j < ids.length; j++) {
        taken[next[ids[j]]++] = j;
      }
      Tensor backStarts = feeds.ints("numbers", () -> ends);
      Tensor backColumns = feeds.ints("numbers", () -> taken);
      step.record(
          out, dy -> gradients.give(x, dx -> backend.sumColumns(dy, backStarts, backColumns, dx)));
    }
    return out;
  }
}
