package org.peftsweep.compute;

/**
 * A frozen matrix in 8 or 4 bits an element, in the formats of bitsandbytes:
 *
 * <ul>
 *   <li>{@link ElementType#I8}: whole numbers from −127 to 127, each row as parts of its largest
 *       magnitude, as weights are in LLM.int8 (arXiv:2208.07339, §2). Activations stay floats: that
 *       paper's integer products, and the columns it leaves out of them, serve inference.
 *   <li>{@link ElementType#NF4}: places in a {@link NormalFloat}, each block of 64 elements of the
 *       row-major order as parts of its largest magnitude. Magnitudes are quantised once more:
 *       their mean is taken off, and blocks of 256 are codes of a {@link DynamicTree} as parts of
 *       their own largest magnitude (arXiv:2305.14314, §3, "double quantization").
 * </ul>
 */
public final class QuantisedWeight implements Weight {
  private static final float[] TREE = DynamicTree.codes(true);
  private static final float[] VALUES = NormalFloat.values();

  /** Rows that are quantised at a time: with any number of columns they are whole blocks. */
  private static final int ROWS = QuantisedMatrix.BLOCK;

  /** Hands out a matrix's values, row-major, so many at a time. */
  public interface Values {
    /** Copies {@code count} values from the {@code from}-th on to the start of an array. */
    void read(long from, float[] to, int count);
  }

  private final QuantisedMatrix matrix;

  /**
   * @param matrix whose content may not count yet
   */
  public QuantisedWeight(QuantisedMatrix matrix) {
    this.matrix = matrix;
  }

  /** Returns what kernels read. */
  public QuantisedMatrix matrix() {
    return matrix;
  }

  /**
   * Quantises a matrix, a stretch of rows at a time.
   *
   * @param memory of {@link QuantisedMatrix#floats}
   */
  public static QuantisedWeight of(
      ElementType type, Memory memory, int rows, int columns, Values values, Backend backend) {
    QuantisedWeight weight = new QuantisedWeight(new QuantisedMatrix(type, memory, rows, columns));
    float[] scales =
        new float
            [Math.toIntExact(
                type == ElementType.I8 ? rows : QuantisedMatrix.blocks(weight.size()))];
    float[] some = new float[Math.multiplyExact(Math.min(ROWS, rows), columns)];
    for (int row = 0; row < rows; row += ROWS) {
      long from = (long) row * columns;
      int count = Math.min(ROWS, rows - row) * columns;
      values.read(from, some, count);
      int[] words =
          type == ElementType.I8
              ? weight.wholeNumbers(some, count, scales, row)
              : places(some, count, scales, (int) (from / QuantisedMatrix.BLOCK));
      backend.write(words, weight.words(type.floats(from), words.length));
    }
    weight.writeScales(backend, scales);
    return weight;
  }

  private int[] wholeNumbers(float[] values, int count, float[] largest, int firstRow) {
    int[] words = new int[(int) type().floats(count)];
    for (int start = 0; start < count; start += columns()) {
      float most = most(values, start, start + columns());
      largest[firstRow + start / columns()] = most;
      float factor = most == 0 ? 0 : QuantisedMatrix.MOST / most;
      for (int i = start; i < start + columns(); i++) {
        int number = (int) Math.rint(values[i] * factor);
        words[i / Integer.BYTES] |= (number & 0xFF) << i % Integer.BYTES * Byte.SIZE;
      }
    }
    return words;
  }

  private static int[] places(float[] values, int count, float[] largest, int firstBlock) {
    int[] words = new int[(int) ElementType.NF4.floats(count)];
    for (int start = 0; start < count; start += QuantisedMatrix.BLOCK) {
      int end = Math.min(count, start + QuantisedMatrix.BLOCK);
      float most = most(values, start, end);
      largest[firstBlock + start / QuantisedMatrix.BLOCK] = most;
      for (int i = start; i < end; i++) {
        words[i / 8] |= NormalFloat.nearest(most == 0 ? 0 : values[i] / most) << shift(i);
      }
    }
    return words;
  }

  private static float most(float[] values, int from, int to) {
    float most = 0;
    for (int i = from; i < to; i++) {
      most = Math.max(most, Math.abs(values[i]));
    }
    return most;
  }

  private void writeScales(Backend backend, float... scales) {
    if (type() == ElementType.I8) {
      backend.write(
          scales, 0, new Tensor(matrix.memory(), matrix.scalesAt(), rows()), 0, scales.length);
      return;
    }
    double sum = 0;
    for (float scale : scales) {
      sum += scale;
    }
    float mean = (float) (sum / scales.length);
    int[] words = new int[(int) ElementType.I8.floats(scales.length)];
    float[] groups = new float[(scales.length + QuantisedMatrix.GROUP - 1) / QuantisedMatrix.GROUP];
    for (int group = 0; group < groups.length; group++) {
      int from = group * QuantisedMatrix.GROUP;
      int to = Math.min(scales.length, from + QuantisedMatrix.GROUP);
      for (int i = from; i < to; i++) {
        scales[i] -= mean;
      }
      float most = most(scales, from, to);
      groups[group] = most;
      for (int i = from; i < to; i++) {
        int code = DynamicTree.nearest(TREE, most == 0 ? 0 : scales[i] / most);
        words[i / Integer.BYTES] |= code << i % Integer.BYTES * Byte.SIZE;
      }
    }
    backend.write(words, words(matrix.scalesAt(), words.length));
    backend.write(
        groups, 0, new Tensor(matrix.memory(), matrix.groupsAt(), groups.length), 0, groups.length);
    backend.write(new float[] {mean}, 0, new Tensor(matrix.memory(), matrix.meanAt(), 1), 0, 1);
  }

