package org.peftsweep.method.adapter;

import java.util.List;
import java.util.stream.Stream;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;

/**
 * {@code y = Wx + scale·(B·A − B₀·A₀)·x + b}: trains a low-rank part of the weight itself while the
 * weight that trials share stays as it is. Equal to training B and A over the residual {@code W −
 * scale·B₀·A₀}; dropout acts on the input of A only.
 *
 * @param start A₀ and B₀, frozen
 */
public record ResidualAdapter(LowRank update, LowRank start) implements ExchangedAdapter {
  private static final String START = "_start.weight";

  /** Returns the start of a trained adapter from its kept tensors. */
  public static LowRankStart start(SafeTensors kept, Linear linear) {
    String a = linear.name() + ".lora_A" + START;
    int rank = Math.toIntExact(kept.info(a).shape().get(0));
    return new LowRankStart(kept.floats(a), kept.floats(linear.name() + ".lora_B" + START), rank);
  }

  /** Makes an adapter that begins at a start, and so changes nothing yet. */
  public static ResidualAdapter of(
      AttachContext to, Linear linear, LowRankStart from, float scale, float dropout) {
    Backend backend = to.backend();
    int rank = from.rank();
    LowRank update = LowRank.zeros(backend, linear, ".weight", rank, scale, dropout);
    LowRank start = LowRank.zeros(backend, linear, START, rank, -scale, 0);
    for (LowRank pair : List.of(update, start)) {
      backend.write(from.a(), 0, pair.a().value(), 0, from.a().length);
      backend.write(from.b(), 0, pair.b().value(), 0, from.b().length);
    }
    update.a().train(backend);
    update.b().train(backend);
    return new ResidualAdapter(update, start);
  }

  @Override
  public boolean addsToProduct() {
    return true;
  }

  @Override
  public Var apply(Tape tape, Linear base, Var x, Var product) {
    return base.addBias(tape, update.addTo(tape, x, start.addTo(tape, x, product)));
  }

  @Override
  public List<Parameter> parameters() {
    return Stream.concat(update.parameters().stream(), start.parameters().stream()).toList();
  }

  @Override
  public List<Parameter> read() {
    return update.parameters();
  }

  /** One pair of twice the rank, {@code [B, −B₀]·[A; A₀]}: plain LoRA of the unchanged weight. */
  @Override
  public void write(SafeTensorsWriter tensors, Backend backend) {
    int rank = update.a().value().rows();
    int in = update.a().value().columns();
    int out = update.b().value().rows();
    float[] a = new float[2 * rank * in];
    backend.read(update.a().value(), 0, a, 0, rank * in);
    backend.read(start.a().value(), 0, a, rank * in, rank * in);
    float[] b = new float[out * 2 * rank];
    for (int row = 0; row < out; row++) {
      backend.read(update.b().value(), (long) row * rank, b, row * 2 * rank, rank);
      backend.read(start.b().value(), (long) row * rank, b, (row * 2 + 1) * rank, rank);
      for (int i = 0; i < rank; i++) {
        b[(row * 2 + 1) * rank + i] *= -1;
      }
    }
    tensors.add(PeftFolder.PREFIX + update.a().name(), List.of(2L * rank, (long) in), a);
    tensors.add(PeftFolder.PREFIX + update.b().name(), List.of((long) out, 2L * rank), b);
  }

  @Override
  public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
    start.addTo(backend, weight);
    update.addTo(backend, weight);
  }
}
