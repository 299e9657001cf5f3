package org.peftsweep.bench;

import static org.bytedeco.dnnl.global.dnnl.*;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.bytedeco.dnnl.dnnl_engine;
import org.bytedeco.dnnl.dnnl_exec_arg_t;
import org.bytedeco.dnnl.dnnl_memory;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_primitive;
import org.bytedeco.dnnl.dnnl_primitive_attr;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.dnnl.dnnl_stream;
import org.bytedeco.javacpp.FloatPointer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * oneDNN's own kernels for what {@link KernelBenchmark} times of ours with {@code threads = 1}: the
 * same sizes, on the calling thread.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class OneDnnKernelBenchmark {
  private static final float EPSILON = 1e-5f;
  private static final int FLAGS = dnnl_use_scale | dnnl_use_shift;

  @Param({"128", "768"})
  public int width;

  @Param({"2048"})
  public int rows;

  private final dnnl_engine engine = new dnnl_engine();
  private final dnnl_stream stream = new dnnl_stream();
  private Kernel gelu;
  private Kernel geluBackward;
  private Kernel layerNorm;
  private Kernel layerNormBackward;

  /** Makes the kernels and draws their inputs. */
  @Setup(Level.Trial)
  public void open() {
    require(dnnl_engine_create(engine, dnnl_cpu, 0));
    require(dnnl_stream_create(stream, engine, dnnl_stream_default_flags));
    dnnl_memory_desc wide = floats(rows, 4L * width);
    dnnl_memory_desc narrow = floats(rows, width);
    dnnl_memory_desc row = floats(width);
    dnnl_memory_desc statistics = floats(rows);
    dnnl_primitive_attr none = null;

    dnnl_primitive_desc forward = new dnnl_primitive_desc();
    require(
        dnnl_eltwise_forward_primitive_desc_create(
            forward, engine, dnnl_forward_training, dnnl_eltwise_gelu_erf, wide, wide, 0, 0, none));
    gelu = new Kernel(forward).with(DNNL_ARG_SRC, wide).with(DNNL_ARG_DST, wide);
    dnnl_primitive_desc backward = new dnnl_primitive_desc();
    require(
        dnnl_eltwise_backward_primitive_desc_create(
            backward, engine, dnnl_eltwise_gelu_erf, wide, wide, wide, 0, 0, forward, none));
    geluBackward =
        new Kernel(backward)
            .with(DNNL_ARG_SRC, wide)
            .with(DNNL_ARG_DIFF_DST, wide)
            .with(DNNL_ARG_DIFF_SRC, wide);

    dnnl_primitive_desc norm = new dnnl_primitive_desc();
    require(
        dnnl_layer_normalization_forward_primitive_desc_create(
            norm, engine, dnnl_forward_training, narrow, narrow, statistics, EPSILON, FLAGS, none));
    layerNorm =
        new Kernel(norm)
            .with(DNNL_ARG_SRC, narrow)
            .with(DNNL_ARG_SCALE, row)
            .with(DNNL_ARG_SHIFT, row)
            .with(DNNL_ARG_MEAN, statistics)
            .with(DNNL_ARG_VARIANCE, statistics)
            .with(DNNL_ARG_DST, narrow);
    dnnl_primitive_desc normBackward = new dnnl_primitive_desc();
    require(
        dnnl_layer_normalization_backward_primitive_desc_create(
            normBackward,
            engine,
            dnnl_backward,
            narrow,
            narrow,
            narrow,
            statistics,
            EPSILON,
            FLAGS,
            norm,
            none));
    layerNormBackward =
        new Kernel(normBackward)
            .with(DNNL_ARG_SRC, narrow)
            .with(DNNL_ARG_SCALE, row)
            .with(DNNL_ARG_MEAN, statistics)
            .with(DNNL_ARG_VARIANCE, statistics)
            .with(DNNL_ARG_DIFF_DST, narrow)
            .with(DNNL_ARG_DIFF_SRC, narrow)
            .with(DNNL_ARG_DIFF_SCALE, row)
            .with(DNNL_ARG_DIFF_SHIFT, row);
  }

  @TearDown(Level.Trial)
  public void close() {
    List.of(gelu, geluBackward, layerNorm, layerNormBackward).forEach(Kernel::close);
    dnnl_stream_destroy(stream);
    dnnl_engine_destroy(engine);
  }

  @Benchmark
  public void gelu() {
    gelu.run();
  }

  @Benchmark
  public void geluBackward() {
    geluBackward.run();
  }

  @Benchmark
  public void layerNorm() {
    layerNorm.run();
  }

  @Benchmark
  public void layerNormBackward() {
    layerNormBackward.run();
  }

  private static void require(int status) {
    if (status != dnnl_success) {
      throw new IllegalStateException("oneDNN answers " + status);
    }
  }

  private static dnnl_memory_desc floats(long... sizes) {
    dnnl_memory_desc made = new dnnl_memory_desc();
    require(
        dnnl_memory_desc_create_with_tag(
            made,
            sizes.length,
            sizes,
            dnnl_f32,
            sizes.length == 1 ? dnnl_a : dnnl_ab));
    return made;
  }

  /** A kernel with memory of its own for each argument. */
  private final class Kernel implements AutoCloseable {
    private final dnnl_primitive primitive = new dnnl_primitive();
    private final dnnl_exec_arg_t arguments = new dnnl_exec_arg_t(8);
    private final List<FloatPointer> memories = new ArrayList<>();

    Kernel(dnnl_primitive_desc description) {
      require(dnnl_primitive_create(primitive, description));
    }

    Kernel with(int argument, dnnl_memory_desc shape) {
      FloatPointer values = new FloatPointer(dnnl_memory_desc_get_size(shape) / Float.BYTES);
      for (long i = 0; i < values.limit(); i++) {
        values.put(i, Draws.mix(i) / (float) Long.MAX_VALUE);
      }
      dnnl_memory memory = new dnnl_memory();
      require(dnnl_memory_create(memory, shape, engine, values));
      arguments.position(memories.size()).arg(argument).memory(memory);
      memories.add(values);
      return this;
    }

    void run() {
      require(
          dnnl_primitive_execute(primitive, stream, memories.size(), arguments.position(0)));
    }

    @Override
    public void close() {
      dnnl_primitive_destroy(primitive);
      memories.forEach(FloatPointer::close);
    }
  }
}
