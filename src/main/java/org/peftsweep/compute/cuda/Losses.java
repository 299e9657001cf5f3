package org.peftsweep.compute.cuda;

import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Sizes;
import org.peftsweep.compute.Tensor;

/** Launches of {@code losses.cu}. */
final class Losses {
  private static final String FAMILY = "losses";

  /** Classes up to which a warp is enough for a row. */
  private static final int FEW_CLASSES = 256;

  /** Rows up to which one block is enough for all. */
  private static final int FEW_ROWS = 256;

  private static final int MOST_NUMBERS = 160;

  /** Of a number among those that a launch takes. */
  private static final int SLOTS = 3;

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
    long counted = launcher.rooms().at(Rooms.Room.NUMBERS, (1L + rows) * Double.BYTES);
    long losses = counted + Double.BYTES;
    if (rows <= FEW_ROWS && logits.columns() <= FEW_CLASSES) {
      call("cross_entropy_of_few")
          .floats(logits)
          .ints(labels)
          .floats(dLogits)
          .address(losses)
          .doubles(loss)
          .value(rows)
          .value(logits.columns())
          .address(report.address())
          .run(ONE_BLOCK);
      report.check();
      return;
    }
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

  void addNumbers(double[] factors, Tensor[] numbers, Tensor[] sums) {
    for (int from = 0; from < factors.length; from += MOST_NUMBERS) {
      int some = Math.min(MOST_NUMBERS, factors.length - from);
      long[] members = new long[1 + SLOTS * MOST_NUMBERS];
      members[0] = some;
      for (int i = 0; i < some; i++) {
        members[1 + SLOTS * i] = Double.doubleToRawLongBits(factors[from + i]);
        members[2 + SLOTS * i] = address(numbers[from + i]);
        members[3 + SLOTS * i] = address(sums[from + i]);
      }
      call("add_numbers").structure(members).run(ONE_BLOCK);
    }
  }

  void append(Tensor[] numbers, Tensor[] lists) {
    for (int from = 0; from < numbers.length; from += MOST_NUMBERS) {
      int some = Math.min(MOST_NUMBERS, numbers.length - from);
      long[] members = new long[1 + SLOTS * MOST_NUMBERS];
      members[0] = some;
      for (int i = 0; i < some; i++) {
        Tensor own = numbers[from + i];
        Sizes.require(lists[from + i].size() > own.size(), "append", own, "a longer list is");
        members[1 + SLOTS * i] = address(own);
        members[2 + SLOTS * i] = address(lists[from + i]);
        members[3 + SLOTS * i] = own.size();
      }
      call("append").structure(members).run(ONE_BLOCK);
    }
  }

  private long address(Tensor numbers) {
    return DeviceMemory.address(launcher.device(), numbers, ElementType.F64);
  }
}
