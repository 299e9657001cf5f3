package org.peftsweep.compute;

import java.util.Optional;
import java.util.OptionalLong;

/**
 * Where tensors live and kernels run.
 *
 * <p>All kernels take preallocated outputs, overwrite them unless {@code beta} or "adds" says
 * otherwise, and see tensors as matrices {@code [rows, columns]}. An output may be the same tensor
 * as an input only where stated. Arguments marked "or null" leave out that part of the work.
 * Tensors hold {@link ElementType#F32}; "of any type" says that {@link ElementType#BF16} serves
 * too, and is computed with as the 32-bit floats of its values. Ids, masks and labels are {@link
 * ElementType#I32}, seeds {@link ElementType#I64} of one element, losses and norms {@link
 * ElementType#F64} of one element.
 *
 * <p>Whatever changes from step to step is in tensors, so that the kernels of a step can be called
 * again as they are: {@link #plan}.
 *
 * <p>One instance serves one thread at a time. Memory may be read by several instances of the same
 * kind at once: that is how trials share frozen weights.
 */
public interface Backend extends Products, ActivationKernels, StepKernels, AutoCloseable {
  /**
   * Returns the name by which settings choose this backend: {@code nd4j}, {@code cpu}, {@code
   * cuda}.
   */
  String name();

  /** Returns what it runs on, for result rows: processor or GPU address. */
  String device();

  /**
   * Returns where its memory is, as {@link Backends#open} finds it again: its name, with the
   * address of a GPU as in {@code cuda:0}. What backends of one place allocate, all can read.
   */
  default String place() {
    return name();
  }

  /**
   * Returns the memory, in bytes, that all backends of its place share; empty where that is the
   * machine's own.
   */
  default OptionalLong memoryBytes() {
    return OptionalLong.empty();
  }

  /** Returns what its GPU tells of itself now; empty where it uses none. */
  default Optional<GpuReading> gpu() {
    return Optional.empty();
  }

  /**
   * Refuses to share its device with another process that nobody told it of.
   *
   * @throws BackendUnavailableException if another process of this program computes on it
   */
  default void requireAlone() {}

  // ---- memory

  /**
   * Allocates zeroed memory that stays until {@link #free} or {@link #close}.
   *
   * @throws OutOfMemoryError if there is not so much
   */
  @Override
  Memory allocate(long floats);

  /** Allocates zeroed memory that outlives this backend, for what trials share. */
  Memory allocateShared(long floats);

  @Override
  void free(Memory memory);

  /** Returns what {@link #allocate} handed out and is not free yet. */
  Allocations allocations();

  /**
   * Copies {@code count} floats from {@code source[sourceOffset…]} to {@code
   * target[targetOffset…]}, a tensor of any type: narrowing rounds as {@link BFloat16} says.
   */
  void write(float[] source, int sourceOffset, Tensor target, long targetOffset, int count);

  /**
   * Copies {@code count} elements from {@code source[sourceOffset…]}, a tensor of any type, to
   * {@code target[targetOffset…]}.
   */
  void read(Tensor source, long sourceOffset, float[] target, int targetOffset, int count);

  /** Copies whole numbers to as many elements from the start of a tensor of {@code I32}. */
  void write(int[] source, Tensor target);

  /** Copies seeds to as many elements from the start of a tensor of {@code I64}. */
  void write(long[] source, Tensor target);

  /** Returns all elements of a tensor of {@code F64}, once the kernels that write them are done. */
  double[] numbers(Tensor source);

  /** Sets all elements of a tensor of {@code F32} or {@code F64}. */
  void fill(Tensor x, float value);

  /** Copies all elements; both tensors may be of any type. */
  @Override
  void copy(Tensor from, Tensor to);

  // ---- products

  @Override
  default boolean sumsRowsAlike(int rows, int columns, int inner) {
    return true;
  }

  @Override
  default void linear(Tensor x, Tensor w, Tensor[] biases, Lanes lanes, Tensor y) {
    spread(biases, lanes, y);
    gemm(false, true, 1, x, w, 1, y);
  }

  @Override
  default void linear(Tensor x, QuantisedMatrix w, Tensor[] biases, Lanes lanes, Tensor y) {
    spread(biases, lanes, y);
    gemm(true, x, w, 1, y);
  }

  /**
   * A product of which one matrix passes through {@link #dropout}, by the indices that its elements
   * have as a tensor: bit for bit what both kernels give one after the other. It is the faster way
   * where {@link Products#areSmall}, and else takes memory for as long as it runs.
   *
   * @param transposeB false where b is dropped
   */
  default void gemmOfDropped(
      Dropped dropped,
      float p,
      Tensor seed,
      boolean transposeB,
      float alpha,
      Tensor a,
      Tensor b,
      float beta,
      Tensor c) {
    Tensor of = dropped.of(a, b, c);
    Memory memory = allocate(of.size());
    Tensor kept = new Tensor(memory, 0, of.shape());
    switch (dropped) {
      case LEFT -> {
        dropout(a, p, seed, kept);
        gemm(false, transposeB, alpha, kept, b, beta, c);
      }
      case RIGHT -> {
        dropout(b, p, seed, kept);
        gemm(true, false, alpha, a, kept, beta, c);
      }
      default -> {
        gemm(false, transposeB, alpha, a, b, 0, kept);
        dropout(kept, p, seed, kept);
        if (beta == 0) {
          copy(kept, c);
        } else {
          scale(beta, c, c);
          addScaled(1, kept, c);
        }
      }
    }
    free(memory);
  }

