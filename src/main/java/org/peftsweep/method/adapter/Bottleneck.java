package org.peftsweep.method.adapter;

import java.util.List;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Activations;
import org.peftsweep.model.BlockAdapter;
import org.peftsweep.model.Norm;
import org.peftsweep.model.Parameter;

/**
 * The unified view of adapters (He et al., arXiv:2110.04366, §3): {@code h ← h + s·up(f(down(z)))}
 * with h what a sub-layer adds, and z a value that the kind of adapter chooses. LoRA is the same of
 * a matrix in place of a sub-layer, with z its input and f the identity; a prefix is the same of
 * attention, with f a softmax (there §3.1).
 *
 * @param scale s
 */
public record Bottleneck(Affine down, Affine up, Activation activation, float scale, Reads reads)
    implements BlockAdapter {
  /** What an adapter reads. */
  public enum Reads {
    /** What the sub-layer adds: sequential. */
    OUTPUT,
    /** The norm of the residual sum, where there is one; else what the sub-layer adds. */
    NORMED_SUM,
    /** What the sub-layer reads: parallel. */
    INPUT
  }

  /** The function in between. */
  public enum Activation {
    RELU(Activations::relu),
    SWISH(Matrices::swish),
    GELU((tape, x) -> tape.gelu(x, null));

    private final BiFunction<Tape, Var, Var> function;

    Activation(BiFunction<Tape, Var, Var> function) {
      this.function = function;
    }
  }

  @Override
  public Var apply(Tape tape, Norm norm, Var residual, Var input, Var output) {
    Var read = read(tape, norm, residual, input, output);
    Var inner = down.of(tape, read);
    if (read != input && read != output) {
      tape.done(read);
    }
    Var active = activation.function.apply(tape, inner);
    tape.done(inner);
    Var change = up.of(tape, active);
    tape.done(active);
    Var y = tape.addScaled(output, scale, change);
    tape.done(change);
    return y;
  }

  private Var read(Tape tape, Norm norm, Var residual, Var input, Var output) {
    return switch (reads) {
      case INPUT -> input;
      case OUTPUT -> output;
      case NORMED_SUM -> norm == null ? output : norm.ofSum(tape, tape.scale(output, 1), residual);
    };
  }

  @Override
  public List<Parameter> parameters() {
    return Stream.concat(down.parameters().stream(), up.parameters().stream()).toList();
  }

  @Override
  public List<Parameter> kept() {
    return Stream.concat(down.kept().stream(), up.kept().stream()).toList();
  }
}
