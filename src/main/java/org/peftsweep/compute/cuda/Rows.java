package org.peftsweep.compute.cuda;

import java.util.List;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Sizes;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.cuda.SmallProducts.Place;

/** Launches of {@code rows.cu}. */
final class Rows {
  private static final String FAMILY = "rows";

  /** Columns that a block of a sum over rows takes. */
  private static final int STRIP = 32;

  /** Blocks that keep a device busy. */
  private static final int ENOUGH_BLOCKS = 512;

  private static final int LEAST_ROWS_OF_PART = 64;

  private final Launcher launcher;
  private final IdReport report;
  private final SmallProducts products;

  /**
   * @param products which may wait while rows are shifted
   */
  Rows(Launcher launcher, IdReport report, SmallProducts products) {
    this.launcher = launcher;
    this.report = report;
    this.products = products;
  }

  private Launcher call(String name) {
    return launcher.call(FAMILY, name);
  }

  private long address(Tensor tensor) {
    return DeviceMemory.address(launcher.device(), tensor, ElementType.F32);
  }

  void addRow(Tensor x, Tensor v, Tensor y) {
    Sizes.count("addRow", x.columns(), v);
    Sizes.same("addRow", x, y);
    long from = address(x);
    long vector = address(v);
    long to = address(y);
    Runnable launch =
        launcher
            .begin(FAMILY, "add_row")
            .address(from)
            .address(vector)
            .address(to)
            .value(x.rows())
            .value(x.columns())
            .held(Grid.warps(x.rows()));
    products.launch(
        launch,
        List.of(Place.of(from, x.size()), Place.of(vector, v.size())),
        Place.of(to, y.size()));
  }

  void multiplyRow(Tensor x, Tensor v, Tensor y) {
    Sizes.count("multiplyRow", x.columns(), v);
    withVector("multiplyRow", "multiply_row", x, v, y);
  }

  void multiplyColumn(Tensor x, Tensor v, Tensor y) {
    Sizes.count("multiplyColumn", x.rows(), v);
    withVector("multiplyColumn", "multiply_column", x, v, y);
  }

  private void withVector(String what, String kernel, Tensor x, Tensor v, Tensor y) {
    Sizes.same(what, x, y);
    call(kernel)
        .floats(x)
        .floats(v)
        .floats(y)
        .value(x.rows())
        .value(x.columns())
        .run(Grid.warps(x.rows()));
  }

  // ---- sums

  void sumRows(Tensor x, float beta, Tensor out) {
    Sizes.count("sumRows", x.columns(), out);
    sumParts(x, beta, out, partial -> call("sum_rows_part").floats(x).address(partial));
  }

  void dotRows(Tensor x, Tensor y, float beta, Tensor out) {
    Sizes.same("dotRows", x, y);
    Sizes.count("dotRows", x.columns(), out);
    sumParts(x, beta, out, partial -> call("dot_rows_part").floats(x).floats(y).address(partial));
  }

  /** {@code dGamma[j] ← dGamma[j] + Σᵢ dy[i,j]·x̂[i,j]}; mean null for RMS norm. */
  void addGammaGradient(Tensor x, Tensor mean, Tensor rstd, Tensor dy, Tensor dGamma) {
    sumParts(
        x,
        1,
        dGamma,
        partial ->
            call("gamma_part").floats(x).floats(mean).floats(rstd).floats(dy).address(partial));
  }

  /** The call of a kernel that sums parts of columns, up to where they go. */
  private interface Parts {
    Launcher call(long partial);
  }

