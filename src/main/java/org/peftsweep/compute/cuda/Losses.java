package org.peftsweep.compute.cuda;

import org.peftsweep.compute.Sizes;
import org.peftsweep.compute.Tensor;

/** Launches of {@code losses.cu}. */
final class Losses {
  private static final String FAMILY = "losses";

  /** Classes up to which a warp is enough for a row. */
  private static final int FEW_CLASSES = 256;

  private static final Grid ONE_BLOCK = Grid.blocks(1);

  private final Launcher launcher;
  private final IdReport report;

  Losses(Launcher launcher, IdReport report) {
    this.launcher = launcher;
    this.report = report;
  }

  private Launcher call(String name) {
    return launcher.call(FAMILY, name);
  }

  void crossEntropy(Tensor logits, Tensor labels, Tensor dLogits, Tensor loss) {
    int rows = logits.rows();
    Sizes.require(labels.size() == rows, "crossEntropy", logits, labels.size() + " rows");
    Sizes.same("crossEntropy", logits, dLogits);
    // The number of labels that count, then the loss of each row.
    long counted = launcher.room(Launcher.Room.NUMBERS, (1L + rows) * Double.BYTES);
    long losses = counted + Double.BYTES;
    call("count_labels").ints(labels).value(rows).address(counted).run(ONE_BLOCK);
    call("cross_entropy")
        .floats(logits)
        .ints(labels)
        .address(counted)
        .floats(dLogits)
        .address(losses)
        .value(logits.columns())
        .address(report.address())
        .run(new Grid(rows, 1, 1, logits.columns() <= FEW_CLASSES ? 32 : Grid.THREADS));
    call("mean_loss").address(losses).value(rows).address(counted).doubles(loss).run(ONE_BLOCK);
    report.check();
  }

  void meanSquaredError(Tensor x, Tensor target, Tensor dx, Tensor loss) {
    Sizes.count("meanSquaredError", target.size(), x, dx);
    call("mean_squared_error")
        .floats(x)
        .floats(target)
        .floats(dx)
        .doubles(loss)
        .value(target.size())
        .run(ONE_BLOCK);
  }

  void addNumber(double factor, Tensor number, Tensor sum) {
    call("add_number").value(factor).doubles(number).doubles(sum).run(new Grid(1, 1, 1, 32));
  }
}