  /** {@code y[i] ←} the bias of its lane, 0 where that is null. */
  private void spread(Tensor[] biases, Lanes lanes, Tensor y) {
    fill(y, 0);
    for (int i = 0; i < biases.length; i++) {
      if (biases[i] != null) {
        addRow(lanes.of(y, i), biases[i], lanes.of(y, i));
      }
    }
  }

  /**
   * Returns how many rows of several trials a pass should have. More give the products of a
   * processor nothing, and their activations leave its second-level cache.
   */
  default int passRows() {
    return 256;
  }

  /** Returns how many a pass may have where there is memory for them. */
  default int mostPassRows() {
    return passRows();
  }

  /**
   * Returns products whose factors are rounded to a number format first; this backend's own for
   * {@link ElementType#F32}.
   *
   * @throws BackendUnavailableException if this backend, or this processor, has none
   */
  Products products(ElementType factors);

  /**
   * Whether those products keep shared weights once more for each direction that they are read in,
   * in the same number format, until the weights are freed.
   */
  default boolean reordersWeights(ElementType factors) {
    return false;
  }

  // ---- elementwise; y may be x in all of them

  /** {@code y ← y + alpha·x}. */
  void addScaled(float alpha, Tensor x, Tensor y);

  /** {@code y ← alpha·x}. */
  void scale(float alpha, Tensor x, Tensor y);

  /** {@code y ← a ⊙ b}; y may be either. */
  void multiply(Tensor a, Tensor b, Tensor y);

  /** {@code y ← 1 / x}. */
  void reciprocal(Tensor x, Tensor y);

  /**
   * {@code y ← x / (1 − p)} where kept, else 0; element i is kept when {@link Dropout#keeps} says
   * so. Its own gradient: apply it to dy with the same seed.
   */
  void dropout(Tensor x, float p, Tensor seed, Tensor y);

  // ---- rows and columns

  /** {@code y[i,j] ← x[i,j] + v[j]}; y may be x. */
  void addRow(Tensor x, Tensor v, Tensor y);

  /** {@code y[i,j] ← x[i,j]·v[j]}; y may be x. */
  void multiplyRow(Tensor x, Tensor v, Tensor y);

  /** {@code y[i,j] ← x[i,j]·v[i]}; y may be x. */
  void multiplyColumn(Tensor x, Tensor v, Tensor y);

  /** {@code out[j] ← beta·out[j] + Σᵢ x[i,j]}. */
  void sumRows(Tensor x, float beta, Tensor out);

  /** {@code out[j] ← beta·out[j] + Σᵢ x[i,j]·y[i,j]}. */
  void dotRows(Tensor x, Tensor y, float beta, Tensor out);

  /** {@code out[i] ← beta·out[i] + Σⱼ x[i,j]·y[i,j]}. */
  void dotColumns(Tensor x, Tensor y, float beta, Tensor out);

  /** {@code out[i] ← √(Σⱼ x[i,j]²)}; x may be of any type. */
  void rowNorms(Tensor x, Tensor out);

  // ---- normalisation

  /**
   * {@code x ← x + residual} (if not null), then {@code y ← (x − μ)·ρ ⊙ gamma + beta} per row, with
   * {@code ρ = 1/√(σ² + epsilon)}; keeps μ and ρ in {@code mean} and {@code rstd} {@code [rows]}
   * for the way back. y may not be x.
   */
  void layerNorm(
      Tensor x,
      Tensor residual,
      Tensor gamma,
      Tensor beta,
      float epsilon,
      Tensor y,
      Tensor mean,
      Tensor rstd);

  /**
   * Gradient of {@link #layerNorm} for the sum that it left in x; adds to dGamma and dBeta, each or
   * null. dx may be dy.
   */
  void layerNormBackward(
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      Tensor dy,
      Tensor dx,
      Tensor dGamma,
      Tensor dBeta);

  /**
   * {@code y ← x·ρ ⊙ gamma}, {@code ρ = 1/√(mean(x²) + epsilon)} (arXiv:1910.07467); keeps ρ in
   * rstd.
   */
  void rmsNorm(Tensor x, Tensor gamma, float epsilon, Tensor y, Tensor rstd);

  /** Gradient of {@link #rmsNorm}; adds to dGamma, or null. dx may be dy. */
  void rmsNormBackward(Tensor x, Tensor gamma, Tensor rstd, Tensor dy, Tensor dx, Tensor dGamma);

