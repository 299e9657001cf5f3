package org.peftsweep.compute.cuda;

import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.Dropout;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Sizes;
import org.peftsweep.compute.Tensor;

/** Launches of {@code attention.cu}. */
final class Attention {
  private static final String FAMILY = "attention";

  /** Queries or keys of a block. */
  private static final int TILE = 64;

  /** Columns of a head that a block computes. */
  private static final int CHUNK = 128;

  private final Launcher launcher;

  Attention(Launcher launcher) {
    this.launcher = launcher;
  }

  void forward(
      AttentionShape shape,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor mask,
      Tensor seed,
      Tensor bias,
      Tensor out,
      Tensor logSum) {
    require("attention", shape, mask, logSum, new Tensor[] {q, out}, k, v);
    long halves = launcher.rounded().alsoTo(out);
    call("attention", shape).floats(out).address(halves).floats(logSum);
    inputs(shape, q, k, v, mask, seed, bias)
        .runWriting(grid(shape, shape.heads(), shape.queries()), logSum);
  }

  void backward(
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
    require(
        "attentionBackward", shape, mask, logSum, new Tensor[] {q, out, dOut, dq}, k, v, dk, dv);
    Sizes.count("attentionBackward", shape.scores(), dBias);
    long rows = (long) shape.batch() * shape.heads() * shape.queries();
    long dots = launcher.rooms().at(Rooms.Room.PARTIAL_SUMS, rows * Float.BYTES);
    launcher
        .call(FAMILY, "attention_dots")
        .floats(out)
        .floats(dOut)
        .address(dots)
        .value(shape.queries())
        .value(shape.heads())
        .value(shape.headWidth())
        .value(rows)
        .runWriting(Grid.warps(rows));
    if (dq != null || dBias != null) {
      long halves = launcher.rounded().alsoTo(dq);
      call("attention_queries_backward", shape)
          .floats(logSum)
          .address(dots)
          .floats(dOut)
          .floats(dq)
          .address(halves)
          .floats(dBias);
      inputs(shape, q, k, v, mask, seed, bias)
          .runWriting(grid(shape, shape.heads(), shape.queries()), dBias);
    }
    if (dk != null || dv != null) {
      long halvesOfKeys = launcher.rounded().alsoTo(dk);
      long halvesOfValues = launcher.rounded().alsoTo(dv);
      call("attention_keys_backward", shape)
          .floats(logSum)
          .address(dots)
          .floats(dOut)
          .floats(dk)
          .address(halvesOfKeys)
          .floats(dv)
          .address(halvesOfValues);
      inputs(shape, q, k, v, mask, seed, bias)
          .runWriting(grid(shape, shape.keyHeads(), shape.tokens()));
    }
  }

  /** Begins a call of the kernel for what products may round. */
  private Launcher call(String kernel, AttentionShape shape) {
    boolean rounds = shape.factors() == ElementType.BF16;
    return launcher.call(FAMILY, rounds ? kernel + "_of_halves" : kernel);
  }

  /** The last argument of all kernels. */
  private Launcher inputs(
      AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor mask, Tensor seed, Tensor bias) {
    long[] addresses = {
      address(q, ElementType.F32),
      address(k, ElementType.F32),
      address(v, ElementType.F32),
      address(mask, ElementType.I32),
      address(shape.dropout() > 0 ? seed : null, ElementType.I64),
      address(bias, ElementType.F32)
    };
    return launcher.structure(
        addresses,
        shape.queries(),
        shape.tokens(),
        shape.heads(),
        shape.keyHeads(),
        shape.headWidth(),
        shape.causal() ? 1 : 0,
        Float.floatToRawIntBits(shape.scale()),
        Dropout.threshold(shape.dropout()),
        Float.floatToRawIntBits(1 / (1 - shape.dropout())),
        Float.floatToRawIntBits(shape.cap()),
        shape.batch(),
        bias == null ? 0 : shape.biasGroups(bias));
  }

  private long address(Tensor tensor, ElementType type) {
    return DeviceMemory.address(launcher.device(), tensor, type);
  }

  private static Grid grid(AttentionShape shape, int heads, int tokens) {
    return new Grid(
        Math.multiplyExact(shape.batch(), heads),
        (tokens + TILE - 1) / TILE,
        (shape.headWidth() + CHUNK - 1) / CHUNK,
        Grid.THREADS);
  }

  private static void require(
      String kernel,
      AttentionShape shape,
      Tensor mask,
      Tensor logSum,
      Tensor[] queries,
      Tensor... keys) {
    long asking = (long) shape.batch() * shape.queries();
    long tokens = (long) shape.batch() * shape.tokens();
    Sizes.count(kernel, asking * shape.heads() * shape.headWidth(), queries);
    Sizes.count(kernel, tokens * shape.keyHeads() * shape.headWidth(), keys);
    Sizes.count(kernel, asking * shape.heads(), logSum);
    Sizes.require(
        mask.size() == tokens, kernel, "a mask of " + mask.size(), tokens + " tokens are");
  }
}
