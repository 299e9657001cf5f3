package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Test;
import org.peftsweep.compute.nd4j.Nd4jBackend;

class Nd4jBackendTest {
  private static final int WIDTH = 48;

  /** Trains two small layers on shared frozen weights and returns the losses. */
  private static List<Double> train(Backend backend, Tensor frozen, int steps, int lengths) {
    List<Double> losses = new ArrayList<>();
    Random random = new Random(5);
    Memory memory = backend.allocate(2L * WIDTH * WIDTH);
    Tensor weight = new Tensor(memory, 0, WIDTH, WIDTH);
    backend.fill(weight, 0.01f);
    Var w = Var.parameter(weight, new Tensor(memory, WIDTH * WIDTH, WIDTH, WIDTH));
    try (Tape tape = new Tape(backend)) {
      for (int step = 0; step < steps; step++) {
        int tokens = 4 + step % lengths;
        AttentionShape shape = new AttentionShape(2, tokens, 3, 3, WIDTH / 3, false, 0.1f);
        float[] values = new float[2 * tokens * WIDTH];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) random.nextGaussian();
        }
        tape.startTraining(step);
        Tensor input = tape.arena().take(2 * tokens, WIDTH);
        backend.write(values, 0, input, 0, values.length);
        int[] mask = new int[2 * tokens];
        Arrays.fill(mask, 1);
        Var x = tape.linear(Var.constant(input), Var.constant(frozen), null);
        Var y = tape.linear(x, w, null);
        Var z = tape.attention(shape, y, x, y, tape.ints(() -> mask));
        losses.add(HostKernels.meanSquaredError(tape, tape.gelu(z, null), values));
        tape.backward();
        backend.addScaled(-0.05f, w.gradient(), weight);
        w.clearGradient();
      }
    }
    backend.free(memory);
    return losses;
  }

  private static Tensor frozen(Backend backend) {
    Tensor frozen = new Tensor(backend.allocate(WIDTH * WIDTH), 0, WIDTH, WIDTH);
    float[] values = new float[WIDTH * WIDTH];
    Random random = new Random(1);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() / 7);
    }
    backend.write(values, 0, frozen, 0, values.length);
    return frozen;
  }

  @Test
  void twoInstancesInTwoThreadsShareWeightsAndAgreeWithOneAlone() throws Exception {
    try (Backend owner = new Nd4jBackend(1)) {
      Tensor shared = frozen(owner);
      List<Double> alone = train(owner, shared, 30, 3);
      ExecutorService pool = Executors.newFixedThreadPool(2);
      List<Future<List<Double>>> both = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        both.add(
            pool.submit(
                () -> {
                  try (Backend backend = new Nd4jBackend(1)) {
                    return train(backend, shared, 30, 3);
                  }
                }));
      }
      for (Future<List<Double>> losses : both) {
        assertThat(losses.get()).isEqualTo(alone);
      }
      pool.shutdown();
      assertThat(alone).doesNotHaveDuplicates();
    }
  }

  @Test
  void memoryOutsideTheHeapDoesNotGrowWithSteps() {
    try (Backend backend = new Nd4jBackend(1)) {
      Tensor shared = frozen(backend);
      train(backend, shared, 400, 5);
      long before = bytesOutsideTheHeap();
      train(backend, shared, 800, 5);
      assertThat(bytesOutsideTheHeap() - before).isLessThan(40L << 20);
    }
  }

  private static long bytesOutsideTheHeap() {
    System.gc();
    return Pointer.physicalBytes() - Runtime.getRuntime().totalMemory();
  }

  @Test
  void memoryOfAnotherBackendIsRefused() {
    try (Backend backend = new Nd4jBackend(1)) {
      Memory foreign = () -> 16;
      assertThatIllegalArgumentException()
          .isThrownBy(() -> backend.fill(new Tensor(foreign, 0, 4), 1))
          .withMessageContaining("allocate the tensor with the nd4j backend");
    }
  }

  @Test
  void anIdBeyondTheTableIsRefused() {
    try (Backend backend = new Nd4jBackend(1)) {
      Memory memory = backend.allocate(100);
      Tensor table = new Tensor(memory, 0, 5, 4);
      Tensor out = new Tensor(memory, 20, 1, 4);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> backend.gather(table, HostKernels.ints(backend, 5), false, out))
          .withMessage("Cannot take row 5 of [5, 4]: it has 5 rows");
      assertThatIllegalArgumentException()
          .isThrownBy(
              () -> HostKernels.crossEntropy(backend, table, new int[] {0, 1, 4, 0, 0}, null))
          .withMessage("Cannot score label 4: there are 4 classes");
    }
  }
}
