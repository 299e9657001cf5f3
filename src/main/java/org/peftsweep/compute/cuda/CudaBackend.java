package org.peftsweep.compute.cuda;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.peftsweep.compute.Allocations;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.BackendUnavailableException;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Dropped;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.GpuReading;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Moments;
import org.peftsweep.compute.Products;
import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.Tensor;

/**
 * Every kernel on a GPU. Calls return before the device has done them; what hands values to the
 * host waits.
 *
 * <p>No sum is added up by several blocks at once, so that results are the same bits at every call
 * of the same shapes, except where cuBLASLt itself gives no such promise.
 */
public final class CudaBackend implements Backend {
  /** Steps whose losses stay on the device. */
  private static final int STEPS_BETWEEN_LOOKS = 16;

  /** Positions that keep a device busy. */
  private static final int PASS_ROWS = 1 << 14;

  /** Positions beyond which the start of kernels is no part of a step any more. */
  private static final int MOST_PASS_ROWS = 1 << 16;

  private final Device device;
  private final String address;
  private final Allocations allocations = new Allocations();
  private final Launcher launcher;
  private final SmallProducts smallProducts;
  private final IdReport report;
  private final HostCopies copies;
  private final Elementwise elementwise;
  private final Rows rows;
  private final Quantised quantised;
  private final Norms norms;
  private final Attention attention;
  private final Losses losses;
  private final Optimiser optimiser;
  private final DeviceProducts products;
  private final Map<ElementType, Products> otherProducts = new EnumMap<>(ElementType.class);
  private final List<Device.Graph> graphs = new ArrayList<>();

  /**
   * Opens the backend.
   *
   * @param address by which the machine knows the device
   */
  CudaBackend(Device device, String address) {
    this.device = device;
    this.address = address;
    this.launcher = new Launcher(device);
    this.smallProducts = new SmallProducts(launcher);
    launcher.first(smallProducts::settle);
    this.report = new IdReport(device);
    this.copies = new HostCopies(device);
    this.elementwise = new Elementwise(launcher, smallProducts);
    this.rows = new Rows(launcher, report, smallProducts);
    this.quantised = new Quantised(launcher, report);
    this.norms = new Norms(launcher, rows);
    this.attention = new Attention(launcher);
    this.losses = new Losses(launcher, report);
    this.optimiser = new Optimiser(launcher, elementwise);
    this.products = newProducts(ElementType.F32);
  }

  private DeviceProducts newProducts(ElementType factors) {
    return new DeviceProducts(launcher, elementwise, rows, quantised, smallProducts, factors);
  }

  @Override
  public String name() {
    return "cuda";
  }

  @Override
  public String device() {
    return device.name() + ", GPU " + address;
  }

  @Override
  public String place() {
    return Backends.place(name(), address);
  }

  @Override
  public OptionalLong memoryBytes() {
    return OptionalLong.of(device.memoryBytes());
  }

  @Override
  public Optional<GpuReading> gpu() {
    return Optional.of(device.reading());
  }

  @Override
  public void requireAlone() {
    if (!device.isAlone()) {
      throw new BackendUnavailableException(
          "Cannot compute on GPU "
              + address
              + ": another process does; give each its share by compute.memory-mebibytes, or a GPU"
              + " of its own");
    }
  }

  // ---- memory

  @Override
  public Memory allocate(long floats) {
    return allocations.add(new DeviceMemory(device, floats));
  }

  @Override
  public Memory allocateShared(long floats) {
    return new DeviceMemory(device, floats);
  }

  @Override
  public void free(Memory memory) {
    allocations.remove(memory);
    launcher.changed();
    ((DeviceMemory) memory).free();
  }

  @Override
  public Allocations allocations() {
    return allocations;
  }

  @Override
  public void write(float[] source, int sourceOffset, Tensor target, long targetOffset, int count) {
    launcher.changed();
    copies.write(source, sourceOffset, target, targetOffset, count);
  }

  @Override
  public void read(Tensor source, long sourceOffset, float[] target, int targetOffset, int count) {
    copies.read(source, sourceOffset, target, targetOffset, count);
  }

  @Override
  public void write(int[] source, Tensor target) {
    launcher.changed();
    copies.write(source, target);
  }

  @Override
  public void write(long[] source, Tensor target) {
    launcher.changed();
    copies.write(source, target);
  }

  @Override
  public double[] numbers(Tensor source) {
    double[] numbers = copies.numbers(source);
    report.check();
    return numbers;
  }

  @Override
  public void fill(Tensor x, float value) {
    elementwise.fill(x, value);
  }

  @Override
  public void copy(Tensor from, Tensor to) {
    elementwise.copy(from, to);
  }

  // ---- products

  @Override
  public Products products(ElementType factors) {
    if (factors == ElementType.F32) {
      return this;
    }
    if (!device.multipliesIn(factors)) {
      throw new BackendUnavailableException(
          "Cannot compute products in "
              + factors
              + " on "
              + device.name()
              + ": use precision fp32");
    }
    return otherProducts.computeIfAbsent(factors, this::newProducts);
  }

  @Override
  public int passRows() {
    return PASS_ROWS;
  }

