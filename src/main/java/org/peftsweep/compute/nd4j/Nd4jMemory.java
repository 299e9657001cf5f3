package org.peftsweep.compute.nd4j;

import java.util.Arrays;
import org.bytedeco.javacpp.FloatPointer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.executioner.OpExecutioner.ExecutionerType;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.compute.Memory;

/** One ND4J vector. Compared by identity: it is a key of {@link Views}. */
final class Nd4jMemory implements Memory {
  private final INDArray vector;

  /** Allocates zeroed memory. */
  Nd4jMemory(long floats) {
    // ND4J has no empty vector to make views of.
    this.vector = Nd4j.create(DataType.FLOAT, Math.max(1, floats));
  }

  @Override
  public boolean isLive() {
    return !vector.wasClosed();
  }

  static boolean isOnProcessor() {
    return Nd4j.getExecutioner().type() == ExecutionerType.NATIVE_CPU;
  }

  @Override
  public long floats() {
    return vector.length();
  }

  INDArray view(long offset, long[] shape, long[] strides) {
    return Nd4j.create(vector.data(), shape, strides, offset, 'c');
  }

  void fill(float value) {
    vector.assign(value);
  }

  void write(float[] source, int sourceOffset, long offset, int count) {
    if (isOnProcessor()) {
      pointer(offset).put(source, sourceOffset, count);
      return;
    }
    INDArray staged =
        Nd4j.createFromArray(Arrays.copyOfRange(source, sourceOffset, sourceOffset + count));
    view(offset, new long[] {count}, new long[] {1}).assign(staged);
    Nd4j.getExecutioner().commit();
    staged.close();
  }

  void read(long offset, float[] target, int targetOffset, int count) {
    if (isOnProcessor()) {
      pointer(offset).get(target, targetOffset, count);
      return;
    }
    INDArray staged = view(offset, new long[] {count}, new long[] {1}).dup();
    System.arraycopy(staged.data().asFloat(), 0, target, targetOffset, count);
    staged.close();
  }

  private FloatPointer pointer(long offset) {
    // A pointer of its own: its position is state, and weights are read by several threads.
    return new FloatPointer((FloatPointer) vector.data().pointer()).position(offset);
  }

  void close() {
    Nd4j.getExecutioner().commit();
    vector.close();
  }
}
