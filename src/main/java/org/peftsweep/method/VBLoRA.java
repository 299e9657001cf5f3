package org.peftsweep.method;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.ExchangedAdapter;
import org.peftsweep.method.adapter.Matrices;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Places;
import org.peftsweep.method.adapter.VectorBank;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;
import org.peftsweep.optim.Optimizer;

/**
 * LoRA whose factors are put together from one bank of vectors that all targets share: {@code y =
 * Wx + B·A·x + b}, where every piece of a row of A and of a column of B is a mixture of the {@code
 * top} vectors of largest logits. {@link VectorBank} has the mixture; vectors and logits learn.
 *
 * <p>Li et al., arXiv:2405.15179, §3. As in PEFT vectors are uniform in ±0.02, logits normal with a
 * deviation of 0.1, and nothing scales the product, so that step 0 differs from the base model a
 * little.
 *
 * @param rank inner dimension, at least 1
 * @param vectors in the bank, at least 1
 * @param length of a vector, a divisor of the rows and columns of each target
 * @param top vectors of a mixture, from 1 to vectors
 * @param logitsRatio rate of logits over that of the vectors
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 */
@Id("vblora")
public record VBLoRA(int rank, int vectors, int length, int top, double logitsRatio, double dropout)
    implements Method {
  private static final double BOUND = 0.02;
  private static final double DEVIATION = 0.1;

  public VBLoRA {
    Settings.rank(rank);
    Settings.between("vectors", vectors, 1, Settings.MOST);
    Settings.between("length", length, 1, Settings.MOST);
    Settings.between("top", top, 1, vectors);
    Settings.positive("logits-ratio", logitsRatio);
    Settings.fraction("dropout", dropout);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    List<Linear> targets = to.projections();
    Parameter shared = to.shared(targets, "vblora_vector_bank", vectors, length);
    VectorBank bank = new VectorBank(to.uniform(shared, BOUND), top);
    Map<Integer, Places> orders = new HashMap<>();
    for (Linear linear : targets) {
      List<Parameter> kept = new ArrayList<>();
      if (linear == targets.get(0)) {
        kept.add(shared);
      }
      Parameter a = logits(to, linear, "vblora_logits_A", rank, linear.in() / length);
      Parameter b = logits(to, linear, "vblora_logits_B", linear.out() / length, rank);
      kept.addAll(List.of(a, b));
      List<Parameter> all = new ArrayList<>(kept);
      if (!orders.containsKey(linear.out())) {
        Places order = order(to, linear);
        orders.put(linear.out(), order);
        all.add(order.parameter());
      }
      Factors factors = new Factors(bank, to.backend(), a, b, orders.get(linear.out()));
      linear.attach(new Mixed(factors, rank, (float) dropout, all, kept));
    }
    return MethodHooks.PASSIVE;
  }

  private Parameter logits(AttachContext to, Linear linear, String name, int rows, int columns) {
    Parameter logits = to.learning(linear, name, rows, columns, vectors);
    logits.scaleRate(logitsRatio);
    return to.normal(logits, 0, DEVIATION);
  }

  /**
   * Where the elements of B {@code [out, rank]} are in pieces {@code [out/length, rank, length]}.
   */
  private Places order(AttachContext to, Linear linear) {
    int[] order = new int[linear.out() * rank];
    for (int i = 0; i < order.length; i++) {
      int row = i / rank;
      order[i] = (row / length * rank + i % rank) * length + row % length;
    }
    return Places.of(to.backend(), linear, "vblora_order", order);
  }

  /** Layers share what learns. */
  @Override
  public boolean adaptsLayers() {
    return false;
  }

  @Override
  public boolean startsAtBase() {
    return false;
  }

  @Override
  public boolean takes(Optimizer optimizer) {
    return optimizer.takesRatios();
  }

  /** As LoRA with the factors that the vectors make. */
  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(PeftForm.lora(rank, rank, dropout).converted());
  }

  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    Method.super.requireFit(outline, targets);
    for (Linear linear : outline.projections()) {
      if (targets.contains(linear.role())
          && (linear.out() % length != 0 || linear.in() % length != 0)) {
        throw new IllegalArgumentException(
            "Cannot use length = %d: %s is %d x %d, give a divisor of both"
                .formatted(length, linear.name(), linear.out(), linear.in()));
      }
    }
  }

  @Override
  public int leastSide() {
    return rank;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * (out / length + in / length) * vectors;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    long logits = Method.super.trainable(outline, targets);
    return logits == 0 ? 0 : logits + (long) vectors * length;
  }

  @Override
  public String label() {
    return "VB-LoRA";
  }

  /** What makes a target's A and B. */
  private record Factors(
      VectorBank bank, Backend backend, Parameter ofA, Parameter ofB, Places order) {
    Var a(Tape tape, int rank, int in) {
      Var pieces = bank.mix(tape, backend, ofA);
      Var a = tape.reshape(pieces, rank, in);
      tape.done(pieces);
      return a;
    }

    Var b(Tape tape, int out, int rank) {
      Var pieces = bank.mix(tape, backend, ofB);
      Var b = Matrices.gather(tape, pieces, order.numbers(), out, rank);
      tape.done(pieces);
      return b;
    }
  }

  private record Mixed(
      Factors factors, int rank, float dropout, List<Parameter> parameters, List<Parameter> kept)
      implements ExchangedAdapter {
    @Override
    public boolean addsToProduct() {
      return true;
    }

    @Override
    public Var apply(Tape tape, Linear base, Var x, Var product) {
      Var a = factors.a(tape, rank, base.in());
      Var b = factors.b(tape, base.out(), rank);
      Var y = tape.lowRank(product, x, dropout, a, b, 1);
      tape.done(a);
      tape.done(b);
      return base.addBias(tape, y);
    }

    @Override
    public void write(SafeTensorsWriter tensors, Backend backend) {
      Parameter ofA = factors.ofA;
      int length = factors.bank.vectors().value().columns();
      int in = ofA.shape()[1] * length;
      int out = factors.ofB.shape()[0] * length;
      try (Tape tape = new Tape(backend)) {
        tape.startEvaluation();
        String module = PeftFolder.PREFIX + ofA.module();
        Tensor a = factors.a(tape, rank, in).value();
        tensors.add(module + ".lora_A.weight", List.of((long) rank, (long) in), read(backend, a));
        Tensor b = factors.b(tape, out, rank).value();
        tensors.add(module + ".lora_B.weight", List.of((long) out, (long) rank), read(backend, b));
      }
    }

    private static float[] read(Backend backend, Tensor tensor) {
      float[] values = new float[Math.toIntExact(tensor.size())];
      backend.read(tensor, 0, values, 0, values.length);
      return values;
    }

    @Override
    public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
      try (Tape tape = new Tape(backend)) {
        tape.startEvaluation();
        Tensor a = factors.a(tape, rank, base.in()).value();
        Tensor b = factors.b(tape, base.out(), rank).value();
        backend.gemm(false, false, 1, b, a, 1, weight);
      }
    }
  }
}
