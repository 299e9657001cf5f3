package org.peftsweep.compute;

/** A weight whose elements lie one by one in a tensor of {@code F32} or {@code BF16}. */
public record DenseWeight(Tensor values) implements Weight {
  @Override
  public ElementType type() {
    return values.type();
  }

  @Override
  public int[] shape() {
    return values.shape();
  }

  @Override
  public int rows() {
    return values.rows();
  }

  @Override
  public int columns() {
    return values.columns();
  }

  @Override
  public long size() {
    return values.size();
  }

  @Override
  public long bytes() {
    return type().bytes(size());
  }

  @Override
  public void linear(Products products, Tensor x, Tensor bias, Tensor y) {
    products.linear(x, values, bias, y);
  }

  @Override
  public void linear(Products products, Tensor x, Tensor[] biases, Lanes lanes, Tensor y) {
    products.linear(x, values, biases, lanes, y);
  }

  @Override
  public void linearBackward(Products products, Tensor dy, float beta, Tensor dx) {
    products.gemm(false, false, 1, dy, values, beta, dx);
  }

  @Override
  public void gather(Backend backend, Tensor ids, boolean adds, Tensor out) {
    backend.gather(values, ids, adds, out);
  }

  @Override
  public void rowNorms(Backend backend, Tensor out) {
    backend.rowNorms(values, out);
  }

  @Override
  public void copy(Backend backend, Tensor to) {
    backend.copy(values, to);
  }

  @Override
  public void read(Backend backend, long from, float[] target, int targetOffset, int count) {
    backend.read(values, from, target, targetOffset, count);
  }

  @Override
  public Tensor tensor() {
    if (type() != ElementType.F32) {
      throw new IllegalStateException(
          "Cannot read " + this + " as 32-bit floats: copy it, or use its products");
    }
    return values;
  }

  @Override
  public boolean isSameAs(Weight other) {
    return other instanceof DenseWeight dense
        && values.memory() == dense.values.memory()
        && values.offset() == dense.values.offset()
        && type() == dense.type();
  }

  @Override
  public void free(Backend backend) {
    backend.free(values.memory());
  }

  @Override
  public String toString() {
    return values.toString();
  }
}