  private void sumParts(Tensor x, float beta, Tensor out, Parts parts) {
    int rows = x.rows();
    int strips = (x.columns() + STRIP - 1) / STRIP;
    int most = Math.max(1, (rows + LEAST_ROWS_OF_PART - 1) / LEAST_ROWS_OF_PART);
    int wanted = Math.max(1, Math.min(most, ENOUGH_BLOCKS / strips));
    int rowsOfPart = Math.max(1, (rows + wanted - 1) / wanted);
    int count = Math.max(1, (rows + rowsOfPart - 1) / rowsOfPart);
    long bytes = (long) count * x.columns() * Float.BYTES;
    boolean isOne = count == 1 && beta == 0;
    long partial = isOne ? address(out) : launcher.rooms().at(Rooms.Room.PARTIAL_SUMS, bytes);
    parts
        .call(partial)
        .value(rows)
        .value(x.columns())
        .value(rowsOfPart)
        .run(new Grid(strips, count, 1, Grid.THREADS));
    if (isOne) {
      return;
    }
    call("sum_parts")
        .address(partial)
        .value(count)
        .value(beta)
        .floats(out)
        .value(x.columns())
        .run(Grid.blocks((x.columns() + Grid.THREADS - 1) / Grid.THREADS));
  }

  void dotColumns(Tensor x, Tensor y, float beta, Tensor out) {
    Sizes.same("dotColumns", x, y);
    Sizes.count("dotColumns", x.rows(), out);
    call("dot_columns")
        .floats(x)
        .floats(y)
        .value(beta)
        .floats(out)
        .value(x.rows())
        .value(x.columns())
        .run(Grid.warps(x.rows()));
  }

  void rowNorms(Tensor x, Tensor out) {
    Sizes.count("rowNorms", x.rows(), out);
    Launcher norms =
        x.type() == ElementType.BF16
            ? call("row_norms_of_halves").halves(x)
            : call("row_norms").floats(x);
    norms.floats(out).value(x.rows()).value(x.columns()).run(Grid.warps(x.rows()));
  }

  // ---- by index

  void gather(Tensor table, Tensor ids, boolean adds, Tensor out) {
    Sizes.count("gather", ids.size() * table.columns(), out);
    Launcher rows =
        table.type() == ElementType.BF16
            ? call("gather_halves").halves(table)
            : call("gather").floats(table);
    rows.ints(ids)
        .value(adds ? 1 : 0)
        .floats(out)
        .value((int) ids.size())
        .value(table.columns())
        .value(table.rows())
        .address(report.address())
        .run(Grid.warps(ids.size()));
    report.check();
  }

  void scatterAdd(Tensor rows, Tensor ids, Tensor table) {
    Sizes.count("scatterAdd", ids.size() * table.columns(), rows);
    call("scatter_add")
        .floats(rows)
        .ints(ids)
        .floats(table)
        .value((int) ids.size())
        .value(table.columns())
        .value(table.rows())
        .address(report.address())
        .run(Grid.blocks(ids.size()));
    report.check();
  }

  void sumColumns(Tensor x, Tensor starts, Tensor columns, Tensor out) {
    Sizes.require(x.rows() == out.rows(), "sumColumns", out, x.rows() + " rows are");
    Sizes.count("sumColumns", out.columns() + 1L, starts);
    call("sum_columns")
        .floats(x)
        .ints(starts)
        .ints(columns)
        .floats(out)
        .value(out.size())
        .value(out.columns())
        .value(x.columns())
        .address(report.address())
        .run(Grid.fours(out.size()));
    report.check();
  }

  void rotary(Tensor x, Tensor cos, Tensor sin, int headWidth, boolean inverse, Tensor y) {
    Sizes.same("rotary", x, y);
    Sizes.same("rotary", cos, sin);
    Sizes.require(cos.columns() * 2 == headWidth, "rotary", cos, headWidth / 2 + " columns");
    Sizes.require(x.columns() % headWidth == 0, "rotary", x, "whole heads are");
    call("rotary")
        .floats(x)
        .floats(cos)
        .floats(sin)
        .value(cos.rows())
        .value(cos.columns())
        .value(inverse ? -1f : 1f)
        .floats(y)
        .value(x.rows())
        .value(x.columns())
        .run(Grid.warps(x.rows()));
  }
}
