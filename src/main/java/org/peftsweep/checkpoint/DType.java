package org.peftsweep.checkpoint;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.peftsweep.compute.BFloat16;

/**
 * Element types of the safetensors format, in the order of the reference library, whose writer puts
 * later ones first so that wide elements stay aligned.
 *
 * <p>All of them are listed; {@link SafeTensors} reads {@link #FLOATS} and {@link #LONGS}.
 */
public enum DType {
  BOOL(1),
  U8(1),
  I8(1),
  F8_E5M2(1),
  F8_E4M3(1),
  I16(2),
  U16(2),
  F16(2),
  BF16(2),
  I32(4),
  U32(4),
  F32(4),
  F64(8),
  I64(8),
  U64(8);

  /** Types that are read as 32-bit floats. */
  public static final List<DType> FLOATS = List.of(F32, F16, BF16);

  /** Types that are read as 64-bit integers. */
  public static final List<DType> LONGS = List.of(I64, I32);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /** The element of one of {@link #FLOATS} that begins at a byte of a little-endian buffer. */
  float read(ByteBuffer bytes, int at) {
    return switch (this) {
      case F32 -> bytes.getFloat(at);
      case F16 -> HalfFloats.fromF16(bytes.getShort(at));
      case BF16 -> BFloat16.toFloat(bytes.getShort(at));
      default -> throw new IllegalStateException(this + " is not among DType.FLOATS");
    };
  }

  static Optional<DType> named(String name) {
    return Arrays.stream(values()).filter(type -> type.name().equals(name)).findFirst();
  }
}
