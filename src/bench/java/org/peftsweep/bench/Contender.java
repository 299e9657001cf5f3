package org.peftsweep.bench;

import java.util.List;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.ElementType;

/** One engine that runs one workload. */
interface Contender extends AutoCloseable {
  /** Engines, and what they are held against: products alone, and the processor's peak. */
  List<String> NAMES =
      List.of(
          "bf16-peak",
          "cpu",
          "cpu-bf16",
          "cpu-int8-bf16",
          "cpu-nf4-bf16",
          "cpu-stored-bf16",
          "cpu-pair",
          "fma-peak",
          "libtorch",
          "libtorch-pruned",
          "nd4j",
          "peft",
          "peft-bf16",
          "products",
          "samediff");

  /** Trains one step: forward, backward, AdamW. */
  void step();

  /** Returns the loss on the batch, without training. */
  double loss();

  /** Returns the bytes outside the heap that the engine says it holds; −1 if it cannot say. */
  default long nativeBytes() {
    return -1;
  }

  /**
   * Returns the memory of the frozen weights, with what products keep of them, in bytes; −1 if it
   * cannot say.
   */
  default long weightBytes() {
    return -1;
  }

  /** Returns the arithmetic of a step, in 10⁹ operations; −1 if it does not count. */
  default double gigaflops() {
    return -1;
  }

  /** Returns how many training steps one call of {@link #step} stands for. */
  default int stepsAtOnce() {
    return 1;
  }

  @Override
  void close();

  /** Opens a contender by its name. */
  static Contender open(String name, Workload workload) {
    return switch (name) {
      case "cpu" -> EngineContender.warm(name, ElementType.F32, ElementType.F32, workload);
      case "cpu-bf16" ->
          EngineContender.warm("cpu", ElementType.BF16, ElementType.F32, workload);
      case "cpu-stored-bf16" ->
          EngineContender.warm("cpu", ElementType.BF16, ElementType.BF16, workload);
      case "cpu-int8-bf16" ->
          EngineContender.warm("cpu", ElementType.BF16, ElementType.I8, workload);
      case "cpu-nf4-bf16" ->
          EngineContender.warm("cpu", ElementType.BF16, ElementType.NF4, workload);
      case "nd4j" ->
          new EngineContender(
              Backends.open(name, workload.threads()), ElementType.F32, workload);
      case "cpu-pair" -> new PairContender(workload);
      case "products" -> new ProductsContender(workload);
      case "fma-peak" -> new FmaPeak(workload.threads());
      case "bf16-peak" -> new HalfPeak(workload.threads());
      case "libtorch" -> Libtorch.open(workload, false);
      case "libtorch-pruned" -> Libtorch.open(workload, true);
      case "samediff" -> new SameDiffContender(workload);
      default ->
          throw new IllegalArgumentException(
              "Cannot measure "
                  + name
                  + ": choose of " + NAMES);
    };
  }
}
