package org.peftsweep.compute.cuda;

import java.util.List;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Tensor;

/**
 * Left factors of products that lie rounded to halves beside the floats that they were rounded
 * from, until something writes to these: the last one that a product rounded, and the last ones
 * whose kernel wrote them in both formats, so that no product needs to read the floats.
 *
 * <p>What is written in parts that follow each other, as by the lanes of a pack, is one factor, or
 * several.
 */
final class RoundedFactors {
  /** Products choose how they add up by how factors are aligned, and all rooms are so. */
  private static final int ALIGNMENT = 256;

  /** One of them: the halves of the floats from {@code from} to {@code to}, 0 for nothing. */
  private static final class Kept {
    private final Rooms.Room room;
    private long address;

    /** Where the floats begin whose halves begin at the address. */
    private long start;

    private long from;
    private long to;

    Kept(Rooms.Room room) {
      this.room = room;
    }

    private void drop() {
      start = 0;
      from = 0;
      to = 0;
    }

    /** Keeps what lies before or behind other floats. */
    private void cut(long first, long end) {
      if (first <= from && to <= end) {
        drop();
      } else if (first < to && from < end) {
        to = first > from ? first : to;
        from = first > from ? from : end;
      }
    }

    private long halvesOf(long floats) {
      return address + halves(floats - start);
    }
  }

  private final Device device;
  private final Rooms rooms;
  private final Kept ofProduct = new Kept(Rooms.Room.LEFT_FACTOR);

  /** As many as the way back of attention writes. */
  private final List<Kept> ofKernels =
      List.of(
          new Kept(Rooms.Room.FIRST_WRITTEN),
          new Kept(Rooms.Room.SECOND_WRITTEN),
          new Kept(Rooms.Room.THIRD_WRITTEN));

  private int next;
  private boolean areWanted;

  RoundedFactors(Device device, Rooms rooms) {
    this.device = device;
    this.rooms = rooms;
  }

  /** Says that there are products with factors of halves. */
  void want() {
    areWanted = true;
  }

  /** Returns where the halves of floats lie, 0 for nowhere. */
  long find(long from, long to) {
    if (ofProduct.from == from && ofProduct.to == to) {
      return ofProduct.halvesOf(from);
    }
    for (Kept kept : ofKernels) {
      if (kept.from <= from && to <= kept.to && kept.halvesOf(from) % ALIGNMENT == 0) {
        return kept.halvesOf(from);
      }
    }
    return 0;
  }

  /** Returns where a product is to round floats to. */
  long forProduct(long from, long to) {
    ofProduct.address = rooms.at(ofProduct.room, halves(to - from));
    begin(ofProduct, from, to);
    return ofProduct.address;
  }

  /**
   * Returns where the kernel that is launched next is to write a tensor's halves too, 0 for
   * nowhere: where no product wants them.
   */
  long alsoTo(Tensor written) {
    if (!areWanted || written == null) {
      return 0;
    }
    long from = DeviceMemory.address(device, written, ElementType.F32);
    long to = from + written.size() * Float.BYTES;
    overwritten(from, to);
    for (Kept kept : ofKernels) {
      if (kept.to == from) {
        reserve(to - kept.start);
        kept.to = to;
        return kept.halvesOf(from);
      }
    }
    Kept kept = ofKernels.get(next);
    next = (next + 1) % ofKernels.size();
    reserve(to - from);
    begin(kept, from, to);
    return kept.address;
  }

  private static void begin(Kept kept, long from, long to) {
    kept.start = from;
    kept.from = from;
    kept.to = to;
  }

  /**
   * Makes room for floats, the same for each: which one a kernel gets must not matter, as a graph
   * cannot grow. What lay in a room that moves is lost, so that the next time has all of it.
   */
  private void reserve(long floats) {
    for (Kept kept : ofKernels) {
      long address = rooms.at(kept.room, halves(floats));
      kept.from = address == kept.address ? kept.from : kept.to;
      kept.address = address;
    }
  }

  private static long halves(long floats) {
    return floats / Float.BYTES * Short.BYTES;
  }

  /** Says that a kernel or a product writes floats. */
  void overwritten(long from, long to) {
    if (from < ofProduct.to && ofProduct.from < to) {
      ofProduct.drop();
    }
    for (Kept kept : ofKernels) {
      kept.cut(from, to);
    }
  }

  /** Says that anything may have been written. */
  void clear() {
    ofProduct.drop();
    ofKernels.forEach(Kept::drop);
  }
}