  // ---- attention

  /**
   * {@code out ← softmax(cap(scale·q·kᵀ) + bias)·v} per head, without storing the weights.
   *
   * <p>Keys whose mask is 0, and later keys where causal, get weight 0. A query that may see no key
   * at all attends to all {@code tokens} keys evenly, as models that add the lowest float to the
   * scores do, and its gradient flows through that even softmax. Dropout, if any, acts on the
   * weights: the weight of (batch b, head h, query i, key j) has index {@code ((b·heads +
   * h)·queries + i)·tokens + j} for {@link Dropout#keeps}.
   *
   * @param mask {@code [batch·tokens]}, 1 for a real token, 0 for padding; where causal the number
   *     of a token's text from 1 on, tokens of different texts not seeing each other, or a negative
   *     one for a token that those of all texts see
   * @param seed of dropout; null where the shape has none
   * @param bias finite numbers {@code [n·queries, tokens]}, null for none, of heads after heads:
   *     with n = heads·batch a row for each (h, b, i), with n = heads one for each (h, i), with n =
   *     1 one for each i
   * @param logSum {@code [batch·heads, queries]}, receives the logarithm of the softmax denominator
   */
  void attention(
      AttentionShape shape,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor mask,
      Tensor seed,
      Tensor bias,
      Tensor out,
      Tensor logSum);

  /** The same without a bias. */
  default void attention(
      AttentionShape shape,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor mask,
      Tensor seed,
      Tensor out,
      Tensor logSum) {
    attention(shape, q, k, v, mask, seed, null, out, logSum);
  }

  /**
   * Gradients of {@link #attention}; each of dq, dk, dv, dBias may be null.
   *
   * @param dBias {@code [heads·batch·queries, tokens]}, in that order also where examples or heads
   *     share a bias
   */
  void attentionBackward(
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
      Tensor dBias);

  /** The same without a bias. */
  default void attentionBackward(
      AttentionShape shape,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor mask,
      Tensor seed,
      Tensor out,
      Tensor logSum,
      Tensor dOut,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    attentionBackward(shape, q, k, v, mask, seed, null, out, logSum, dOut, dq, dk, dv, null);
  }

  /**
   * Turns each pair (i, i + headWidth/2) of every head by its position's angle (RoPE,
   * arXiv:2104.09864).
   *
   * @param x {@code [batch·tokens, heads·headWidth]}, y may be x
   * @param cos {@code [tokens, headWidth/2]}; sin likewise
   * @param inverse turns back, which is also the gradient
   */
  void rotary(Tensor x, Tensor cos, Tensor sin, int headWidth, boolean inverse, Tensor y);

  // ---- rows by index

  /** {@code out[i] ← (adds ? out[i] : 0) + table[ids[i]]}; table may be of any type. */
  void gather(Tensor table, Tensor ids, boolean adds, Tensor out);

  /**
   * The same of a quantised table.
   *
   * @param ids null for all rows, in their order
   */
  void gather(QuantisedMatrix table, Tensor ids, boolean adds, Tensor out);

  /** {@code table[ids[i]] ← table[ids[i]] + rows[i]}, in order of i; negative ids are left out. */
  void scatterAdd(Tensor rows, Tensor ids, Tensor table);

  /**
   * {@code out[i,j] ← Σₑ x[i, columns[e]]}, e from {@code starts[j]} to below {@code starts[j + 1]}
   * in order.
   *
   * @param starts {@code [columns of out + 1]}
   */
  void sumColumns(Tensor x, Tensor starts, Tensor columns, Tensor out);

  // ---- losses

  /**
   * {@code loss ←} the mean cross-entropy of {@code logits [n, classes]} over the labels that are
   * not negative (0 if all are), and stores its gradient in dLogits, or null; dLogits may be
   * logits.
   */
  void crossEntropy(Tensor logits, Tensor labels, Tensor dLogits, Tensor loss);

  /** {@code loss ←} the mean of {@code (x − target)²}, and stores its gradient in dx, or null. */
  void meanSquaredError(Tensor x, Tensor target, Tensor dx, Tensor loss);

  /**
   * {@code norm ← weight·‖x‖} and {@code x ← (weight/‖x‖)·x}, zeros where x is zero; ‖·‖ is the
   * root of the sum of squares of all elements.
   */
  void normalise(Tensor x, double weight, Tensor norm);

  // ---- plans

  /**
   * Returns what calls these kernels again, always with tensors at the same places; a device may
   * keep them as one graph.
   */
  default Runnable plan(Runnable kernels) {
    return kernels;
  }

  /**
   * Returns how many steps may pass between two looks at their losses, each of which waits. Where
   * it is more than one, a step ends before anybody looks, and all of it may be one plan.
   */
  default int stepsBetweenLooks() {
    return 1;
  }

  /** Frees what is still allocated, shared memory apart. */
  @Override
  void close();
}
