package org.peftsweep.compute.cuda;

import static org.peftsweep.compute.ElementType.F32;

import java.util.List;
import org.peftsweep.compute.AdamStep;
import org.peftsweep.compute.Moments;
import org.peftsweep.compute.Sizes;
import org.peftsweep.compute.Tensor;

/** Launches of {@code optimiser.cu}: one for as many tensors as an argument can list. */
final class Optimiser {
  private static final String FAMILY = "optimiser";
  private static final int STRETCH = 8192;
  private static final int MOST_TENSORS = 128;
  private static final int MOST_MOMENTS = 72;
  private static final int SLOTS_OF_TENSOR = 3;
  private static final int SLOTS_OF_MOMENTS = 6;

  private static final Grid ONE_BLOCK = Grid.blocks(1);

  private final Launcher launcher;
  private final Elementwise elementwise;

  Optimiser(Launcher launcher, Elementwise elementwise) {
    this.launcher = launcher;
    this.elementwise = elementwise;
  }

  private Launcher call(String name) {
    return launcher.call(FAMILY, name);
  }

  void clip(List<Tensor> gradients, double most, Tensor norm) {
    long factor = factor(stretches(gradients));
    sumSquares(gradients, factor + Double.BYTES);
    call("clip_factor")
        .address(factor + Double.BYTES)
        .value(stretches(gradients))
        .value(most)
        .doubles(norm)
        .address(factor)
        .run(ONE_BLOCK);
    if (most > 0) {
      inParts(
          gradients,
          (members, first, count) ->
              call("scale_all").address(factor).structure(members).run(Grid.blocks(count)));
    }
  }

  void normalise(Tensor x, double weight, Tensor norm) {
    List<Tensor> one = List.of(x);
    long factor = factor(stretches(one));
    sumSquares(one, factor + Double.BYTES);
    call("normalise_factor")
        .address(factor + Double.BYTES)
        .value(stretches(one))
        .value(weight)
        .doubles(norm)
        .address(factor)
        .run(ONE_BLOCK);
    elementwise.scaleBy(factor, x);
  }

  /** Returns where a factor goes, with room for so many sums behind it. */
  private long factor(int sums) {
    return launcher.room(Launcher.Room.NUMBERS, (1L + sums) * Double.BYTES);
  }

  private void sumSquares(List<Tensor> tensors, long sums) {
    inParts(
        tensors,
        (members, first, count) ->
            call("squares").address(sums).value(first).structure(members).run(Grid.blocks(count)));
  }

  /** What to do with some tensors, given as a structure. */
  private interface Part {
    /**
     * Does it.
     *
     * @param first number of stretches before those of these tensors
     * @param count number of theirs
     */
    void run(long[] members, int first, int count);
  }

  private void inParts(List<Tensor> tensors, Part part) {
    int before = 0;
    for (int from = 0; from < tensors.size(); from += MOST_TENSORS) {
      List<Tensor> some = tensors.subList(from, Math.min(tensors.size(), from + MOST_TENSORS));
      long[] members = new long[1 + SLOTS_OF_TENSOR * MOST_TENSORS];
      members[0] = some.size();
      int at = 1;
      int count = 0;
      for (Tensor tensor : some) {
        members[at++] = address(tensor);
        members[at++] = tensor.size();
        members[at++] = count;
        count += stretches(tensor);
      }
      if (count > 0) {
        part.run(members, before, count);
      }
      before += count;
    }
  }

  void adamW(List<Moments> parameters, Tensor steps) {
    Sizes.count("adamW", (long) AdamStep.LENGTH * parameters.size(), steps);
    for (int from = 0; from < parameters.size(); from += MOST_MOMENTS) {
      List<Moments> some =
          parameters.subList(from, Math.min(parameters.size(), from + MOST_MOMENTS));
      long[] members = new long[1 + SLOTS_OF_MOMENTS * MOST_MOMENTS];
      members[0] = some.size();
      int at = 1;
      int count = 0;
      for (Moments each : some) {
        Tensor parameter = each.parameter();
        Sizes.count("adamW", parameter.size(), each.gradient(), each.first(), each.second());
        members[at++] = address(parameter);
        members[at++] = address(each.gradient());
        members[at++] = address(each.first());
        members[at++] = address(each.second());
        members[at++] = parameter.size();
        members[at++] = count;
        count += stretches(parameter);
      }
      if (count > 0) {
        call("adam_w").floats(steps).value(from).structure(members).run(Grid.blocks(count));
      }
    }
  }

  private long address(Tensor tensor) {
    return DeviceMemory.address(launcher.device(), tensor, F32);
  }

  private static int stretches(List<Tensor> tensors) {
    return tensors.stream().mapToInt(Optimiser::stretches).sum();
  }

  private static int stretches(Tensor tensor) {
    return Math.toIntExact((tensor.size() + STRETCH - 1) / STRETCH);
  }
}