  @Override
  public int mostPassRows() {
    return MOST_PASS_ROWS;
  }

  @Override
  public void gemm(
      boolean transposeA,
      boolean transposeB,
      float alpha,
      Tensor a,
      Tensor b,
      float beta,
      Tensor c) {
    products.gemm(transposeA, transposeB, alpha, a, b, beta, c);
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor bias, Tensor y) {
    products.linear(x, w, bias, y);
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor[] biases, Lanes lanes, Tensor y) {
    products.linear(x, w, biases, lanes, y);
  }

  @Override
  public void gemm(boolean transposeW, Tensor a, QuantisedMatrix w, float beta, Tensor c) {
    products.gemm(transposeW, a, w, beta, c);
  }

  @Override
  public void linear(Tensor x, QuantisedMatrix w, Tensor[] biases, Lanes lanes, Tensor y) {
    products.linear(x, w, biases, lanes, y);
  }

  @Override
  public boolean addsBiasInPassing() {
    return products.addsBiasInPassing();
  }

  @Override
  public boolean areSmall(int rowCount, int columns, int inner) {
    return products.areSmall(rowCount, columns, inner);
  }

  @Override
  public void gemmOfDropped(
      Dropped dropped,
      float p,
      Tensor seed,
      boolean transposeB,
      float alpha,
      Tensor a,
      Tensor b,
      float beta,
      Tensor c) {
    if (!products.multiplyDropped(dropped, p, seed, transposeB, alpha, a, b, beta, c)) {
      Backend.super.gemmOfDropped(dropped, p, seed, transposeB, alpha, a, b, beta, c);
    }
  }

  @Override
  public boolean sumsRowsAlike(int rowCount, int columns, int inner) {
    return products.sumsRowsAlike(rowCount, columns, inner);
  }

  // ---- elementwise

  @Override
  public void addScaled(float alpha, Tensor x, Tensor y) {
    elementwise.addScaled(alpha, x, y);
  }

  @Override
  public void scale(float alpha, Tensor x, Tensor y) {
    elementwise.scale(alpha, x, y);
  }

  @Override
  public void multiply(Tensor a, Tensor b, Tensor y) {
    elementwise.multiply(a, b, y);
  }

  @Override
  public void reciprocal(Tensor x, Tensor y) {
    elementwise.reciprocal(x, y);
  }

  @Override
  public void tanh(Tensor x, Tensor y) {
    elementwise.tanh(x, y);
  }

  @Override
  public void tanhBackward(Tensor y, Tensor dy, Tensor dx) {
    elementwise.tanhBackward(y, dy, dx);
  }

  @Override
  public void gelu(Tensor x, Tensor bias, Tensor y) {
    elementwise.gelu(x, bias, y);
  }

  @Override
  public void geluBackward(Tensor x, Tensor bias, Tensor dy, Tensor dx) {
    elementwise.geluBackward(x, bias, dy, dx);
  }

  @Override
  public void swiglu(Tensor gate, Tensor up, Tensor y) {
    elementwise.swiglu(gate, up, y);
  }

  @Override
  public void swigluBackward(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) {
    elementwise.swigluBackward(gate, up, dy, dGate, dUp);
  }

  @Override
  public void geluToHalves(Tensor x, Tensor bias, Tensor kept, Tensor y) {
    elementwise.geluToHalves(x, bias, kept, y);
  }

  @Override
  public void geluBackwardOfHalves(Tensor x, Tensor bias, Tensor dy, Tensor dx) {
    elementwise.geluBackwardOfHalves(x, bias, dy, dx);
  }

  @Override
  public void swigluToHalves(Tensor gate, Tensor up, Tensor keptGate, Tensor keptUp, Tensor y) {
    elementwise.swigluToHalves(gate, up, keptGate, keptUp, y);
  }

  @Override
  public void swigluBackwardOfHalves(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) {
    elementwise.swigluBackwardOfHalves(gate, up, dy, dGate, dUp);
  }

  @Override
  public void dropout(Tensor x, float p, Tensor seed, Tensor y) {
    elementwise.dropout(x, p, seed, y);
  }

  // ---- rows and columns

  @Override
  public void addRow(Tensor x, Tensor v, Tensor y) {
    rows.addRow(x, v, y);
  }

  @Override
  public void multiplyRow(Tensor x, Tensor v, Tensor y) {
    rows.multiplyRow(x, v, y);
  }

  @Override
  public void multiplyColumn(Tensor x, Tensor v, Tensor y) {
    rows.multiplyColumn(x, v, y);
  }

  @Override
  public void sumRows(Tensor x, float beta, Tensor out) {
    rows.sumRows(x, beta, out);
  }

  @Override
  public void dotRows(Tensor x, Tensor y, float beta, Tensor out) {
    rows.dotRows(x, y, beta, out);
  }

  @Override
  public void dotColumns(Tensor x, Tensor y, float beta, Tensor out) {
    rows.dotColumns(x, y, beta, out);
  }

  @Override
  public void rowNorms(Tensor x, Tensor out) {
    rows.rowNorms(x, out);
  }

  // ---- normalisation

