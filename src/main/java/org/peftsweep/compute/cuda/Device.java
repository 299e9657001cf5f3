package org.peftsweep.compute.cuda;

import java.nio.ByteBuffer;
import java.util.function.Consumer;
import org.peftsweep.compute.DeviceLostException;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.GpuReading;

/**
 * A device with memory of its own, which works off in order what all threads of this process give
 * it to do. Nothing but {@link #read} and {@link #allocate} waits for it.
 *
 * <p>Addresses are numbers that mean nothing to the host. Every method may throw {@link
 * DeviceLostException}, after which the device serves nobody in this process any more.
 */
public interface Device {
  /** A kernel that {@link #kernel} found. */
  interface Kernel {}

  /** Returns the card's name. */
  String name();

  /** Returns what it tells of itself now. */
  GpuReading reading();

  /** Whether no other process of this program uses it. */
  boolean isAlone();

  /** Returns the memory that this process may use of it, in bytes. */
  long memoryBytes();

  /** Whether it multiplies with factors of a number format: F32 always, BF16, TF32. */
  boolean multipliesIn(ElementType factors);

  /**
   * Allocates zeroed memory whose address is a multiple of 256.
   *
   * @throws OutOfMemoryError if there is not so much
   */
  long allocate(long bytes);

  void free(long address);

  /**
   * Copies what {@code fill} writes to the start of a buffer of the host's byte order.
   *
   * @param bytes at most {@link #MOST_AT_ONCE}
   */
  void write(long to, int bytes, Consumer<ByteBuffer> fill);

  /** Hands bytes to {@code use}, as many as {@link #write} takes. */
  void read(long from, int bytes, Consumer<ByteBuffer> use);

  /**
   * Returns a kernel.
   *
   * @param family the name of its file, without the ending
   */
  Kernel kernel(String family, String name);

  /**
   * Runs a kernel.
   *
   * @param slots its arguments, each from a slot of its own on; only the last may be longer
   * @param used number of slots
   * @param parameters number of arguments
   */
  void launch(Kernel kernel, Grid grid, long[] slots, int used, int parameters);

  /** Multiplies matrices at these addresses; bias is 0 where the product has none. */
  void multiply(Product product, long a, long b, long bias, long c);

  /**
   * Takes note of what {@code work} launches and multiplies on this device, without doing it, and
   * returns what does it. {@code work} must neither wait nor allocate.
   */
  Graph capture(Runnable work);

  /** Work that runs again as it was captured. */
  interface Graph extends Runnable, AutoCloseable {
    @Override
    void close();
  }

  /** Bytes that one call copies between host and device. */
  int MOST_AT_ONCE = 1 << 22;
}
