package org.peftsweep.compute.cuda;

import org.peftsweep.compute.DynamicTree;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.Sizes;
import org.peftsweep.compute.Tensor;

/** Launches of {@code quantised.cu}. */
final class Quantised {
  private static final String FAMILY = "quantised";

  private final Launcher launcher;
  private final IdReport report;

  /** The codes of scales, uploaded when first asked for. */
  private DeviceMemory tree;

  Quantised(Launcher launcher, IdReport report) {
    this.launcher = launcher;
    this.report = report;
  }

  /** Writes rows; ids null for all of them, in their order. */
  void gather(QuantisedMatrix table, Tensor ids, boolean adds, Tensor out) {
    int rows = ids == null ? table.rows() : (int) ids.size();
    Sizes.count("gather", (long) rows * table.columns(), out);
    long to = DeviceMemory.address(launcher.device(), out, ElementType.F32);
    gather(table, ids, adds, to, rows);
    if (ids != null) {
      report.check();
    }
  }

  /** Returns where a weight's values lie in a number format, until the next right factor. */
  long values(QuantisedMatrix w, ElementType type) {
    long room = launcher.rooms().at(Rooms.Room.RIGHT_FACTOR, type.bytes(w.size()));
    if (type == ElementType.F32) {
      gather(w, null, false, room, w.rows());
    } else {
      matrix("narrow", w)
          .address(room)
          .value(w.rows())
          .value(w.columns())
          .runWriting(Grid.warps(w.rows()));
    }
    return room;
  }

  private void gather(QuantisedMatrix table, Tensor ids, boolean adds, long to, int rows) {
    matrix("gather", table)
        .ints(ids)
        .value(adds ? 1 : 0)
        .address(to)
        .value(rows)
        .value(table.columns())
        .value(table.rows())
        .address(report.address())
        .run(Grid.warps(rows));
  }

  /** Begins the call of a kernel with where the matrix is. */
  private Launcher matrix(String kernel, QuantisedMatrix w) {
    long start = DeviceMemory.address(launcher.device(), w.elements());
    long scales = start + w.scalesAt() * Float.BYTES;
    if (w.type() == ElementType.I8) {
      return launcher.call(FAMILY, kernel + "_whole_numbers").address(start).address(scales);
    }
    return launcher
        .call(FAMILY, kernel + "_normal_floats")
        .address(start)
        .address(scales)
        .address(start + w.groupsAt() * Float.BYTES)
        .address(start + w.meanAt() * Float.BYTES)
        .address(tree());
  }

  private long tree() {
    if (tree == null) {
      float[] codes = DynamicTree.codes(true);
      tree = new DeviceMemory(launcher.device(), codes.length);
      launcher
          .device()
          .write(
              tree.address(),
              codes.length * Float.BYTES,
              bytes -> bytes.asFloatBuffer().put(codes));
    }
    return tree.address();
  }

  void free() {
    if (tree != null) {
      tree.free();
    }
  }
}