  @Override
  public void layerNorm(
      Tensor x,
      Tensor residual,
      Tensor gamma,
      Tensor beta,
      float epsilon,
      Tensor y,
      Tensor mean,
      Tensor rstd) {
    norms.layerNorm(x, residual, gamma, beta, epsilon, y, mean, rstd);
  }

  @Override
  public void layerNormBackward(
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      Tensor dy,
      Tensor dx,
      Tensor dGamma,
      Tensor dBeta) {
    norms.layerNormBackward(x, gamma, mean, rstd, dy, dx, dGamma, dBeta);
  }

  @Override
  public void rmsNorm(Tensor x, Tensor gamma, float epsilon, Tensor y, Tensor rstd) {
    norms.rmsNorm(x, gamma, epsilon, y, rstd);
  }

  @Override
  public void rmsNormBackward(
      Tensor x, Tensor gamma, Tensor rstd, Tensor dy, Tensor dx, Tensor dGamma) {
    norms.rmsNormBackward(x, gamma, rstd, dy, dx, dGamma);
  }

  // ---- attention

  @Override
  public void attention(
      AttentionShape shape,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor mask,
      Tensor seed,
      Tensor bias,
      Tensor out,
      Tensor logSum) {
    attention.forward(shape, q, k, v, mask, seed, bias, out, logSum);
  }

  @Override
  public void attentionBackward(
      AttentionShape shape,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor mask,
      Tensor seed,
      Tensor bias,
      Tensor out,
      Tensor logSum,
      Tensor dOut,
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dBias) {
    if (dBias != null) {
      // Keys behind the last that is seen are not visited.
      fill(dBias, 0);
    }
    attention.backward(shape, q, k, v, mask, seed, bias, out, logSum, dOut, dq, dk, dv, dBias);
  }

  @Override
  public void rotary(Tensor x, Tensor cos, Tensor sin, int headWidth, boolean inverse, Tensor y) {
    rows.rotary(x, cos, sin, headWidth, inverse, y);
  }

  // ---- rows by index, losses

  @Override
  public void gather(Tensor table, Tensor ids, boolean adds, Tensor out) {
    rows.gather(table, ids, adds, out);
  }

  @Override
  public void gather(QuantisedMatrix table, Tensor ids, boolean adds, Tensor out) {
    quantised.gather(table, ids, adds, out);
  }

  @Override
  public void scatterAdd(Tensor rowTensor, Tensor ids, Tensor table) {
    rows.scatterAdd(rowTensor, ids, table);
  }

  @Override
  public void sumColumns(Tensor x, Tensor starts, Tensor columns, Tensor out) {
    rows.sumColumns(x, starts, columns, out);
  }

  @Override
  public void crossEntropy(Tensor logits, Tensor labels, Tensor dLogits, Tensor loss) {
    losses.crossEntropy(logits, labels, dLogits, loss);
  }

  @Override
  public void meanSquaredError(Tensor x, Tensor target, Tensor dx, Tensor loss) {
    losses.meanSquaredError(x, target, dx, loss);
  }

  @Override
  public void normalise(Tensor x, double weight, Tensor norm) {
    optimiser.normalise(x, weight, norm);
  }

  @Override
  public void addNumber(double factor, Tensor number, Tensor sum) {
    losses.addNumbers(new double[] {factor}, new Tensor[] {number}, new Tensor[] {sum});
  }

  @Override
  public void addNumbers(double[] factors, Tensor[] numbers, Tensor[] sums) {
    losses.addNumbers(factors, numbers, sums);
  }

  @Override
  public void append(Tensor[] numbers, Tensor[] lists) {
    losses.append(numbers, lists);
  }

  // ---- optimisation

  @Override
  public void clip(List<Tensor> gradients, double most, Tensor norm) {
    optimiser.clip(List.of(gradients), new double[] {most}, new Tensor[] {norm});
  }

  @Override
  public void clip(List<List<Tensor>> gradients, double[] most, Tensor[] norms) {
    optimiser.clip(gradients, most, norms);
  }

  @Override
  public void adamW(List<Moments> parameters, Tensor steps) {
    optimiser.adamW(parameters, steps);
  }

  // ---- plans

  /** Returns one graph of all these kernels, which ran before and so have what room they need. */
  @Override
  public Runnable plan(Runnable kernels) {
    launcher.changed();
    report.capturing(true);
    Device.Graph graph;
    try {
      graph = device.capture(() -> capture(kernels));
    } finally {
      report.capturing(false);
      // What was captured has not run.
      launcher.changed();
    }
    graphs.add(graph);
    return () -> {
      launcher.changed();
      graph.run();
    };
  }

  private void capture(Runnable kernels) {
    smallProducts.waits(true);
    try {
      kernels.run();
    } finally {
      smallProducts.waits(false);
    }
  }

  @Override
  public int stepsBetweenLooks() {
    return STEPS_BETWEEN_LOOKS;
  }

  @Override
  public void close() {
    graphs.forEach(Device.Graph::close);
    graphs.clear();
    launcher.close();
    report.free();
    quantised.free();
    allocations.freeAll(this::free);
  }
}
