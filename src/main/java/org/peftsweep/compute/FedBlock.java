package org.peftsweep.compute;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Supplier;

/**
 * Numbers of the host that lie one after the other where kernels read them, so that one copy brings
 * all: each would cost a device's driver as much as many.
 */
final class FedBlock {
  /** Floats that {@link Arena} leaves between two tensors at most. */
  private static final int GAP = 16;

  /**
   * Some of the numbers.
   *
   * @param bits as many as its place has elements, 32 each
   * @param place a tensor of the arena
   */
  record Part(Supplier<int[]> bits, Tensor place) {
    static Part ofFloats(Supplier<float[]> values, Tensor place) {
      return new Part(() -> bits(values.get()), place);
    }

    private static int[] bits(float... values) {
      int[] bits = new int[values.length];
      for (int i = 0; i < bits.length; i++) {
        bits[i] = Float.floatToRawIntBits(values[i]);
      }
      return bits;
    }

    private long end() {
      return place.offset() + place.size();
    }

    /** Whether nothing else is between this and what comes before it. */
    private boolean follows(Part before) {
      return place.memory() == before.place.memory()
          && place.offset() >= before.end()
          && place.offset() - before.end() < GAP;
    }
  }

  private final List<Part> parts;
  private final long start;
  private final int[] values;
  private final Tensor place;

  private FedBlock(List<Part> parts) {
    this.parts = List.copyOf(parts);
    this.start = parts.get(0).place.offset();
    this.values = new int[Math.toIntExact(parts.get(parts.size() - 1).end() - start)];
    this.place = new Tensor(ElementType.I32, parts.get(0).place.memory(), start, values.length);
  }

  /** Puts neighbours together. */
  static List<FedBlock> of(List<Part> all) {
    List<Part> sorted = new ArrayList<>(all);
    sorted.sort(Comparator.comparingLong(part -> part.place.offset()));
    List<FedBlock> blocks = new ArrayList<>();
    List<Memory> memories = sorted.stream().map(part -> part.place.memory()).distinct().toList();
    for (Memory memory : memories) {
      List<Part> together = new ArrayList<>();
      for (Part part : sorted) {
        if (part.place.memory() == memory) {
          if (!together.isEmpty() && !part.follows(together.get(together.size() - 1))) {
            blocks.add(new FedBlock(together));
            together.clear();
          }
          together.add(part);
        }
      }
      blocks.add(new FedBlock(together));
    }
    return blocks;
  }

  /** Copies what its parts supply now. */
  void write(Backend backend) {
    for (Part part : parts) {
      int[] now = part.bits.get();
      Sizes.require(now.length == part.place.size(), "feed", part.place, "as many numbers are");
      System.arraycopy(now, 0, values, (int) (part.place.offset() - start), now.length);
    }
    backend.write(values, place);
  }
}
