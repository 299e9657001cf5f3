package org.peftsweep.compute;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;

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
  /** The way back of one operation, given the gradient of its output. */
  private interface Back {
    void run(Tensor dy);
  }

  private record Node(Var out, Back back, Tensor... saved) {}

  /** Floats that inputs from the host take at least. */
  private static final int FED = 1 << 12;

  /**
   * Rows that are widened at once, at least: some megabytes, which stay in a processor's caches. A
   * device takes as many as keep it busy.
   */
  private static final int WIDENED_ROWS = 256;

  /** Narrow results that are kept: those of two matrices of as many lanes as passes have. */
  private static final int MOST_LINGERING = 64;

  /** What other tapes run on. */
  private final Backend plain;

  private final Backend target;

  /** What computes and derives in place of kernels; null for nothing. */
  private final Graph graph;

  /** Parameters that learn and were read in this step. */
  private final Set<Var> learning = Collections.newSetFromMap(new IdentityHashMap<>());

  private final Recorder recorder;
  private final Backend backend;
  private final Arena arena;

  /** What the host writes: nothing of it is given back in a step, as plans write all at once. */
  private final Arena fed;

  /** Losses, apart from those so that they lie side by side. */
  private final Arena numbers;

  private final Gradients gradients;
  private Products products;
  private final List<Node> nodes = new ArrayList<>();

  /** Scratch that nobody reads any more, first what is to go first. */
  private final Queue<Tensor> lingering = new ArrayDeque<>();

  private final List<FedBlock.Part> fedNumbers = new ArrayList<>();
  private final List<Plan.Feed> feeds = new ArrayList<>();
  private List<Plan.Learning> planned;
  private boolean training;
  private DropoutSeeds dropoutSeeds;
  private ElementType factors = ElementType.F32;
  private int lane;

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
    this.backend = recorder.backend();
    this.arena = new Arena(target);
    this.fed = new Arena(target, FED);
    this.numbers = new Arena(target, FED);
    this.gradients = new Gradients(this.backend, arena);
    this.products = this.backend;
    this.dropoutSeeds = new DropoutSeeds(target, fed);
  }

  /**
   * Rounds the factors of products to a number format in the steps to come, those of gradients
   * included, and with them what activations keep for the way back; {@link ElementType#F32} at
   * first. All else stays in 32-bit floats.
   *
   * @throws BackendUnavailableException if the backend cannot
   */
  public void multiplyIn(ElementType factors) {
    this.factors = factors;
    products = recorder.products(factors);
    gradients.multiplyWith(products);
  }

  /** Returns what it rounds the factors of products to. */
  public ElementType factors() {
    return factors;
  }

  /** Returns what computes its products. */
  public Products products() {
    return products;
  }

  /** Returns what runs the kernels of this tape's operations. */
  public Backend backend() {
    return backend;
  }

  public Arena arena() {
    return arena;
  }

  Gradients gradients() {
    return gradients;
  }

  /** Returns the most memory of steps that was in use at once, in bytes. */
  public long peakBytes() {
    return arena.peakBytes() + fed.peakBytes() + numbers.peakBytes();
  }

  /**
   * Begins a step that will be played back, with dropout on; values of the step before are gone.
   *
   * @param seeds of dropout, one a lane
   */
  public void startTraining(long... seeds) {
    reset(true, seeds);
  }

  /**
   * Begins a step as {@link #startTraining} does, of which {@link #plan} makes a plan.
   *
   * @param parameters all that may learn in it
   */
  public void startPlanning(List<Var> parameters, long... seeds) {
    reset(true, seeds);
    planned = parameters.stream().map(Plan.Learning::of).toList();
    recorder.start();
  }

  /**
   * Returns what runs the step again that just ran back; null where something in it depends on what
   * the host read or wrote.
   */
  public Plan plan() {
    Recorder.Kernels kernels = recorder.stop();
    return kernels == null || graph != null
        ? null
        : new Plan(target, kernels, fedNumbers, feeds, dropoutSeeds, planned);
  }

  /** Begins a step without gradients and without dropout; values of the step before are gone. */
  public void startEvaluation() {
    reset(false);
  }

  // ---- what the host gives

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
    int[] now = values.get();
    Tensor to = fed.take(ElementType.I32, now.length);
    target.write(now, to);
    if (graph != null) {
      graph.name(to, name);
    }
    fedNumbers.add(new FedBlock.Part(values, to.place()));
    return to;
  }

  /** The same with floats. */
  public Tensor floats(Supplier<float[]> values) {
    float[] now = values.get();
    Tensor to = fed.take(now.length);
    target.write(now, 0, to, 0, now.length);
    fedNumbers.add(FedBlock.Part.ofFloats(values, to.place()));
    return to;
  }

  /**
   * Hands what somebody computes to kernels, as a value that nothing learns through and that stays
   * for the step; a plan asks for it anew.
   *
   * @param fill writes it with kernels of {@link #backend}, which are none of this step's
   */
  public Var input(Consumer<Tensor> fill, int... shape) {
    Tensor to = fed.take(shape);
    recorder.pause(() -> fill.accept(to));
    Tensor place = to.place();
    feeds.add(target -> fill.accept(place));
    return Var.constant(to);
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
    this.lane = lane;
  }

  /** Whether this step has gradients and dropout. */
  public boolean isTraining() {
    return training;
  }

  /** Whether operations are derived by a graph, so that all must be made of kernels. */
  public boolean isGraph() {
    return graph != null;
  }

  /** Plays the recorded operations back from every loss of this step. */
  public void backward() {
    if (graph != null) {
      derive();
      return;
    }
    for (int i = nodes.size() - 1; i >= 0; i--) {
      Node node = nodes.get(i);
      if (node.out == null) {
        node.back.run(null);
      } else if (node.out.hasGradient()) {
        Tensor dy = node.out.gradient();
        node.back.run(dy);
        dy.release();
      }
      for (Tensor saved : node.saved) {
        if (saved != null) {
          saved.release();
        }
      }
    }
    releaseLingering();
    nodes.clear();
  }

  private void derive() {
    nodes.clear();
    List<Var> parameters = List.copyOf(learning);
    List<float[]> all = graph.gradients(parameters.stream().map(Var::value).toList());
    for (int i = 0; i < all.size(); i++) {
      float[] own = all.get(i);
      gradients.give(parameters.get(i), to -> target.write(own, 0, to, 0, own.length));
    }
  }

  /** Says that the caller will not read this value again. */
  public void done(Var x) {
    if (!x.isLeaf()) {
      x.value().release();
    }
  }

  /** Says that the caller will not read this scratch tensor of the arena again. */
  public void done(Tensor scratch) {
    scratch.release();
  }

  // ---- products

  /** {@code x·wᵀ + bias}: x {@code [n, in]}, w {@code [out, in]}, bias {@code [out]} or null. */
  public Var linear(Var x, Var w, Var bias) {
    Tensor in = x.value();
    Weight weight = w.weight();
    Shapes.requireProduct("multiply", in, in.columns(), weight, weight.columns());
    Tensor y = arena.take(in.rows(), weight.rows());
    weight.linear(products, in, bias == null ? null : bias.value(), y);
    Var out = output(y, x, w, bias);
    record(
        out,
        dy -> {
          gradients.accumulate(x, (dx, beta) -> weight.linearBackward(products, dy, beta, dx));
          gradients.product(w, true, dy, false, in, 1);
          if (bias != null) {
            gradients.sum(bias, dy);
          }
        },
        w.learns() ? in : null,
        x.learns() ? w.kept() : null);
    return out;
  }

  /**
   * {@code x·wᵀ + bias} with a bias for each lane's rows, null for none; bit for bit what {@link
   * #linear(Var, Var, Var)} gives of those rows, where the kernel's sums do not depend on how many
   * there are.
   */
  public Var linear(Var x, Var w, Var[] biases, Lanes lanes) {
    if (Arrays.stream(biases).allMatch(Objects::isNull)) {
      return linear(x, w, null);
    }
    Tensor in = x.value();
    Weight weight = w.weight();
    Shapes.requireProduct("multiply", in, in.columns(), weight, weight.columns());
    Tensor y = arena.take(in.rows(), weight.rows());
    Tensor[] added = new Tensor[biases.length];
    Arrays.setAll(added, i -> biases[i] == null ? null : biases[i].value());
    weight.linear(products, in, added, lanes, y);
    boolean learns = learns(x, w) || learns(biases);
    Var out = output(y, learns);
    record(
        out,
        dy -> {
          gradients.accumulate(x, (dx, beta) -> weight.linearBackward(products, dy, beta, dx));
          gradients.product(w, true, dy, false, in, 1);
          for (int i = 0; i < biases.length; i++) {
            if (biases[i] != null) {
              gradients.sum(biases[i], lanes.of(dy, i));
            }
          }
        },
        w.learns() ? in : null,
        x.learns() ? w.kept() : null);
    return out;
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
    return lowRank(base, new DroppedInput(x, 0, null), a, b, scale);
  }

  /** The same of x after dropout of probability p while training; x keeps its values. */
  public Var lowRank(Var base, Var x, float p, Var a, Var b, float scale) {
    if (dropsWithin(x, p, a)) {
      return lowRank(base, dropped(x, p), a, b, scale);
    }
    Var input = dropoutOfCopy(x, p);
    Var y = lowRank(base, input, a, b, scale);
    doneUnless(x, input);
    return y;
  }

  private Var lowRank(Var base, DroppedInput input, Var a, Var b, float scale) {
    Var x = input.x();
    Tensor in = x.value();
    Shapes.requireProduct("multiply", in, in.columns(), a.value(), a.value().columns());
    Tensor inner = arena.take(in.rows(), a.value().rows());
    input.times(backend, products, a.value(), inner);
    boolean learns = learns(base, x, a, b);
    Tensor y = consume(base);
    products.gemm(false, true, scale, inner, b.value(), 1, y);
    Var out = output(y, learns);
    record(
        out,
        dy -> {
          gradients.share(base, dy);
          gradients.product(b, true, dy, false, inner, scale);
          if (x.learns() || a.learns()) {
            Tensor dInner = arena.take(in.rows(), a.value().rows());
            products.gemm(false, false, scale, dy, b.value(), 0, dInner);
            input.back(backend, gradients, a, dInner);
            releaseAfterOthers(dInner, a);
          }
        },
        a.learns() ? in : null,
        a.value(),
        b.value(),
        b.learns() ? inner : null);
    releaseAfterOthers(inner, a);
    return out;
  }

  /** {@code drop(x)·wᵀ}, of x after dropout of probability p while training; x keeps its values. */
  public Var linearOfDropped(Var x, float p, Var w) {
    if (!dropsWithin(x, p, w)) {
      Var input = dropoutOfCopy(x, p);
      Var y = linear(input, w, null);
      doneUnless(x, input);
      return y;
    }
    Tensor in = x.value();
    Shapes.requireProduct("multiply", in, in.columns(), w.value(), w.value().columns());
    DroppedInput input = dropped(x, p);
    Tensor y = arena.take(in.rows(), w.value().rows());
    input.times(backend, products, w.value(), y);
    Var out = output(y, x, w);
    record(
        out,
        dy -> input.back(backend, gradients, w, dy),
        w.learns() ? in : null,
        x.learns() ? w.value() : null);
    return out;
  }

  /** Whether products with w draw the dropout of x themselves. */
  private boolean dropsWithin(Var x, float p, Var w) {
    return training
        && p > 0
        && graph == null
        && w.kept() != null
        && products.areSmall(x.value().rows(), w.value().rows(), w.value().columns());
  }

  /**
   * Gives back what a product with w left; later, where others of its kind may run together with it
   * if they do not get the same memory.
   */
  private void releaseAfterOthers(Tensor inner, Var w) {
    if (!products.areSmall(inner.rows(), w.value().rows(), w.value().columns())) {
      inner.release();
      return;
    }
    lingering.add(inner);
    if (lingering.size() > MOST_LINGERING) {
      lingering.remove().release();
    }
  }

  private void releaseLingering() {
    lingering.forEach(Tensor::release);
    lingering.clear();
  }

  private DroppedInput dropped(Var x, float p) {
    return new DroppedInput(x, p, dropoutSeeds.next(lane));
  }

  private void doneUnless(Var x, Var input) {
    if (input != x) {
      done(input);
    }
  }

  // ---- elementwise

  /** {@code a + alpha·b}; consumes a. */
  public Var addScaled(Var a, float alpha, Var b) {
    Shapes.requireSame("add", a.value(), b.value());
    boolean learns = learns(a, b);
    Tensor y = consume(a);
    backend.addScaled(alpha, b.value(), y);
    Var out = output(y, learns);
    record(
        out,
        dy -> {
          gradients.share(a, dy);
          if (alpha == 1) {
            gradients.share(b, dy);
          } else {
            gradients.give(b, db -> backend.scale(alpha, dy, db));
          }
        });
    return out;
  }

  /** {@code a ⊙ b}. */
  public Var multiply(Var a, Var b) {
    Shapes.requireSame("multiply element by element", a.value(), b.value());
    Tensor y = arena.take(a.value().shape());
    backend.multiply(a.value(), b.value(), y);
    Var out = output(y, a, b);
    record(
        out,
        dy -> {
          gradients.give(a, da -> backend.multiply(dy, b.value(), da));
          gradients.give(b, db -> backend.multiply(dy, a.value(), db));
        },
        a.value(),
        b.value());
    return out;
  }

  /** {@code tanh(x)}. */
  public Var tanh(Var x) {
    Tensor y = arena.take(x.value().shape());
    backend.tanh(x.value(), y);
    Var out = output(y, x);
    record(out, dy -> gradients.give(x, dx -> backend.tanhBackward(y, dy, dx)), y);
    return out;
  }

  /** {@code GELU(x + bias)}; bias {@code [columns]} or null. */
  public Var gelu(Var x, Var bias) {
    Tensor in = x.value();
    Tensor shift = bias == null ? null : bias.value();
    Tensor y = arena.take(in.shape());
    backend.gelu(in, shift, y);
    Var out = output(y, x, bias);
    Tensor kept = keep(out, in);
    record(
        out,
        dy -> {
          Tensor dx = dy.isSolelyHeld() ? dy.retain() : arena.take(in.shape());
          restore(
              (before, from, rows) ->
                  backend.geluBackward(
                      before[0], shift, dy.slice(from, rows), dx.slice(from, rows)),
              kept);
          if (bias != null) {
            gradients.sum(bias, dx);
          }
          gradients.share(x, dx);
          dx.release();
        },
        kept);
    kept.release();
    return out;
  }

  /** {@code SiLU(gate) ⊙ up}. */
  public Var swiglu(Var gate, Var up) {
    Tensor y = arena.take(gate.value().shape());
    backend.swiglu(gate.value(), up.value(), y);
    Var out = output(y, gate, up);
    Tensor keptGate = keep(out, gate.value());
    Tensor keptUp = keep(out, up.value());
    record(
        out,
        dy -> {
          Tensor dGate = arena.take(dy.shape());
          Tensor dUp = arena.take(dy.shape());
          restore(
              (before, from, rows) ->
                  backend.swigluBackward(
                      before[0],
                      before[1],
                      dy.slice(from, rows),
                      dGate.slice(from, rows),
                      dUp.slice(from, rows)),
              keptGate,
              keptUp);
          gradients.share(gate, dGate);
          gradients.share(up, dUp);
          dGate.release();
          dUp.release();
        },
        keptGate,
        keptUp);
    keptGate.release();
    keptUp.release();
    return out;
  }

  /** Returns what to save of an activation's input, in half the memory where products round it. */
  private Tensor keep(Var out, Tensor x) {
    if (!out.learns() || factors != ElementType.BF16) {
      return x.retain();
    }
    Tensor half = arena.take(factors, x.shape());
    backend.copy(x, half);
    return half;
  }

  /** A way back over some rows, with what was kept of them as 32-bit floats. */
  private interface RowsBack {
    void run(Tensor[] before, int from, int rows);
  }

  /** Runs a way back, over few rows at a time where they must be widened first. */
  private void restore(RowsBack back, Tensor... kept) {
    int all = kept[0].rows();
    if (kept[0].type() == ElementType.F32) {
      back.run(kept, 0, all);
      return;
    }
    int most = Math.max(WIDENED_ROWS, target.passRows());
    Tensor[] wide = new Tensor[kept.length];
    Arrays.setAll(wide, i -> arena.take(Math.min(all, most), kept[i].columns()));
    for (int from = 0; from < all; from += most) {
      int rows = Math.min(most, all - from);
      Tensor[] before = new Tensor[kept.length];
      for (int i = 0; i < kept.length; i++) {
        before[i] = wide[i].slice(0, rows);
        backend.copy(kept[i].slice(from, rows), before[i]);
      }
      back.run(before, from, rows);
    }
    for (Tensor each : wide) {
      each.release();
    }
  }

  /** {@code alpha·x}. */
  public Var scale(Var x, float alpha) {
    Tensor y = arena.take(x.value().shape());
    backend.scale(alpha, x.value(), y);
    Var out = output(y, x);
    record(out, dy -> gradients.give(x, dx -> backend.scale(alpha, dy, dx)));
    return out;
  }

  /** Dropout of probability p while training, x itself otherwise; consumes x. */
  public Var dropout(Var x, float p) {
    if (!training || p == 0) {
      return x;
    }
    boolean learns = learns(x);
    Tensor y = consume(x);
    return dropout(p, y, y, x, learns);
  }

  /** The same with the dropout of each lane on its rows. */
  public Var dropout(Var x, float p, Lanes lanes) {
    if (!training || p == 0) {
      return x;
    }
    Tensor[] seeds = new Tensor[lanes.count()];
    Arrays.setAll(seeds, dropoutSeeds::next);
    boolean learns = learns(x);
    Tensor y = consume(x);
    drop(y, p, seeds, lanes, y);
    Var out = output(y, learns);
    record(out, dy -> gradients.give(x, dx -> drop(dy, p, seeds, lanes, dx)));
    return out;
  }

  /** Dropout of probability p while training, x itself otherwise; x keeps its values. */
  public Var dropoutOfCopy(Var x, float p) {
    if (!training || p == 0) {
      return x;
    }
    return dropout(p, x.value(), arena.take(x.value().shape()), x, learns(x));
  }

  private Var dropout(float p, Tensor from, Tensor y, Var x, boolean learns) {
    Tensor seed = dropoutSeeds.next(lane);
    backend.dropout(from, p, seed, y);
    Var out = output(y, learns);
    record(out, dy -> gradients.give(x, dx -> backend.dropout(dy, p, seed, dx)));
    return out;
  }

  private void drop(Tensor x, float p, Tensor[] seeds, Lanes lanes, Tensor y) {
    for (int i = 0; i < seeds.length; i++) {
      backend.dropout(lanes.of(x, i), p, seeds[i], lanes.of(y, i));
    }
  }

  // ---- what methods make themselves

  /** The same values in another shape of as many elements. */
  public Var reshape(Var x, int... shape) {
    Tensor y = x.value().retain().reshape(shape);
    Var out = output(y, x);
    record(out, dy -> gradients.share(x, dy.reshape(x.value().shape())));
    return out;
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
    Var out = output(value, inputs);
    record(out, back::accept, saved.toArray(Tensor[]::new));
    return out;
  }

  /**
   * Inverses of square blocks {@code [blocks·side, side]}, one under the other, where a {@link
   * #isGraph graph} computes.
   */
  public Var inverses(Var blocks) {
    Tensor y = arena.take(blocks.value().shape());
    graph.invert(blocks.value(), y);
    return output(y, blocks);
  }

  /** On the way back, lets a kernel that overwrites produce the gradient of an input. */
  public void give(Var input, Consumer<Tensor> kernel) {
    gradients.give(input, kernel);
  }

  // ---- lanes

  /**
   * Cuts x into the rows of lanes. x stays as it is; once it is {@link #done}, operations that
   * consume a part write into x's memory.
   */
  public Var[] split(Var x, Lanes lanes) {
    requireRows(x, lanes);
    if (lanes.count() == 1) {
      x.value().retain();
      return new Var[] {x};
    }
    boolean learns = learns(x);
    Var.Cut cut = new Var.Cut(x, lanes, learns);
    if (learns) {
      nodes.add(new Node(null, dy -> gradients.gather(cut)));
    }
    return cut.parts();
  }

  /** Puts the rows of lanes together; consumes them, without a copy where all lie in one memory. */
  public Var join(Var[] parts, Lanes lanes) {
    if (parts.length == 1) {
      return parts[0];
    }
    boolean learns = learns(parts);
    Tensor[] rows = new Tensor[parts.length];
    Arrays.setAll(rows, i -> parts[i].value());
    Tensor y = Tensor.joined(rows);
    if (y != null) {
      y.retain();
    } else {
      y = arena.take(lanes.rows(), rows[0].columns());
      for (int i = 0; i < rows.length; i++) {
        backend.copy(rows[i], lanes.of(y, i));
      }
    }
    for (Var part : parts) {
      done(part);
    }
    Var out = output(y, learns);
    record(
        out,
        dy -> {
          for (int i = 0; i < parts.length; i++) {
            if (parts[i].learns()) {
              Tensor part = dy.part(lanes.from(i), lanes.rows(i));
              gradients.share(parts[i], part);
              part.release();
            }
          }
        });
    return out;
  }

  private static void requireRows(Var x, Lanes lanes) {
    if (x.value().rows() != lanes.rows()) {
      throw new IllegalArgumentException("Cannot cut " + x.value() + " into " + lanes);
    }
  }

  // ---- rows

  /** {@code x[i,j] + v[j]}; consumes x. */
  public Var addRow(Var x, Var v) {
    Shapes.requireLength("shift " + x.value(), v.value(), x.value().columns());
    boolean learns = learns(x, v);
    Tensor y = consume(x);
    backend.addRow(y, v.value(), y);
    Var out = output(y, learns);
    record(
        out,
        dy -> {
          gradients.share(x, dy);
          gradients.sum(v, dy);
        });
    return out;
  }

  /** {@code x[i,j]·v[j]}. */
  public Var multiplyRow(Var x, Var v) {
    Tensor in = x.value();
    Shapes.requireLength("scale " + in, v.value(), in.columns());
    Tensor y = arena.take(in.shape());
    backend.multiplyRow(in, v.value(), y);
    Var out = output(y, x, v);
    record(
        out,
        dy -> {
          gradients.accumulate(v, (dv, beta) -> backend.dotRows(dy, in, beta, dv));
          gradients.give(x, dx -> backend.multiplyRow(dy, v.value(), dx));
        },
        v.learns() ? in : null,
        v.value());
    return out;
  }

  /** {@code x[i,j]·v[i]}. */
  public Var multiplyColumn(Var x, Var v) {
    Tensor in = x.value();
    Shapes.requireLength("scale the rows of " + in, v.value(), in.rows());
    Tensor y = arena.take(in.shape());
    backend.multiplyColumn(in, v.value(), y);
    Var out = output(y, x, v);
    record(
        out,
        dy -> {
          gradients.accumulate(v, (dv, beta) -> backend.dotColumns(dy, in, beta, dv));
          gradients.give(x, dx -> backend.multiplyColumn(dy, v.value(), dx));
        },
        v.learns() ? in : null,
        v.value());
    return out;
  }

  /** Rows {@code table[ids[i]]} as {@code [ids, columns]}. */
  public Var gather(Var table, Tensor ids) {
    return gather(table, ids, ids);
  }

  /**
   * Rows {@code table[ids[i]]}, whose gradient goes to the rows {@code gradientIds}; negative ones
   * get none (a padding row that stays as it is).
   */
  public Var gather(Var table, Tensor ids, Tensor gradientIds) {
    boolean learns = learns(table);
    Weight rows = table.weight();
    Tensor y = arena.take((int) ids.size(), rows.columns());
    rows.gather(backend, ids, false, y);
    Var out = output(y, learns);
    record(out, dy -> gradients.scatter(table, dy, gradientIds));
    return out;
  }

  /** {@code x[i] + table[ids[i]]}; consumes x. */
  public Var addGathered(Var x, Var table, Tensor ids, Tensor gradientIds) {
    boolean learns = learns(x, table);
    Tensor y = consume(x);
    table.weight().gather(backend, ids, true, y);
    Var out = output(y, learns);
    record(
        out,
        dy -> {
          gradients.share(x, dy);
          gradients.scatter(table, dy, gradientIds);
        });
    return out;
  }

  /**
   * Columns {@code x[i, ids[j]]} as {@code [rows, ids]}.
   *
   * @param ids the same in every step of a plan
   */
  public Var gatherColumns(Var x, int... ids) {
    int count = x.value().columns();
    Tensor starts = ints(() -> IntStream.rangeClosed(0, ids.length).toArray());
    Tensor columns = ints(ids::clone);
    Tensor y = arena.take(x.value().rows(), ids.length);
    backend.sumColumns(x.value(), starts, columns, y);
    Var out = output(y, x);
    if (out.learns()) {
      int[] ends = new int[count + 1];
      for (int id : ids) {
        ends[id + 1]++;
      }
      Arrays.parallelPrefix(ends, Integer::sum);
      int[] next = ends.clone();
      int[] taken = new int[ids.length];
      for (int j = 0; j < ids.length; j++) {
        taken[next[ids[j]]++] = j;
      }
      Tensor backStarts = ints(() -> ends);
      Tensor backColumns = ints(() -> taken);
      record(
          out, dy -> gradients.give(x, dx -> backend.sumColumns(dy, backStarts, backColumns, dx)));
    }
    return out;
  }

  // ---- normalisation, attention

  /** {@code LayerNorm(x + residual)}; consumes x unless residual is null. */
  public Var layerNorm(Var x, Var residual, Var gamma, Var beta, float epsilon) {
    boolean learns = learns(x, residual, gamma, beta);
    Tensor sum = residual == null ? x.value().retain() : consume(x);
    Tensor y = arena.take(sum.shape());
    Tensor mean = arena.take(sum.rows());
    Tensor rstd = arena.take(sum.rows());
    Tensor other = residual == null ? null : residual.value();
    backend.layerNorm(sum, other, gamma.value(), beta.value(), epsilon, y, mean, rstd);
    Var out = output(y, learns);
    record(
        out,
        dy -> {
          Tensor dSum = dy.isSolelyHeld() ? dy.retain() : arena.take(sum.shape());
          backend.layerNormBackward(
              sum,
              gamma.value(),
              mean,
              rstd,
              dy,
              dSum,
              gradients.zeroed(gamma),
              gradients.zeroed(beta));
          gradients.share(x, dSum);
          if (residual != null) {
            gradients.share(residual, dSum);
          }
          dSum.release();
        },
        sum,
        mean,
        rstd,
        gamma.value());
    sum.release();
    mean.release();
    rstd.release();
    return out;
  }

  /** RMS norm of x. */
  public Var rmsNorm(Var x, Var gamma, float epsilon) {
    Tensor in = x.value();
    Tensor y = arena.take(in.shape());
    Tensor rstd = arena.take(in.rows());
    backend.rmsNorm(in, gamma.value(), epsilon, y, rstd);
    Var out = output(y, x, gamma);
    record(
        out,
        dy -> {
          Tensor dx = dy.isSolelyHeld() ? dy.retain() : arena.take(in.shape());
          backend.rmsNormBackward(in, gamma.value(), rstd, dy, dx, gradients.zeroed(gamma));
          gradients.share(x, dx);
          dx.release();
        },
        in,
        rstd,
        gamma.value());
    rstd.release();
    return out;
  }

  /**
   * Masked softmax attention; shapes as in {@link Backend#attention}; dropout only while training.
   */
  public Var attention(AttentionShape shape, Var q, Var k, Var v, Tensor mask) {
    return attention(List.of(shape), q, k, v, List.of(mask));
  }

  /** The same for lanes, each with a shape of its own, whose rows lie one after the other. */
  public Var attention(List<AttentionShape> shapes, Var q, Var k, Var v, List<Tensor> masks) {
    return attention(shapes, q, k, v, masks, new Var[shapes.size()]);
  }

  /**
   * The same with what is added to the scores of each lane, null for nothing.
   *
   * @param biases shapes as in {@link Backend#attention}
   */
  public Var attention(
      List<AttentionShape> shapes, Var q, Var k, Var v, List<Tensor> masks, Var[] biases) {
    int count = shapes.size();
    Lanes asking = lanes(shapes, shape -> shape.batch() * shape.queries());
    Lanes seen = lanes(shapes, shape -> shape.batch() * shape.tokens());
    AttentionShape[] dropping = new AttentionShape[count];
    Tensor[] seeds = new Tensor[count];
    Tensor[] logSums = new Tensor[count];
    Tensor[] added = new Tensor[count];
    Tensor y = arena.take(q.value().shape());
    for (int i = 0; i < count; i++) {
      AttentionShape shape = shapes.get(i);
      boolean drops = training && shape.dropout() > 0;
      seeds[i] = drops ? dropoutSeeds.next(count == 1 ? lane : i) : null;
      shape = shape.withDropout(drops ? shape.dropout() : 0).withFactors(factors);
      dropping[i] = shape;
      added[i] = biases[i] == null ? null : biases[i].value();
      logSums[i] = arena.take(shape.batch() * shape.heads(), shape.queries());
      backend.attention(
          shape,
          asking.of(q.value(), i),
          seen.of(k.value(), i),
          seen.of(v.value(), i),
          masks.get(i),
          seeds[i],
          added[i],
          asking.of(y, i),
          logSums[i]);
    }
    boolean learns = learns(q, k, v) || learns(biases);
    Var out = output(y, learns);
    List<Tensor> saved = new ArrayList<>(List.of(q.value(), k.value(), v.value(), y));
    saved.addAll(Arrays.asList(logSums));
    saved.addAll(Arrays.asList(added));
    record(
        out,
        dy -> {
          Tensor dq = gradients.gradientOrNull(q);
          Tensor dk = gradients.gradientOrNull(k);
          Tensor dv = gradients.gradientOrNull(v);
          for (int i = 0; i < count; i++) {
            AttentionShape shape = dropping[i];
            Tensor dBias =
                biases[i] != null && biases[i].learns()
                    ? arena.take(shape.heads() * shape.batch() * shape.queries(), shape.tokens())
                    : null;
            backend.attentionBackward(
                shape,
                asking.of(q.value(), i),
                seen.of(k.value(), i),
                seen.of(v.value(), i),
                masks.get(i),
                seeds[i],
                added[i],
                asking.of(y, i),
                logSums[i],
                asking.of(dy, i),
                dq == null ? null : asking.of(dq, i),
                dk == null ? null : seen.of(dk, i),
                dv == null ? null : seen.of(dv, i),
                dBias);
            if (dBias != null) {
              shareBias(biases[i], dBias, shape);
            }
          }
          gradients.shareAndRelease(q, dq);
          gradients.shareAndRelease(k, dk);
          gradients.shareAndRelease(v, dv);
        },
        saved.toArray(Tensor[]::new));
    for (Tensor logSum : logSums) {
      logSum.release();
    }
    return out;
  }

  /** Hands on the gradient of a bias, added up over the scores that share it; releases it. */
  private void shareBias(Var bias, Tensor dBias, AttentionShape shape) {
    int sharing = shape.heads() * shape.batch() / shape.biasGroups(bias.value());
    Tensor own = sharing == 1 ? dBias : arena.take(dBias.rows() / sharing, shape.tokens());
    if (sharing > 1) {
      int rows = shape.queries();
      for (int i = 0; i < shape.heads() * shape.batch(); i++) {
        Tensor part = dBias.slice(i * rows, rows);
        Tensor to = own.slice(i / sharing * rows, rows);
        if (i % sharing == 0) {
          backend.copy(part, to);
        } else {
          backend.addScaled(1, part, to);
        }
      }
      dBias.release();
    }
    gradients.share(bias, own.reshape(bias.value().shape()));
    own.release();
  }

  private static Lanes lanes(List<AttentionShape> shapes, ToIntFunction<AttentionShape> rows) {
    return Lanes.of(shapes.stream().mapToInt(rows).toArray());
  }

  /** Rotary position embedding; cos and sin {@code [tokens, headWidth/2]}; consumes x. */
  public Var rotary(Var x, Tensor cos, Tensor sin, int headWidth) {
    boolean learns = x.learns();
    Tensor y = consume(x);
    backend.rotary(y, cos, sin, headWidth, false, y);
    Var out = output(y, learns);
    record(out, dy -> gradients.give(x, dx -> backend.rotary(dy, cos, sin, headWidth, true, dx)));
    return out;
  }

  // ---- losses

  /**
   * Makes the mean cross-entropy over labels that are not negative a loss of this step.
   *
   * @param labels {@code I32}
   * @return where it will be, {@code F64} of one element
   */
  public Tensor crossEntropy(Var logits, Tensor labels) {
    return loss(
        logits, (gradient, loss) -> backend.crossEntropy(logits.value(), labels, gradient, loss));
  }

  /** Makes the mean squared error a loss of this step; returns where it will be. */
  public Tensor meanSquaredError(Var x, Tensor wanted) {
    return loss(x, (gradient, loss) -> backend.meanSquaredError(x.value(), wanted, gradient, loss));
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
    Tensor matrix = x.value();
    int side = ofRows ? matrix.rows() : matrix.columns();
    Tensor excess = arena.take(side, side);
    backend.copy(floats(() -> identity(side)), excess);
    backend.gemm(!ofRows, ofRows, 1, matrix, matrix, -1, excess);
    Tensor loss = numbers.take(ElementType.F64, 1);
    backend.normalise(excess, weight, loss);
    if (learns(x)) {
      Tensor gradient = arena.take(matrix.shape());
      if (ofRows) {
        backend.gemm(false, false, 2, excess, matrix, 0, gradient);
      } else {
        backend.gemm(false, false, 2, matrix, excess, 0, gradient);
      }
      nodes.add(new Node(null, dy -> gradients.share(x, gradient), gradient));
    }
    excess.release();
    return loss.place();
  }

  /** Makes {@code weight·‖x‖}, of all elements, a loss of this step; returns where it will be. */
  public Tensor norm(Var x, double weight) {
    Tensor gradient = arena.take(x.value().shape());
    backend.copy(x.value(), gradient);
    Tensor loss = numbers.take(ElementType.F64, 1);
    backend.normalise(gradient, weight, loss);
    if (learns(x)) {
      nodes.add(new Node(null, dy -> gradients.share(x, gradient), gradient));
    } else {
      gradient.release();
    }
    return loss.place();
  }

  private static float[] identity(int side) {
    float[] identity = new float[side * side];
    for (int i = 0; i < side; i++) {
      identity[i * side + i] = 1;
    }
    return identity;
  }

  /** Returns the value of a loss of this step, once it is computed. */
  public double number(Tensor loss) {
    return target.numbers(loss)[0];
  }

  private interface Loss {
    void compute(Tensor gradient, Tensor loss);
  }

  private Tensor loss(Var x, Loss loss) {
    Tensor value = numbers.take(ElementType.F64, 1);
    if (!learns(x)) {
      loss.compute(null, value);
      return value.place();
    }
    Tensor gradient = arena.take(x.value().shape());
    loss.compute(gradient, value);
    nodes.add(new Node(null, dy -> gradients.share(x, gradient), gradient));
    return value.place();
  }

  @Override
  public void close() {
    nodes.clear();
    arena.close();
    fed.close();
    numbers.close();
  }

  // ---- bookkeeping

  private void reset(boolean trains, long... seeds) {
    nodes.clear();
    lingering.clear();
    fedNumbers.clear();
    feeds.clear();
    recorder.cancel();
    arena.reset();
    fed.reset();
    numbers.reset();
    if (graph != null) {
      graph.begin();
      learning.clear();
    }
    training = trains;
    dropoutSeeds = new DropoutSeeds(target, fed, seeds);
    lane = 0;
  }

  /**
   * Whether a gradient is computed for any of an operation's inputs; to be asked before a kernel
   * chooses rows of one, for graphs that choose otherwise then.
   */
  public boolean learns(Var... inputs) {
    boolean learns = false;
    if (training) {
      for (Var input : inputs) {
        if (input != null && input.learns()) {
          learns = true;
          if (graph != null && input.isLeaf() && learning.add(input)) {
            graph.learn(input.value());
          }
        }
      }
    }
    return learns;
  }

  private Var output(Tensor value, Var... inputs) {
    return Var.intermediate(value, learns(inputs));
  }

  private static Var output(Tensor value, boolean learns) {
    return Var.intermediate(value, learns);
  }

  private void record(Var out, Back back, Tensor... saved) {
    if (out.learns()) {
      for (Tensor tensor : saved) {
        if (tensor != null) {
          tensor.retain();
        }
      }
      nodes.add(new Node(out, back, saved));
    }
  }

  /** Returns a tensor with x's values to write into: x's own memory if nobody else needs it. */
  private Tensor consume(Var x) {
    if (!x.isLeaf() && x.value().isSolelyHeld()) {
      return x.value();
    }
    Tensor copy = arena.take(x.value().shape());
    backend.copy(x.value(), copy);
    done(x);
    return copy;
  }
}
