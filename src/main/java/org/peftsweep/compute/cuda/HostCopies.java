package org.peftsweep.compute.cuda;

import java.nio.ByteBuffer;
import org.peftsweep.compute.BFloat16;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Sizes;
import org.peftsweep.compute.Tensor;

/** Copies between arrays of the host and tensors of a device. */
final class HostCopies {
  private final Device device;

  HostCopies(Device device) {
    this.device = device;
  }

  void write(float[] source, int sourceOffset, Tensor target, long targetOffset, int count) {
    Sizes.require(targetOffset + count <= target.size(), "write", target, "a longer tensor is");
    boolean isHalf = target.type() == ElementType.BF16;
    int bytesOfOne = isHalf ? Short.BYTES : Float.BYTES;
    long start = address(target, isHalf) + targetOffset * bytesOfOne;
    int most = Device.MOST_AT_ONCE / bytesOfOne;
    for (int done = 0; done < count; done += most) {
      int from = sourceOffset + done;
      int some = Math.min(most, count - done);
      device.write(
          start + (long) done * bytesOfOne,
          some * bytesOfOne,
          isHalf
              ? bytes -> narrow(source, from, some, bytes)
              : bytes -> bytes.asFloatBuffer().put(source, from, some));
    }
  }

  void read(Tensor source, long sourceOffset, float[] target, int targetOffset, int count) {
    Sizes.require(sourceOffset + count <= source.size(), "read", source, "a longer tensor is");
    boolean isHalf = source.type() == ElementType.BF16;
    int bytesOfOne = isHalf ? Short.BYTES : Float.BYTES;
    long start = address(source, isHalf) + sourceOffset * bytesOfOne;
    int most = Device.MOST_AT_ONCE / bytesOfOne;
    for (int done = 0; done < count; done += most) {
      int to = targetOffset + done;
      int some = Math.min(most, count - done);
      device.read(
          start + (long) done * bytesOfOne,
          some * bytesOfOne,
          isHalf
              ? bytes -> widen(bytes, target, to, some)
              : bytes -> bytes.asFloatBuffer().get(target, to, some));
    }
  }

  private long address(Tensor tensor, boolean isHalf) {
    return DeviceMemory.address(device, tensor, isHalf ? ElementType.BF16 : ElementType.F32);
  }

  private static void narrow(float[] source, int from, int count, ByteBuffer to) {
    for (int i = 0; i < count; i++) {
      to.putShort(i * Short.BYTES, BFloat16.of(source[from + i]));
    }
  }

  private static void widen(ByteBuffer from, float[] target, int to, int count) {
    for (int i = 0; i < count; i++) {
      target[to + i] = BFloat16.toFloat(from.getShort(i * Short.BYTES));
    }
  }

  void write(int[] source, Tensor target) {
    Sizes.require(source.length <= target.size(), "write", target, "a longer tensor is");
    long start = DeviceMemory.address(device, target, ElementType.I32);
    int most = Device.MOST_AT_ONCE / Integer.BYTES;
    for (int done = 0; done < source.length; done += most) {
      int from = done;
      int some = Math.min(most, source.length - done);
      device.write(
          start + (long) done * Integer.BYTES,
          some * Integer.BYTES,
          bytes -> bytes.asIntBuffer().put(source, from, some));
    }
  }

  void write(long[] source, Tensor target) {
    Sizes.require(source.length <= target.size(), "write", target, "a longer tensor is");
    long start = DeviceMemory.address(device, target, ElementType.I64);
    int most = Device.MOST_AT_ONCE / Long.BYTES;
    for (int done = 0; done < source.length; done += most) {
      int from = done;
      int some = Math.min(most, source.length - done);
      device.write(
          start + (long) done * Long.BYTES,
          some * Long.BYTES,
          bytes -> bytes.asLongBuffer().put(source, from, some));
    }
  }

  double[] numbers(Tensor source) {
    double[] numbers = new double[Math.toIntExact(source.size())];
    long start = DeviceMemory.address(device, source, ElementType.F64);
    int most = Device.MOST_AT_ONCE / Double.BYTES;
    for (int done = 0; done < numbers.length; done += most) {
      int to = done;
      int some = Math.min(most, numbers.length - done);
      device.read(
          start + (long) done * Double.BYTES,
          some * Double.BYTES,
          bytes -> bytes.asDoubleBuffer().get(numbers, to, some));
    }
    return numbers;
  }
}
