package org.peftsweep.compute.cuda;

import static org.peftsweep.compute.ElementType.F32;
import static org.peftsweep.compute.ElementType.F64;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.peftsweep.compute.AdamStep;
import org.peftsweep.compute.Moments;
import org.peftsweep.compute.Sizes;
import org.peftsweep.compute.Tensor;

/**
 * Launches of {@code optimiser.cu}: one for as many tensors as an argument can list, of however
 * many trials.
 */
final class Optimiser {
  private static final String FAMILY = "optimiser";
  private static final int STRETCH = 8192;
  private static final int MOST_TENSORS = 126;
  private static final int MOST_MOMENTS = 72;
  private static final int SLOTS_OF_TENSOR = 4;
  private static final int MOST_GROUPS = 126;
  private static final int SLOTS_OF_GROUP = 4;
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

  void clip(List<List<Tensor>> gradients, double[] most, Tensor[] norms) {
    List<Tensor> all = gradients.stream().flatMap(List::stream).toList();
    int groups = most.length;
    // A factor for each group, then the sums.
    long factors =
        launcher.rooms().at(Rooms.Room.NUMBERS, (long) (groups + stretches(all)) * Double.BYTES);
    long sums = factors + (long) groups * Double.BYTES;
    sumSquares(all, sums);
    factors(gradients, most, norms, sums, factors);
    if (Arrays.stream(most).anyMatch(each -> each > 0)) {
      int[] of = groups(gradients);
      inParts(
          all,
          of,
          (members, first, count) ->
              call("scale_all").address(factors).structure(members).run(Grid.blocks(count)));
    }
  }

  /** Returns the number of each tensor's group. */
  private static int[] groups(List<List<Tensor>> gradients) {
    return IntStream.range(0, gradients.size())
        .flatMap(group -> gradients.get(group).stream().mapToInt(each -> group))
        .toArray();
  }

  private void factors(
      List<List<Tensor>> gradients, double[] most, Tensor[] norms, long sums, long factors) {
    int before = 0;
    for (int from = 0; from < most.length; from += MOST_GROUPS) {
      int some = Math.min(MOST_GROUPS, most.length - from);
      long[] members = new long[1 + SLOTS_OF_GROUP * MOST_GROUPS];
      members[0] = some;
      int at = 1;
      for (int group = from; group < from + some; group++) {
        int own = stretches(gradients.get(group));
        members[at++] = before;
        members[at++] = own;
        members[at++] = Double.doubleToRawLongBits(most[group]);
        members[at++] = DeviceMemory.address(launcher.device(), norms[group], F64);
        before += own;
      }
      call("clip_factors")
          .address(sums)
          .address(factors + (long) from * Float.BYTES)
          .structure(members)
          .run(Grid.blocks(some));
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
    return launcher.rooms().at(Rooms.Room.NUMBERS, (1L + sums) * Double.BYTES);
  }

  private void sumSquares(List<Tensor> tensors, long sums) {
    inParts(
        tensors,
        new int[tensors.size()],
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

  private void inParts(List<Tensor> tensors, int[] groups, Part part) {
    int before = 0;
    for (int from = 0; from < tensors.size(); from += MOST_TENSORS) {
      List<Tensor> some = tensors.subList(from, Math.min(tensors.size(), from + MOST_TENSORS));
      long[] members = new long[1 + SLOTS_OF_TENSOR * MOST_TENSORS];
      members[0] = some.size();
      int at = 1;
      int count = 0;
      for (int i = 0; i < some.size(); i++) {
        Tensor tensor = some.get(i);
        members[at++] = address(tensor);
        members[at++] = tensor.size();
        members[at++] = count;
        members[at++] = groups[from + i];
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
