package org.peftsweep.compute.cpu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.javacpp.Loader;
import org.peftsweep.compute.BackendUnavailableException;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Processor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether oneDNN or OpenBLAS multiplies by shared weights of 32-bit floats, by the size of the
 * weight.
 *
 * <p>They round otherwise, so a machine measures once and keeps what came out in a file beside the
 * unpacked libraries, which all later processes read: a trial that goes on or runs again there
 * gives the same bits. Where no file can be kept, it is OpenBLAS.
 */
final class BlasChoice {
  /** Sizes of weights, by the side of the square one that stands for them. */
  enum Size {
    SMALL(64),
    MEDIUM(256),
    LARGE(768);

    private final int side;

    Size(int side) {
      this.side = side;
    }

    static Size of(int n, int k) {
      long area = (long) n * k;
      return area < 128 * 128 ? SMALL : area < 512 * 512 ? MEDIUM : LARGE;
    }
  }

  private static final Logger LOG = LoggerFactory.getLogger(BlasChoice.class);

  /** How many times as fast oneDNN has to be: it keeps the weights once more in each direction. */
  private static final double WORTH_ITS_MEMORY = 1.05;

  private static final int ROWS = OneDnn.BLOCK;
  private static final int TURNS = 9;

  /** Weights by turns, more than the second-level cache holds, as in a step. */
  private static final int WEIGHT_BYTES = 8 << 20;

  private static BlasChoice measured;

  private final Map<Size, Double> speedups;
  private final String reason;

  private BlasChoice(Map<Size, Double> speedups, String reason) {
    this.speedups = speedups;
    this.reason = reason;
  }

  /**
   * Returns the choice that settings ask for.
   *
   * @throws BackendUnavailableException if there is no oneDNN where they ask for it
   */
  static BlasChoice of(BlasLibrary library) {
    return switch (library) {
      case OPENBLAS -> all(0, "as asked");
      case ONEDNN -> {
        if (!OneDnn.isThere()) {
          throw new BackendUnavailableException(
              "Cannot use blas = onednn on %s: there is no library for it, choose openblas"
                  .formatted(System.getProperty("os.arch")));
        }
        yield all(Double.POSITIVE_INFINITY, "as asked");
      }
      case AUTO -> measured();
    };
  }

  /** Whether oneDNN multiplies by a weight of some size. */
  boolean isOneDnn(int n, int k) {
    return isOneDnn(Size.of(n, k));
  }

  /** Whether oneDNN multiplies at all. */
  boolean usesOneDnn() {
    return Arrays.stream(Size.values()).anyMatch(this::isOneDnn);
  }

  private boolean isOneDnn(Size size) {
    return speedups.get(size) >= WORTH_ITS_MEMORY;
  }

  /** Returns the choice and why, such as {@code small OpenBLAS, large oneDNN: …}. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (Size size : Size.values()) {
      text.append(
          String.format(
              Locale.ROOT,
              "%s%s %s",
              text.isEmpty() ? "" : ", ",
              size.name().toLowerCase(Locale.ROOT),
              isOneDnn(size) ? "oneDNN" : "OpenBLAS"));
    }
    return text + ": " + reason;
  }

  private static BlasChoice all(double speedup, String reason) {
    Map<Size, Double> speedups = new EnumMap<>(Size.class);
    for (Size size : Size.values()) {
      speedups.put(size, speedup);
    }
    return new BlasChoice(speedups, reason);
  }

  private static synchronized BlasChoice measured() {
    if (measured == null) {
      measured = find();
      LOG.debug("products of 32-bit floats: {}", measured);
    }
    return measured;
  }

  private static BlasChoice find() {
    if (!"1".equals(System.getenv("OMP_NUM_THREADS"))) {
      return all(0, "OMP_NUM_THREADS is not 1");
    }
    if (!OneDnn.isThere()) {
      return all(0, "there is no oneDNN for this platform");
    }
    try {
      return kept(file());
    } catch (IOException e) {
      return all(0, "there is no folder to keep it in: " + e.getMessage());
    }
  }

  /** Returns the choice that a file holds; measures and writes it where it is not there. */
  static BlasChoice kept(Path file) {
    try {
      if (!Files.exists(file)) {
        keep(file, measure());
      }
      return read(file);
    } catch (IOException | UncheckedIOException | IllegalArgumentException e) {
      return all(0, "what was measured cannot be kept: " + e.getMessage());
    }
  }

