package org.peftsweep.compute;

import java.util.ArrayList;
import java.util.List;

/** How {@link KernelCheck} uses the kernels that end a training step. */
final class StepUses {
  private static final int ROWS = 67;
  private static final int COLUMNS = 260;

  private StepUses() {}

  static void crossEntropy(KernelBench bench, Backend on) {
    Tensor logits = bench.normal(ROWS, COLUMNS);
    Tensor loss = bench.numbers(1);
    on.crossEntropy(logits, bench.ints(ROWS, -1, COLUMNS), logits, loss);
    bench.result(logits, loss);
  }

  static void addNumber(KernelBench bench, Backend on) {
    Tensor sum = bench.numbers(1);
    Tensor number = bench.numbers(1);
    on.fill(number, 1.25f);
    on.addNumber(0.5, number, sum);
    bench.result(sum);
  }

  static void addNumbers(KernelBench bench, Backend on) {
    Tensor[] sums = {bench.numbers(1), bench.numbers(1), bench.numbers(1)};
    Tensor[] numbers = {bench.numbers(1), bench.numbers(1)};
    on.fill(numbers[0], 1.25f);
    on.fill(numbers[1], -3.5f);
    Tensor[] from = {numbers[0], numbers[1], numbers[1], numbers[0]};
    Tensor[] to = {sums[2], sums[0], sums[2], sums[1]};
    on.addNumbers(new double[] {0.5, 2, 0.125, 3}, from, to);
    bench.result(sums);
  }

  static void append(KernelBench bench, Backend on) {
    Tensor[] numbers = {bench.numbers(2), bench.numbers(1)};
    Tensor[] lists = {bench.numbers(7), bench.numbers(4)};
    for (int time = 1; time <= 3; time++) {
      on.fill(numbers[0], 0.5f * time);
      on.fill(numbers[1], -time);
      on.append(numbers, lists);
    }
    bench.result(numbers);
    bench.result(lists);
  }

  /** Of one list and of several: one that is clipped, one of nothing, and two that are not. */
  static void clip(KernelBench bench, Backend on) {
    List<Tensor> alone =
        List.of(bench.normal(ROWS, COLUMNS), bench.normal(3), bench.normal(COLUMNS));
    Tensor norm = bench.numbers(1);
    on.clip(alone, 1, norm);
    alone.forEach(bench::result);
    List<List<Tensor>> groups =
        List.of(
            List.of(bench.normal(ROWS, COLUMNS), bench.normal(3)),
            List.of(),
            List.of(bench.normal(COLUMNS)),
            List.of(bench.normal(5), bench.normal(2)));
    Tensor[] norms = {norm, bench.numbers(1), bench.numbers(1), bench.numbers(1)};
    on.clip(groups, new double[] {1, 1, 0, 100}, norms);
    groups.forEach(group -> group.forEach(bench::result));
    bench.result(norms);
  }

  static void adamW(KernelBench bench, Backend on) {
    List<Moments> parameters = new ArrayList<>();
    for (int rows : new int[] {ROWS, 1, 7}) {
      parameters.add(
          new Moments(
              bench.normal(rows, COLUMNS),
              bench.normal(rows, COLUMNS),
              bench.normal(rows, COLUMNS),
              bench.positive(rows, COLUMNS)));
    }
    float[] steps = new float[AdamStep.LENGTH * parameters.size()];
    for (int i = 0; i < parameters.size(); i++) {
      new AdamStep(1e-2f * (i + 1), 0.9f, 0.99f, 1e-6f, 0.1f, 0.1, 0.01)
          .write(steps, AdamStep.LENGTH * i);
    }
    Tensor step = bench.normal(parameters.size(), AdamStep.LENGTH);
    on.write(steps, 0, step, 0, steps.length);
    on.adamW(parameters, step);
    parameters.forEach(each -> bench.result(each.parameter(), each.first(), each.second()));
  }
}
