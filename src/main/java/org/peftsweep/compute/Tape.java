package org.peftsweep.compute;

import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Runs kernels forward, remembers what their gradients need, and plays them back.
 *
 * <p>A step is {@link #start}, any number of operations, a loss, {@link #backward}. Activations and
 * gradients live in an {@link Arena} until the next start. No gradient is computed for what does
 * not learn, and nothing is remembered for it.
 *
 * <p>Operations that say they <em>consume</em> an argument may write into its memory when no
 * gradient needs its value; the caller must not use that argument afterwards. {@link #done} tells
 * the tape that the caller will not use a value again, so that its memory serves others as soon as
 * no gradient needs it either.
 */
public final class Tape implements AutoCloseable {
  /** What other tapes run on. */
  private final Backend plain;

  private final Backend target;
  private final Graph graph;
  private final Recorder recorder;
  private final Recording step;
  private final Feeds feeds;

  /** Losses, apart from all else so that they lie side by side. */
  private final Arena numbers;

  private final DropoutOperations dropouts;
  private final ProductOperations products;
  private final ElementOperations elements;
  private final RowOperations rows;
  private final NormOperations norms;
  private final AttentionOperations attentions;
  private final LossOperations losses;
  private List<Plan.Learning> planned;

  public Tape(Backend backend) {
    this(backend, null);
  }

  /**
   * Makes a tape that computes and derives by a graph.
   *
   * @param graph null for none: kernels of the backend
   */
  public Tape(Backend backend, Graph graph) {
    this.plain = backend;
    this.graph = graph;
    this.target = graph == null ? backend : graph.backend();
    this.recorder = new Recorder(target);
    this.step = new Recording(recorder, target, graph);
    this.feeds = new Feeds(target, recorder, graph);
    this.numbers = new Arena(target, Feeds.BLOCK);
    this.dropouts = new DropoutOperations(step, feeds);
    this.products = new ProductOperations(step, feeds, dropouts);
    this.elements = new ElementOperations(step);
    this.rows = new RowOperations(step, feeds);
    this.norms = new NormOperations(step);
    this.attentions = new AttentionOperations(step, feeds);
    this.losses = new LossOperations(step, feeds, numbers);
  }

  /**
   * Rounds the factors of products to a number format in the steps to come, those of gradients
   * included, and with them what activations keep for the way back; {@link ElementType#F32} at
   * first. All else stays in 32-bit floats.
   *
   * @throws BackendUnavailableException if the backend cannot
   */
  public void multiplyIn(ElementType factors) {
    step.multiplyIn(factors);
  }

  /** Returns what it rounds the factors of products to. */
  public ElementType factors() {
    return step.factors();
  }

  /** Returns what computes its products. */
  public Products products() {
    return step.products();
  }

  /** Returns what runs the kernels of this tape's operations. */
  public Backend backend() {
    return step.backend();
  }

  public Arena arena() {
    return step.arena();
  }

  Gradients gradients() {
    return step.gradients();
  }

  /** Returns the most memory of steps that was in use at once, in bytes. */
  public long peakBytes() {
    return step.arena().peakBytes() + feeds.peakBytes() + numbers.peakBytes();
  }

  /**
   * Begins a step that will be played back, with dropout on; values of the step before are gone.
   *
   * @param seeds of dropout, one a lane
   */
  public void startTraining(long... seeds) {
    start(true, seeds);
  }

  private void start(boolean trains, long... seeds) {
    recorder.cancel();
    numbers.reset();
    feeds.start(seeds);
    step.start(trains);
  }

  /**
   * Begins a step as {@link #startTraining} does, of which {@link #plan} makes a plan.
   *
   * @param parameters all that may learn in it
   */
  public void startPlanning(List<Var> parameters, long... seeds) {
    start(true, seeds);
    planned = parameters.stream().map(Plan.Learning::of).toList();
    recorder.start();
  }

  /**
   * Returns what runs the step again that just ran back; null where something in it depends on what
   * the host read or wrote.
   */
  public Plan plan() {
    Recorder.Kernels kernels = recorder.stop();
    return kernels == null || graph != null ? null : feeds.plan(kernels, planned);
  }

  /** Begins a step without gradients and without dropout; values of the step before are gone. */
  public void startEvaluation() {
    start(false);
  }

  /**
   * Hands whole numbers to kernels, as {@code I32} that stays for the step; a plan asks for them
   * anew, as many.
   */
  public Tensor ints(Supplier<int[]> values) {
    return ints("numbers", values);
  }

  /**
   * The same with a name of what they are, for graphs that compute them otherwise.
   *
   * @param name one for all numbers of a kind
   */
  public Tensor ints(String name, Supplier<int[]> values) {
    return feeds.ints(name, values);
  }

  /** The same with floats. */
  public Tensor floats(Supplier<float[]> values) {
    return feeds.floats(values);
  }

  /**
   * Hands what somebody computes to kernels, as a value that nothing learns through and that stays
   * for the step; a plan asks for it anew.
   *
   * @param fill writes it with kernels of {@link #backend}, which are none of this step's
   */
  public Var input(Consumer<Tensor> fill, int... shape) {
    return feeds.input(fill, shape);
  }

  /** Makes a value of this step one that nothing learns through. */
  public Var constant(Tensor value) {
    if (graph != null) {
      graph.hold(value);
    }
    return Var.constant(value);
  }

  /** Returns another tape on the same backend, for what is computed beside this one's steps. */
  public Tape beside() {
    return new Tape(plain);
  }

  /** Says whose dropout the operations to come draw, where they are not told; 0 at the start. */
  public void lane(int lane) {
    feeds.lane(lane);
  }

  /** Whether this step has gradients and dropout. */
  public boolean isTraining() {
    return step.isTraining();
  }

  /** Whether operations are derived by a graph, so that all must be made of kernels. */
  public boolean isGraph() {
    return graph != null;
  }

  /** Plays the recorded operations back from every loss of this step. */
  public void backward() {
    step.backward();
  }

  /** Says that the caller will not read this value again. */
  public void done(Var x) {
    step.done(x);
  }

  /** Says that the caller will not read this scratch tensor of the arena again. */
  public void done(Tensor scratch) {
    scratch.release();
  }

  /** {@code x·wᵀ + bias}: x {@code [n, in]}, w {@code [out, in]}, bias {@code [out]} or null. */
  public Var linear(Var x, Var w, Var bias) {
    return products.linear(x, w, bias);
  }

  /**
   * {@code x·wᵀ + bias} with a bias for each lane's rows, null for none; bit for bit what {@link
   * #linear(Var, Var, Var)} gives of those rows, where the kernel's sums do not depend on how many
   * there are.
   */
  public Var linear(Var x, Var w, Var[] biases, Lanes lanes) {
    return products.linear(x, w, biases, lanes);
  }

  /**
   * {@code base + scale·(x·aᵀ)·bᵀ}, the low-rank update of LoRA (arXiv:2106.09685); consumes base.
   *
   * @param base {@code [n, out]}
   * @param x {@code [n, in]}
   * @param a {@code [rank, in]}
   * @param b {@code [out, rank]}
   */
  public Var lowRank(Var base, Var x, Var a, Var b, float scale) {
    return products.lowRank(base, x, a, b, scale);
  }

  /** The same of x after dropout of probability p while training; x keeps its values. */
  public Var lowRank(Var base, Var x, float p, Var a, Var b, float scale) {
    return products.lowRank(base, x, p, a, b, scale);
  }

  /** {@code drop(x)·wᵀ}, of x after dropout of probability p while training; x keeps its values. */
  public Var linearOfDropped(Var x, float p, Var w) {
    return products.linearOfDropped(x, p, w);
  }

  /** {@code a + alpha·b}; consumes a. */
  public Var addScaled(Var a, float alpha, Var b) {
    return elements.addScaled(a, alpha, b);
  }

  /** {@code a ⊙ b}. */
  public Var multiply(Var a, Var b) {
    return elements.multiply(a, b);
  }

  /** {@code tanh(x)}. */
  public Var tanh(Var x) {
    return elements.tanh(x);
  }

  /** {@code GELU(x + bias)}; bias {@code [columns]} or null. */
  public Var gelu(Var x, Var bias) {
    return elements.gelu(x, bias);
  }

  /** {@code SiLU(gate) ⊙ up}. */
  public Var swiglu(Var gate, Var up) {
    return elements.swiglu(gate, up);
  }

  /** {@code alpha·x}. */
  public Var scale(Var x, float alpha) {
    return elements.scale(x, alpha);
  }

  /** Dropout of probability p while training, x itself otherwise; consumes x. */
  public Var dropout(Var x, float p) {
    return dropouts.dropout(x, p);
  }

  /** The same with the dropout of each lane on its rows. */
  public Var dropout(Var x, float p, Lanes lanes) {
    return dropouts.dropout(x, p, lanes);
  }

  /** Dropout of probability p while training, x itself otherwise; x keeps its values. */
  public Var dropoutOfCopy(Var x, float p) {
    return dropouts.dropoutOfCopy(x, p);
  }

  /** The same values in another shape of as many elements. */
  public Var reshape(Var x, int... shape) {
    return rows.reshape(x, shape);
  }

  /**
   * Records an operation that the caller made with kernels of {@link #backend}.
   *
   * @param value its result, taken from {@link #arena}, whose holder the returned value becomes
   * @param back hands on the gradient of the value, by {@link #give}
   * @param saved what that reads besides
   * @param inputs what the result depends on
   */
  public Var operation(Tensor value, Consumer<Tensor> back, List<Tensor> saved, Var... inputs) {
    Var out = step.output(value, inputs);
    step.record(out, back::accept, saved.toArray(Tensor[]::new));
    return out;
  }

  /**
   * Inverses of square blocks {@code [blocks·side, side]}, one under the other, where a {@link
   * #isGraph graph} computes.
   */
  public Var inverses(Var blocks) {
    Tensor y = step.arena().take(blocks.value().shape());
    graph.invert(blocks.value(), y);
    return step.output(y, blocks);
  }

  /** On the way back, lets a kernel that overwrites produce the gradient of an input. */
  public void give(Var input, Consumer<Tensor> kernel) {
    step.gradients().give(input, kernel);
  }

  /**
   * Cuts x into the rows of lanes. x stays as it is; once it is {@link #done}, operations that
   * consume a part write into x's memory.
   */
  public Var[] split(Var x, Lanes lanes) {
    return rows.split(x, lanes);
  }

  /** Puts the rows of lanes together; consumes them, without a copy where all lie in one memory. */
  public Var join(Var[] parts, Lanes lanes) {
    return rows.join(parts, lanes);
  }

  /** {@code x[i,j] + v[j]}; consumes x. */
  public Var addRow(Var x, Var v) {
    return rows.addRow(x, v);
  }

  /** {@code x[i,j]·v[j]}. */
  public Var multiplyRow(Var x, Var v) {
    return rows.multiplyRow(x, v);
  }

  /** {@code x[i,j]·v[i]}. */
  public Var multiplyColumn(Var x, Var v) {
    return rows.multiplyColumn(x, v);
  }

  /** Rows {@code table[ids[i]]} as {@code [ids, columns]}. */
  public Var gather(Var table, Tensor ids) {
    return rows.gather(table, ids);
  }

  /**
   * Rows {@code table[ids[i]]}, whose gradient goes to the rows {@code gradientIds}; negative ones
   * get none (a padding row that stays as it is).
   */
  public Var gather(Var table, Tensor ids, Tensor gradientIds) {
    return rows.gather(table, ids, gradientIds);
  }

  /** {@code x[i] + table[ids[i]]}; consumes x. */
  public Var addGathered(Var x, Var table, Tensor ids, Tensor gradientIds) {
    return rows.addGathered(x, table, ids, gradientIds);
  }

  /**
   * Columns {@code x[i, ids[j]]} as {@code [rows, ids]}.
   *
   * @param ids the same in every step of a plan
   */
  public Var gatherColumns(Var x, int... ids) {
    return rows.gatherColumns(x, ids);
  }

  /** {@code LayerNorm(x + residual)}; consumes x unless residual is null. */
  public Var layerNorm(Var x, Var residual, Var gamma, Var beta, float epsilon) {
    return norms.layerNorm(x, residual, gamma, beta, epsilon);
  }

  /** RMS norm of x. */
  public Var rmsNorm(Var x, Var gamma, float epsilon) {
    return norms.rmsNorm(x, gamma, epsilon);
  }

  /**
   * Masked softmax attention; shapes as in {@link Backend#attention}; dropout only while training.
   */
  public Var attention(AttentionShape shape, Var q, Var k, Var v, Tensor mask) {
    return attentions.attention(shape, q, k, v, mask);
  }

  /** The same for lanes, each with a shape of its own, whose rows lie one after the other. */
  public Var attention(List<AttentionShape> shapes, Var q, Var k, Var v, List<Tensor> masks) {
    return attentions.attention(shapes, q, k, v, masks);
  }

  /**
   * The same with what is added to the scores of each lane, null for nothing.
   *
   * @param biases shapes as in {@link Backend#attention}
   */
  public Var attention(
      List<AttentionShape> shapes, Var q, Var k, Var v, List<Tensor> masks, Var[] biases) {
    return attentions.attention(shapes, q, k, v, masks, biases);
  }

  /** Rotary position embedding; cos and sin {@code [tokens, headWidth/2]}; consumes x. */
  public Var rotary(Var x, Tensor cos, Tensor sin, int headWidth) {
    return attentions.rotary(x, cos, sin, headWidth);
  }

  /**
   * Makes the mean cross-entropy over labels that are not negative a loss of this step.
   *
   * @param labels {@code I32}
   * @return where it will be, {@code F64} of one element
   */
  public Tensor crossEntropy(Var logits, Tensor labels) {
    return losses.crossEntropy(logits, labels);
  }

  /** Makes the mean squared error a loss of this step; returns where it will be. */
  public Tensor meanSquaredError(Var x, Tensor wanted) {
    return losses.meanSquaredError(x, wanted);
  }

  /**
   * Makes {@code weight·‖X·Xᵀ − I‖} a loss of this step where x has fewer rows than columns is
   * meant, else {@code weight·‖Xᵀ·X − I‖}; the gradient is {@code 2·weight·(X·Xᵀ − I)·X / ‖X·Xᵀ −
   * I‖}.
   *
   * @param ofRows whether rows are to be orthonormal, else columns
   * @return where it will be
   */
  public Tensor orthonormality(Var x, boolean ofRows, double weight) {
    return losses.orthonormality(x, ofRows, weight);
  }

  /** Makes {@code weight·‖x‖}, of all elements, a loss of this step; returns where it will be. */
  public Tensor norm(Var x, double weight) {
    return losses.norm(x, weight);
  }

  /** Returns the value of a loss of this step, once it is computed. */
  public double number(Tensor loss) {
    return target.numbers(loss)[0];
  }

  /**
   * Whether a gradient is computed for any of an operation's inputs; to be asked before a kernel
   * chooses rows of one, for graphs that choose otherwise then.
   */
  public boolean learns(Var... inputs) {
    return step.learns(inputs);
  }

  @Override
  public void close() {
    step.close();
    feeds.close();
    numbers.close();
  }
}
