package org.peftsweep.compute.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;
import org.peftsweep.compute.Dropout;
import org.peftsweep.compute.Dropped;

/**
 * Launches of {@code products.cu}: products with a narrow side, as adapters of low rank have them,
 * up to the sizes that one finds beside matrices of billions of weights. While a graph is captured
 * they wait for others that do not depend on them, such as those of other trials of a pack or of
 * the next matrix, and become one launch together; large products wait with them. Whatever else is
 * launched comes after them.
 *
 * <p>A product's numbers do not depend on what is launched with it.
 */
final class SmallProducts {
  private static final String FAMILY = "products";

  /** Multiplications of a product that reads its factors as fast as memory hands them out. */
  private static final long MOST_MULTIPLICATIONS = 1L << 28;

  private static final int MOST_PRODUCTS = 51;
  private static final int SLOTS_OF_PRODUCT = 10;
  private static final int PART_ROWS = 256;

  /** Products whose parts there is room for once one of them was launched; a graph cannot grow. */
  private static final int TOGETHER = 16;

  private static final int WARPS = 8;
  private static final int WARP = 32;
  private static final int ELEMENTS = 1024;
  private static final int TRANSPOSED_A = 1;
  private static final int TRANSPOSED_B = 2;
  private static final int DROPS_FACTOR = 4;
  private static final int DROPS_RESULT = 8;

  /** A dropout that a product draws as it reads a matrix, or writes it. */
  record Drop(Dropped of, float p, long seed) {
    private int kind() {
      return of == Dropped.RESULT ? DROPS_RESULT : DROPS_FACTOR;
    }
  }

  /** Where a kernel reads or writes. */
  record Place(long from, long to) {
    static Place of(long from, long floats) {
      return ofBytes(from, floats * Float.BYTES);
    }

    static Place ofBytes(long from, long bytes) {
      return new Place(from, from + bytes);
    }

    private boolean meets(Place other) {
      return from < other.to && other.from < to;
    }
  }

  /** What waits: a product, or another launch that products may pass. */
  private record Item(
      Product product, Drop drop, long[] places, Runnable other, List<Place> read, Place write) {
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
    return !(p.transposeA() && p.transposeB()) && !p.hasBias() && isSmall(p.m(), p.n(), p.k());
  }

  /** Whether a product of these sides is small, in whatever order they are given. */
  static boolean isSmall(int m, int n, int k) {
    return (long) m * n * k <= MOST_MULTIPLICATIONS;
  }

  /** Lets products wait for others from now on, or no more. */
  void waits(boolean doWait) {
    settle();
    waits = doWait;
  }

  /**
   * Multiplies now or later, but before anything else than such products is launched; the caller
   * says what is overwritten.
   *
   * @param drop null for none; its seed is the host's to write
   */
  void multiply(Product p, Drop drop, long a, long b, long c) {
    Place result = Place.of(c, (long) p.m() * p.n());
    List<Place> read = new ArrayList<>();
    read.add(Place.of(a, (long) p.m() * p.k()));
    read.add(Place.of(b, (long) p.k() * p.n()));
    add(new Item(p, drop, new long[] {a, b, c}, null, read, result));
  }

  /**
   * Launches something else now or later, which no product needs to wait for unless it reads or
   * writes the same.
   */
  void launch(Runnable launch, List<Place> read, Place write) {
    launcher.rounded().overwritten(write.from, write.to);
    add(new Item(null, null, null, launch, read, write));
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
      while (!products.isEmpty()) {
        int some = together(products);
        launch(products.subList(0, some));
        products = products.subList(some, products.size());
      }
      level.stream().filter(item -> item.other != null).forEach(item -> item.other.run());
    }
  }

  /** Returns how many of some products fit one launch, and the room there is for their parts. */
  private int together(List<Item> products) {
    long most =
        Math.max(
            launcher.rooms().bytes(Rooms.Room.PARTIAL_SUMS) / Float.BYTES,
            TOGETHER * sumsOfParts(products.get(0).product));
    long sums = 0;
    int some = 0;
    while (some < Math.min(MOST_PRODUCTS, products.size())
        && sums + sumsOfParts(products.get(some).product) <= most) {
      sums += sumsOfParts(products.get(some).product);
      some++;
    }
    return some;
  }

  private void launch(List<Item> items) {
    Item first = items.get(0);
    long sums = items.stream().mapToLong(item -> sumsOfParts(item.product)).sum();
    long wanted = Math.max(sums, TOGETHER * sumsOfParts(first.product));
    long parts = sums == 0 ? 0 : launcher.rooms().at(Rooms.Room.PARTIAL_SUMS, wanted * Float.BYTES);
    launch("small_products", items, parts, SmallProducts::blocks);
    if (sums > 0) {
      List<Item> split = items.stream().filter(item -> sumsOfParts(item.product) > 0).toList();
      launch("join_parts", split, parts, item -> pieces(elements(item.product), ELEMENTS));
    }
  }

  private void launch(String kernel, List<Item> items, long parts, ToLongFunction<Item> blocks) {
    long[] members = new long[1 + SLOTS_OF_PRODUCT * MOST_PRODUCTS];
    members[0] = items.size();
    int at = 1;
    long count = 0;
    long own = parts;
    for (Item item : items) {
      Product p = item.product;
      Drop drop = item.drop;
      int kind = (p.transposeA() ? TRANSPOSED_A : 0) + (p.transposeB() ? TRANSPOSED_B : 0);
      kind += drop == null ? 0 : drop.kind();
      members[at++] = item.places[0];
      members[at++] = item.places[1];
      members[at++] = item.places[2];
      members[at++] = pair(p.m(), p.n());
      members[at++] = pair(p.k(), kind);
      members[at++] = pair(Float.floatToRawIntBits(p.alpha()), Float.floatToRawIntBits(p.beta()));
      members[at++] = own;
      members[at++] = count;
      if (drop != null) {
        members[at] = drop.seed;
        int threshold = Dropout.threshold(drop.p);
        members[at + 1] = pair(threshold, Float.floatToRawIntBits(1 / (1 - drop.p)));
      }
      at += 2;
      own += sumsOfParts(p) * Float.BYTES;
      count += blocks.applyAsLong(item);
    }
    launcher.call(FAMILY, kernel).structure(members).runWriting(Grid.blocks(count));
  }

  /** Returns the parts in which the rows of a transposed factor are added up. */
  private static long parts(Product p) {
    return p.transposeA() ? pieces(p.k(), PART_ROWS) : 1;
  }

  /** Returns the floats that lie between two launches of a product, 0 where one is enough. */
  private static long sumsOfParts(Product p) {
    return parts(p) > 1 ? parts(p) * elements(p) : 0;
  }

  private static long pieces(long all, int one) {
    return (all + one - 1) / one;
  }

  /** Of two numbers of 32 bits, the first comes first in memory. */
  private static long pair(int first, int second) {
    return Integer.toUnsignedLong(first) | (long) second << Integer.SIZE;
  }

  private static long elements(Product p) {
    return (long) p.m() * p.n();
  }

  private static long blocks(Item item) {
    Product p = item.product;
    if (p.transposeA()) {
      int wide = item.drop != null && item.drop.kind() == DROPS_FACTOR ? p.n() : 0;
      return Math.max(1, parts(p)) * pieces(wide > 0 ? wide : Math.max(p.m(), p.n()), WARP);
    }
    return p.n() <= p.k() ? pieces(p.m(), WARPS) : pieces(elements(p), ELEMENTS);
  }
}
