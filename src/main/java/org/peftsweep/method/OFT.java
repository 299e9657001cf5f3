package org.peftsweep.method;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Var;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.Cayley;
import org.peftsweep.method.adapter.Matrices;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Places;
import org.peftsweep.method.adapter.RotationAdapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Orthogonal fine-tuning: {@code y = W·(x·R) + b} with R block-diagonal of rotations, Cayley's
 * transforms of skew-symmetric blocks whose upper triangles learn.
 *
 * <p>Qiu et al., arXiv:2306.07280, §3; the rotation of the input and the triangles are those of
 * arXiv:2506.19847 and PEFT, whose exact transform this is. Triangles start at zero, so that step 0
 * equals the base model.
 *
 * @param blockSize sides of a block, at least 2, which must divide the columns of each target
 */
@Id("oft")
public record OFT(int blockSize) implements Method {
  public OFT {
    Settings.between("block-size", blockSize, 2, Settings.MOST_RANK);
  }

  /** What all targets of one width share. */
  private record Shared(Places triangles, Places diagonal) {}

  @Override
  public MethodHooks attach(AttachContext to) {
    Map<Integer, Shared> shared = new HashMap<>();
    for (Linear linear : to.projections()) {
      int in = linear.in();
      int blocks = in / blockSize;
      Parameter learnt =
          to.learning(linear, "oft_R.weight", blocks, blockSize * (blockSize - 1) / 2);
      boolean isFirst = !shared.containsKey(in);
      Shared places = shared.computeIfAbsent(in, width -> shared(to.backend(), linear, blocks));
      Cayley cayley = new Cayley(learnt, blocks, blockSize, places.triangles);
      List<Parameter> all =
          isFirst
              ? List.of(learnt, places.triangles.parameter(), places.diagonal.parameter())
              : List.of(learnt);
      linear.attach(
          new RotationAdapter(
              all,
              List.of(learnt),
              (tape, x) -> {
                Var rotations = cayley.rotations(tape);
                Var whole = Matrices.scatter(tape, rotations, places.diagonal.numbers(), in, in);
                tape.done(rotations);
                Var turned = Matrices.product(tape, x, whole);
                tape.done(whole);
                return turned;
              },
              null));
    }
    return MethodHooks.PASSIVE;
  }

  private Shared shared(Backend backend, Linear linear, int blocks) {
    return new Shared(
        Places.of(backend, linear, "oft_triangles", Cayley.upper(blocks, blockSize)),
        Places.of(backend, linear, "oft_diagonal", diagonal(blocks, blockSize, null)));
  }

  /**
   * Returns where the elements of blocks {@code [blocks·side, side]} are in the block-diagonal
   * matrix of them, its rows and columns permuted: row i there is row {@code order[i]} of the
   * blocks.
   *
   * @param order null for none
   */
  static int[] diagonal(int blocks, int side, int[] order) {
    int width = blocks * side;
    int[] back = new int[width];
    for (int i = 0; i < width; i++) {
      back[order == null ? i : order[i]] = i;
    }
    int[] places = new int[width * side];
    for (int i = 0; i < places.length; i++) {
      int row = i / side;
      int column = row / side * side + i % side;
      places[i] = back[row] * width + back[column];
    }
    return places;
  }

  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    Method.super.requireFit(outline, targets);
    Blocks.require(outline, targets, "block-size", blockSize, false);
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(
        PeftForm.of("OFT")
            .deciding("r", 0)
            .deciding("oft_block_size", blockSize)
            .deciding("use_cayley_neumann", false)
            .other("init_weights", true));
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) in * (blockSize - 1) / 2;
  }
}
