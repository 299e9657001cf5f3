package org.peftsweep.method;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.ExchangedAdapter;
import org.peftsweep.method.adapter.LowRankStart;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TrainedTensors;
import org.peftsweep.optim.Id;

/**
 * Vector-based random matrix adaptation: {@code y = Wx + d_b ⊙ B(d ⊙ Ax) + b}, where one frozen
 * random pair A {@code [rank, widest in]}, B {@code [widest out, rank]} serves all targets, each of
 * which uses its first columns and rows, and the vectors d {@code [rank]} and d_b {@code [out]}
 * learn.
 *
 * <p>Kopiczko et al., arXiv:2310.11454, §3. A and B are uniform in ±√(6/columns) (Kaiming), d_b is
 * zero, so that step 0 equals the base model.
 *
 * @param rank inner dimension, at least 1
 * @param initial start of d
 * @param projectionSeed draws A and B; no trial's seed changes them
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 */
@Id("vera")
public record VeRA(int rank, double initial, long projectionSeed, double dropout)
    implements Method {
  public VeRA {
    Settings.rank(rank);
    Settings.positive("initial", initial);
    Settings.fraction("dropout", dropout);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    List<Linear> targets = to.projections();
    if (targets.isEmpty()) {
      return MethodHooks.PASSIVE;
    }
    Backend backend = to.backend();
    Linear first = targets.get(0);
    int in = targets.stream().mapToInt(Linear::in).max().getAsInt();
    int out = targets.stream().mapToInt(Linear::out).max().getAsInt();
    Parameter a = frozen(backend, first, "vera_A", rank, in);
    Parameter b = frozen(backend, first, "vera_B", out, rank);
    Map<Integer, Parameter> narrow = new HashMap<>();
    narrow.put(in, a);
    for (Linear linear : targets) {
      List<Parameter> pair = linear == first ? List.of(a, b) : List.of();
      List<Parameter> owned = new ArrayList<>(pair);
      if (!narrow.containsKey(linear.in())) {
        Parameter part = columns(backend, linear, a.value());
        narrow.put(linear.in(), part);
        owned.add(part);
      }
      Parameter inner = vector(backend, linear, "vera_lambda_d", rank);
      backend.fill(inner.value(), (float) initial);
      Parameter outer = vector(backend, linear, "vera_lambda_b", linear.out());
      Var rows = Var.constant(b.value().slice(0, linear.out()));
      owned.add(inner.train(backend));
      owned.add(outer.train(backend));
      linear.attach(
          new Scaled(
              narrow.get(linear.in()).var(), rows, inner, outer, (float) dropout, pair, owned));
    }
    return MethodHooks.PASSIVE;
  }

  private Parameter frozen(Backend backend, Linear owner, String name, int rows, int columns) {
    Parameter parameter =
        Parameter.zeros(
            backend, owner.name() + "." + name, owner.role(), owner.layer(), rows, columns);
    SplittableRandom random = new Seeds(projectionSeed).random(name);
    double bound = Math.sqrt(6.0 / columns);
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) ((2 * random.nextDouble() - 1) * bound);
    }
    backend.write(values, 0, parameter.value(), 0, values.length);
    return parameter;
  }

  /** The first columns of A, packed. */
  private static Parameter columns(Backend backend, Linear linear, Tensor a) {
    Parameter part =
        Parameter.zeros(
            backend,
            linear.name() + ".vera_A",
            linear.role(),
            linear.layer(),
            a.rows(),
            linear.in());
    for (int row = 0; row < a.rows(); row++) {
      Memory memory = a.memory();
      backend.copy(
          new Tensor(memory, a.offset() + (long) row * a.columns(), 1, linear.in()),
          part.value().slice(row, 1));
    }
    return part;
  }

  private static Parameter vector(Backend backend, Linear linear, String name, int length) {
    return Parameter.zeros(
        backend, linear.name() + "." + name, linear.role(), linear.layer(), length);
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(
        PeftForm.of("VERA")
            .deciding("r", rank)
            .deciding("save_projection", true)
            .other("projection_prng_key", projectionSeed)
            .other("d_initial", initial)
            .other("vera_dropout", dropout)
            .other("init_weights", true));
  }

  /** The rank may be above a matrix's sides, but the pair has to be an array. */
  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    Method.super.requireFit(outline, targets);
    for (Linear linear : outline.projections()) {
      int most = Integer.MAX_VALUE / Math.max(linear.out(), linear.in());
      if (targets.contains(linear.role()) && rank > most) {
        throw LowRankStart.tooLarge("rank", rank, linear, most);
      }
    }
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank + out;
  }

  /**
   * The adapter of one target.
   *
   * @param a {@code [rank, in]}, b {@code [out, rank]}: shared
   * @param pair the whole of A and B with the first target, empty with the others
   * @param parameters those that this target holds for others are among them
   */
  private record Scaled(
      Var a,
      Var b,
      Parameter inner,
      Parameter outer,
      float dropout,
      List<Parameter> pair,
      List<Parameter> parameters)
      implements ExchangedAdapter {
    @Override
    public boolean addsToProduct() {
      return true;
    }

    @Override
    public Var apply(Tape tape, Linear base, Var x, Var product) {
      Var down = tape.linearOfDropped(x, dropout, a);
      Var scaled = tape.multiplyRow(down, inner.var());
      tape.done(down);
      Var up = tape.linear(scaled, b, null);
      tape.done(scaled);
      Var update = tape.multiplyRow(up, outer.var());
      tape.done(up);
      Var y = tape.addScaled(product, 1, update);
      tape.done(update);
      return base.addBias(tape, y);
    }

    @Override
    public List<Parameter> kept() {
      return List.of(inner, outer);
    }

    /** PEFT keeps the pair once, above the model's modules. */
    @Override
    public void write(SafeTensorsWriter tensors, Backend backend) {
      kept()
          .forEach(
              own -> TrainedTensors.add(tensors, PeftFolder.PREFIX + own.name(), own, backend));
      pair.forEach(shared -> TrainedTensors.add(tensors, name(shared), shared, backend));
    }

    @Override
    public Map<String, float[]> drawn(Backend backend) {
      Map<String, float[]> drawn = new HashMap<>();
      pair.forEach(shared -> drawn.put(name(shared), TrainedTensors.floats(shared, backend)));
      return drawn;
    }

    private static String name(Parameter shared) {
      return "base_model" + shared.name().substring(shared.name().lastIndexOf('.'));
    }

    @Override
    public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
      Memory memory = backend.allocate(a.value().size() + b.value().size());
      Tensor right = new Tensor(memory, 0, a.value().shape());
      Tensor left = new Tensor(memory, a.value().size(), b.value().shape());
      backend.multiplyColumn(a.value(), inner.value(), right);
      backend.multiplyColumn(b.value(), outer.value(), left);
      backend.gemm(false, false, 1, left, right, 1, weight);
      backend.free(memory);
    }
  }
}
