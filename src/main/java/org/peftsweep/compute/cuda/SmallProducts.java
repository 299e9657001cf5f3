package org.peftsweep.compute.cuda;

import java.util.ArrayList;
import java.util.List;

/**
 * Launches of {@code products.cu}: small products with a narrow side, as adapters of low rank have
 * them. While a graph is captured they wait for others that do not depend on them, such as those of
 * other trials of a pack, and become one launch together; whatever else is launched comes after
 * them.
 *
 * <p>A product's numbers do not depend on what is launched with it.
 */
final class SmallProducts {
  private static final String FAMILY = "products";

  /** Multiplications beyond which cuBLASLt is faster than a launch more. */
  private static final long MOST_MULTIPLICATIONS = 1 << 23;

  private static final int MOST_PRODUCTS = 72;
  private static final int SLOTS_OF_PRODUCT = 7;
  private static final int WARPS = 8;
  private static final int WARP = 32;
  private static final int ELEMENTS = 1024;
  private static final int TRANSPOSED_A = 1;
  private static final int TRANSPOSED_B = 2;

  /** Where a kernel reads or writes. */
  record Place(long from, long to) {
    static Place of(long from, long floats) {
      return new Place(from, from + floats * Float.BYTES);
    }

    private boolean meets(Place other) {
      return from < other.to && other.from < to;
    }
  }

  /** What waits: a product, or another launch that products may pass. */
  private record Item(
      Product product, long[] places, Runnable other, List<Place> read, Place write) {
    /** Whether this must come after what came before it. */
    boolean follows(Item before) {
      return before.write.meets(write)
          || read.stream().anyMatch(before.write::meets)
          || before.read.stream().anyMatch(write::meets);
    }
  }

  private final Launcher launcher;

  /** Those of each list are independent of each other, and follow those of the lists before. */
  private final List<List<Item>> levels = new ArrayList<>();

  private boolean waits;

  SmallProducts(Launcher launcher) {
    this.launcher = launcher;
  }

  /** Whether a product of 32-bit factors is one of these. */
  static boolean areOf(Product p) {
    return !(p.transposeA() && p.transposeB())
        && !p.hasBias()
        && (long) p.m() * p.n() * p.k() <= MOST_MULTIPLICATIONS;
  }

  /** Lets products wait for others from now on, or no more. */
  void waits(boolean doWait) {
    settle();
    waits = doWait;
  }

  /** Multiplies now or later, but before anything else than such products is launched. */
  void multiply(Product p, long a, long b, long c) {
    Place result = Place.of(c, (long) p.m() * p.n());
    List<Place> read = new ArrayList<>();
    read.add(Place.of(a, (long) p.m() * p.k()));
    read.add(Place.of(b, (long) p.k() * p.n()));
    add(new Item(p, new long[] {a, b, c}, null, read, result));
  }

  /**
   * Launches something else now or later, which no product needs to wait for unless it reads or
   * writes the same.
   */
  void launch(Runnable launch, List<Place> read, Place write) {
    add(new Item(null, null, launch, read, write));
  }

  private void add(Item item) {
    int level = levels.size();
    while (level > 0 && levels.get(level - 1).stream().noneMatch(item::follows)) {
      level--;
    }
    if (level == levels.size()) {
      levels.add(new ArrayList<>());
    }
    levels.get(level).add(item);
    if (!waits) {
      settle();
    }
  }

  /** Launches all that waits, which each call of the launcher does first. */
  void settle() {
    if (levels.isEmpty()) {
      return;
    }
    List<List<Item>> all = new ArrayList<>(levels);
    levels.clear();
    for (List<Item> level : all) {
      List<Item> products = level.stream().filter(item -> item.product != null).toList();
      for (int from = 0; from < products.size(); from += MOST_PRODUCTS) {
        launch(products.subList(from, Math.min(products.size(), from + MOST_PRODUCTS)));
      }
      level.stream().filter(item -> item.other != null).forEach(item -> item.other.run());
    }
  }

  private void launch(List<Item> items) {
    long[] members = new long[1 + SLOTS_OF_PRODUCT * MOST_PRODUCTS];
    members[0] = items.size();
    int at = 1;
    int count = 0;
    for (Item item : items) {
      Product p = item.product;
      int transposed = (p.transposeA() ? TRANSPOSED_A : 0) + (p.transposeB() ? TRANSPOSED_B : 0);
      members[at++] = item.places[0];
      members[at++] = item.places[1];
      members[at++] = item.places[2];
      members[at++] = pair(p.m(), p.n());
      members[at++] = pair(p.k(), transposed);
      members[at++] = pair(Float.floatToRawIntBits(p.alpha()), Float.floatToRawIntBits(p.beta()));
      members[at++] = count;
      count += blocks(p);
    }
    launcher.call(FAMILY, "small_products").structure(members).run(Grid.blocks(count));
  }

  /** Of two numbers of 32 bits, the first comes first in memory. */
  private static long pair(int first, int second) {
    return Integer.toUnsignedLong(first) | (long) second << Integer.SIZE;
  }

  private static int blocks(Product p) {
    long blocks;
    if (p.transposeA()) {
      blocks = (Math.max(p.m(), p.n()) + WARP - 1) / WARP;
    } else if (p.n() <= p.k()) {
      blocks = (p.m() + WARPS - 1) / WARPS;
    } else {
      blocks = ((long) p.m() * p.n() + ELEMENTS - 1) / ELEMENTS;
    }
    return Math.toIntExact(blocks);
  }
}
