package org.peftsweep.compute.samediff;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Token ids and mask {@code [examples, tokens]}, and all else that a pass reads of a batch as
 * operations on them: so a graph that was recorded with one batch takes others, of any number of
 * examples.
 *
 * <p>What the numbers of a kind are made of is read off those of the recorded batch, and held to
 * all of them.
 *
 * @param tokens of a row
 * @param mask of the batch to record, {@link #EXAMPLES} rows of several lengths
 * @param hasTypes whether token types are an input too
 */
public record Placeholders(int tokens, int[] mask, boolean hasTypes)
    implements SameDiffGraph.Inputs {
  /** Rows of the batch to record: two tell how numbers grow with the example, others check it. */
  public static final int EXAMPLES = 4;

  /** Token ids. */
  public static final String IDS = "ids";

  /** 1 for a token, 0 for padding. */
  public static final String MASK = "mask";

  /** Token types. */
  public static final String TYPES = "types";

  /**
   * Makes those of rows of a length.
   *
   * @param hasTypes whether token types are an input too
   */
  public static Placeholders of(int tokens, boolean hasTypes) {
    int[] mask = new int[EXAMPLES * tokens];
    for (int i = 0; i < mask.length; i++) {
      int row = i / tokens;
      // No straight line, which would be taken for numbers that grow.
      int length = tokens - (row == 0 ? 0 : row * row + 1);
      mask[i] = i % tokens < Math.max(1, length) ? 1 : 0;
    }
    return new Placeholders(tokens, mask, hasTypes);
  }

  @Override
  public SDVariable of(SameDiff graph, String name, int... numbers) {
    SDVariable made =
        switch (name) {
          case "ids" -> after(graph, input(graph, IDS), numbers);
          case "mask", "extended mask" -> after(graph, input(graph, MASK), numbers);
          case "types" ->
              hasTypes ? after(graph, input(graph, TYPES), numbers) : rows(graph, numbers);
          case "rows", "places after" -> rows(graph, numbers);
          case "positions" -> grows(numbers) ? rows(graph, numbers) : counted(graph, numbers);
          case "places", "tokens" ->
              grows(numbers) ? rows(graph, numbers) : lastReal(graph, numbers);
          default -> null;
        };
    return made == null ? null : graph.reshape(graph.castTo(made, DataType.INT), 1, -1);
  }

  private SDVariable input(SameDiff graph, String name) {
    return graph.hasVariable(name)
        ? graph.getVariable(name)
        : graph.placeHolder(name, DataType.INT, -1, tokens);
  }

  private SDVariable floats(SameDiff graph, String name) {
    return graph.castTo(input(graph, name), DataType.FLOAT);
  }

  /** Puts what every example has in front before an input. */
  private SDVariable after(SameDiff graph, SDVariable input, int... numbers) {
    int more = numbers.length / EXAMPLES - tokens;
    if (more == 0) {
      return input;
    }
    int[] first = Arrays.copyOf(numbers, more);
    require(i -> first[i % (more + tokens)], i -> i % (more + tokens) < more, numbers);
    SDVariable before = graph.mmul(ones(graph), row(graph, first));
    return graph.concat(1, before, graph.castTo(input, DataType.FLOAT));
  }

  /** Whether numbers of an example are those of the first, and as much more with each example. */
  private boolean grows(int... numbers) {
    int length = numbers.length / EXAMPLES;
    return IntStream.range(0, numbers.length)
        .allMatch(i -> numbers[i] == grown(numbers, length, i));
  }

  private static int grown(int[] numbers, int length, int i) {
    int column = i % length;
    return numbers[column] + i / length * (numbers[length + column] - numbers[column]);
  }

  private SDVariable rows(SameDiff graph, int... numbers) {
    int length = numbers.length / EXAMPLES;
    require(i -> grown(numbers, length, i), i -> true, numbers);
    int[] first = Arrays.copyOf(numbers, length);
    int[] step = new int[length];
    Arrays.setAll(step, i -> numbers[length + i] - numbers[i]);
    return graph
        .mmul(ones(graph), row(graph, first))
        .add(graph.mmul(places(graph), row(graph, step)));
  }

  /** Positions that count the tokens of a row; padding has one of its own. */
  private SDVariable counted(SameDiff graph, int... numbers) {
    int start = numbers[0];
    int padding = IntStream.range(0, mask.length).filter(i -> mask[i] == 0).findFirst().orElse(0);
    int none = numbers[padding];
    int[] seen = mask.clone();
    for (int i = 0; i < seen.length; i++) {
      seen[i] += i % tokens == 0 ? 0 : seen[i - 1];
    }
    require(i -> mask[i] == 0 ? none : start + seen[i] - 1, i -> true, numbers);
    SDVariable real = floats(graph, MASK);
    return graph.cumsum(real, false, false, 1).add(start - 1 - none).mul(real).add(none);
  }

  /** Places of each row's right-most token. */
  private SDVariable lastReal(SameDiff graph, int... numbers) {
    int[] last = new int[EXAMPLES];
    for (int i = 0; i < mask.length; i++) {
      last[i / tokens] = mask[i] == 0 ? last[i / tokens] : i % tokens;
    }
    int first = numbers[0] - last[0];
    int step = numbers[1] - last[1] - first;
    require(i -> first + i * step + last[i], i -> true, numbers);
    int[] counted = IntStream.rangeClosed(1, tokens).toArray();
    SDVariable places = floats(graph, MASK).mul(row(graph, counted)).max(true, 1);
    SDVariable atLeast = graph.math().max(places, ones(graph));
    return atLeast.add(first - 1).add(places(graph).mul(step));
  }

  /** Ones {@code [examples, 1]}. */
  private SDVariable ones(SameDiff graph) {
    return floats(graph, IDS).sum(true, 1).mul(0).add(1);
  }

  /** The number of each example {@code [examples, 1]}, from 0. */
  private SDVariable places(SameDiff graph) {
    return graph.cumsum(ones(graph), true, false, 0);
  }

  private static SDVariable row(SameDiff graph, int... numbers) {
    return graph.constant(
        Nd4j.createFromArray(numbers).castTo(DataType.FLOAT).reshape(1, numbers.length));
  }

  private interface Rule {
    int at(int i);
  }

  private interface Applies {
    boolean to(int i);
  }

  private static void require(Rule rule, Applies applies, int... numbers) {
    for (int i = 0; i < numbers.length; i++) {
      if (applies.to(i) && numbers[i] != rule.at(i)) {
        throw new IllegalStateException(
            "Cannot tell how " + numbers[i] + " at " + i + " comes from a batch");
      }
    }
  }
}