  private Tensor words(long from, int count) {
    return new Tensor(ElementType.I32, matrix.memory(), from, count);
  }

  /** The first of a byte's elements is its upper half. */
  private static int shift(long element) {
    return (int) (element % 8 ^ 1) * 4;
  }

  // ---- as a weight

  @Override
  public ElementType type() {
    return matrix.type();
  }

  @Override
  public int[] shape() {
    return new int[] {rows(), columns()};
  }

  @Override
  public int rows() {
    return matrix.rows();
  }

  @Override
  public int columns() {
    return matrix.columns();
  }

  @Override
  public long size() {
    return matrix.size();
  }

  @Override
  public long bytes() {
    return Float.BYTES * QuantisedMatrix.floats(type(), rows(), columns());
  }

  @Override
  public void linear(Products products, Tensor x, Tensor bias, Tensor y) {
    if (bias == null) {
      products.gemm(true, x, matrix, 0, y);
    } else {
      products.linear(x, matrix, new Tensor[] {bias}, Lanes.of(x.rows()), y);
    }
  }

  @Override
  public void linear(Products products, Tensor x, Tensor[] biases, Lanes lanes, Tensor y) {
    products.linear(x, matrix, biases, lanes, y);
  }

  @Override
  public void linearBackward(Products products, Tensor dy, float beta, Tensor dx) {
    products.gemm(false, dy, matrix, beta, dx);
  }

  @Override
  public void gather(Backend backend, Tensor ids, boolean adds, Tensor out) {
    backend.gather(matrix, ids, adds, out);
  }

  @Override
  public void rowNorms(Backend backend, Tensor out) {
    float[] row = new float[columns()];
    float[] norms = new float[rows()];
    for (int i = 0; i < rows(); i++) {
      read(backend, (long) i * columns(), row, 0, columns());
      double squares = 0;
      for (float value : row) {
        squares += (double) value * value;
      }
      norms[i] = (float) Math.sqrt(squares);
    }
    backend.write(norms, 0, out, 0, rows());
  }

  @Override
  public void copy(Backend backend, Tensor to) {
    backend.gather(matrix, null, false, to);
  }

  @Override
  public void read(Backend backend, long from, float[] target, int targetOffset, int count) {
    if (count == 0) {
      return;
    }
    long end = from + count;
    long firstWord = type().floats(from + 1) - 1;
    float[] words = read(backend, firstWord, type().floats(end) - firstWord);
    if (type() == ElementType.I8) {
      int firstRow = (int) (from / columns());
      long rowsRead = (end - 1) / columns() - firstRow + 1;
      float[] largest = read(backend, matrix.scalesAt() + firstRow, rowsRead);
      for (int i = 0; i < count; i++) {
        long element = from + i;
        int word = Float.floatToRawIntBits(words[(int) (element / Integer.BYTES - firstWord)]);
        byte number = (byte) (word >> (int) (element % Integer.BYTES) * Byte.SIZE);
        target[targetOffset + i] =
            number * QuantisedMatrix.scale(largest[(int) (element / columns()) - firstRow]);
      }
      return;
    }
    long firstBlock = from / QuantisedMatrix.BLOCK;
    float[] scales = blockScales(backend, firstBlock, (end - 1) / QuantisedMatrix.BLOCK + 1);
    for (int i = 0; i < count; i++) {
      long element = from + i;
      int word = Float.floatToRawIntBits(words[(int) (element / 8 - firstWord)]);
      float scale = scales[(int) (element / QuantisedMatrix.BLOCK - firstBlock)];
      target[targetOffset + i] = VALUES[word >>> shift(element) & 15] * scale;
    }
  }

  private float[] blockScales(Backend backend, long from, long to) {
    long firstWord = from / Integer.BYTES;
    float[] codes =
        read(backend, matrix.scalesAt() + firstWord, (to - 1) / Integer.BYTES - firstWord + 1);
    long firstGroup = from / QuantisedMatrix.GROUP;
    float[] groups =
        read(
            backend,
            matrix.groupsAt() + firstGroup,
            (to - 1) / QuantisedMatrix.GROUP - firstGroup + 1);
    float mean = read(backend, matrix.meanAt(), 1)[0];
    float[] scales = new float[(int) (to - from)];
    for (int i = 0; i < scales.length; i++) {
      long block = from + i;
      int word = Float.floatToRawIntBits(codes[(int) (block / Integer.BYTES - firstWord)]);
      int code = word >>> (int) (block % Integer.BYTES) * Byte.SIZE & 0xFF;
      scales[i] = TREE[code] * groups[(int) (block / QuantisedMatrix.GROUP - firstGroup)] + mean;
    }
    return scales;
  }

  private float[] read(Backend backend, long from, long count) {
    float[] bits = new float[(int) count];
    backend.read(new Tensor(matrix.memory(), from, bits.length), 0, bits, 0, bits.length);
    return bits;
  }

  @Override
  public Tensor tensor() {
    throw new IllegalStateException(
        "Cannot read " + this + " as 32-bit floats: copy it, or use its products");
  }

  @Override
  public boolean isSameAs(Weight other) {
    return other instanceof QuantisedWeight quantised
        && matrix.memory() == quantised.matrix.memory();
  }

  @Override
  public void free(Backend backend) {
    backend.free(matrix.memory());
  }

  @Override
  public String toString() {
    return matrix.toString();
  }
}