  private static Path file() throws IOException {
    String of =
        String.join("-", "blas", Processor.model(), OneDnn.version(), Integer.toString(ROWS));
    return Loader.getCacheDir()
        .toPath()
        .resolve("peft-sweep-" + of.replaceAll("[^A-Za-z0-9.]+", "-") + ".txt");
  }

  /** The first of several processes decides. */
  private static void keep(Path file, Map<Size, Double> speedups) throws IOException {
    StringBuilder text = new StringBuilder();
    speedups.forEach(
        (size, speedup) -> text.append(String.format(Locale.ROOT, "%s %.3f%n", size, speedup)));
    Path whole = Files.createTempFile(file.getParent(), "peft-sweep-blas", ".tmp");
    try {
      Files.writeString(whole, text);
      Files.createLink(file, whole);
    } catch (FileAlreadyExistsException e) {
      LOG.debug("{} was there already", file);
    } catch (UnsupportedOperationException e) {
      throw new IOException("no links on this file system", e);
    } finally {
      Files.deleteIfExists(whole);
    }
  }

  private static BlasChoice read(Path file) throws IOException {
    Map<Size, Double> speedups = new EnumMap<>(Size.class);
    List<String> lines = Files.readAllLines(file, StandardCharsets.UTF_8);
    for (String line : lines) {
      String[] words = line.split(" ");
      if (words.length != 2) {
        throw new IllegalArgumentException(file + " is not whole");
      }
      speedups.put(Size.valueOf(words[0]), Double.parseDouble(words[1]));
    }
    if (speedups.size() < Size.values().length) {
      throw new IllegalArgumentException(file + " is not whole");
    }
    return new BlasChoice(
        speedups, "oneDNN is " + speedups.values() + " times as fast, measured for " + file);
  }

  /** Returns how many times as fast oneDNN is on weights of each size. */
  private static Map<Size, Double> measure() {
    Map<Size, Double> speedups = new EnumMap<>(Size.class);
    try (Workers alone = new Workers(1);
        OneDnn.Caller oneDnn = new OneDnn.Caller()) {
      Blas blas = new Blas(alone);
      for (Size size : Size.values()) {
        speedups.put(size, new Measurement(size.side, blas.caller(0), oneDnn).run());
      }
    }
    return speedups;
  }

  /** Both by turns on square weights, so that what else the machine does hits both. */
  private record Measurement(int side, Blas.Caller blas, OneDnn.Caller oneDnn) {
    double run() {
      int weights = Math.max(2, WEIGHT_BYTES / (side * side * Float.BYTES));
      HostMemory x = new HostMemory((long) ROWS * side);
      HostMemory w = new HostMemory((long) weights * side * side);
      HostMemory y = new HostMemory((long) ROWS * side);
      HostMemory[] own = new HostMemory[weights];
      try {
        for (int i = 0; i < weights; i++) {
          own[i] = OneDnn.reorder(ElementType.F32, place(w, i), true, ElementType.F32, side, side);
        }
        double[] ratios = new double[TURNS];
        for (int turn = -1; turn < TURNS; turn++) {
          long start = System.nanoTime();
          for (int i = 0; i < weights; i++) {
            blas.gemm(
                false,
                true,
                ROWS,
                side,
                side,
                1,
                x.address(0),
                side,
                place(w, i),
                side,
                0,
                y.address(0),
                side);
          }
          long middle = System.nanoTime();
          for (int i = 0; i < weights; i++) {
            oneDnn.multiply(
                ElementType.F32,
                false,
                ROWS,
                side,
                side,
                1,
                x.address(0),
                side,
                OneDnn.Order.OWN,
                own[i].address(0),
                side,
                0,
                y.address(0),
                side);
          }
          if (turn >= 0) {
            ratios[turn] = (double) (middle - start) / (System.nanoTime() - middle);
          }
        }
        Arrays.sort(ratios);
        return ratios[TURNS / 2];
      } finally {
        for (HostMemory memory : own) {
          if (memory != null) {
            memory.free();
          }
        }
        x.free();
        w.free();
        y.free();
      }
    }

    private long place(HostMemory w, int i) {
      return w.address((long) i * side * side);
    }
  }
}
