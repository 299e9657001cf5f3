package org.peftsweep.compute.cuda;

import static org.bytedeco.cuda.global.cublas.*;
import static org.bytedeco.cuda.global.cudart.CUDA_R_16BF;
import static org.bytedeco.cuda.global.cudart.CUDA_R_32F;

import java.util.HashMap;
import java.util.Map;
import java.util.function.LongUnaryOperator;
import org.bytedeco.cuda.cublas.cublasLtContext;
import org.bytedeco.cuda.cublas.cublasLtMatmulAlgo_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulDescOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulHeuristicResult_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulPreferenceOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatrixLayoutOpaque_t;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.peftsweep.compute.ElementType;

/**
 * Products by cuBLASLt, whose matrices are column-major: it is given {@code cᵀ = op(b)ᵀ·op(a)ᵀ}.
 *
 * <p>What a product needs is looked up once for each of its kinds. The algorithm is the first that
 * the library proposes, not the fastest measured, so that two runs of a trial use the same. Where c
 * has a row for each of a, it is proposed for {@value #TYPICAL_ROWS} rows, and for sums that no two
 * blocks share, whatever rows there are: so a row adds up in the same order alone and among others.
 * And for a bias, where there may be one: so it does with one and without.
 */
final class MatrixPlans {
  private static final String LIBRARY = "cuBLASLt";
  private static final long WORKSPACE = 32L << 20;
  private static final int MOST_ALIGNED = 256;
  private static final int TYPICAL_ROWS = 4096;

  /** A place of the device, as cuBLASLt wants it. */
  private static final class Place extends Pointer {
    Place at(long place) {
      address = place;
      return this;
    }
  }

  /** What a plan depends on; the algorithm chosen may rely on how addresses are aligned. */
  private record Key(Product product, long a, long b, long c) {}

  private record Plan(
      cublasLtMatmulDescOpaque_t description,
      cublasLtMatrixLayoutOpaque_t first,
      cublasLtMatrixLayoutOpaque_t second,
      cublasLtMatrixLayoutOpaque_t result,
      cublasLtMatmulHeuristicResult_t choice,
      cublasLtMatmulAlgo_t algorithm,
      FloatPointer alpha,
      FloatPointer beta) {}

  private final cublasLtContext context = new cublasLtContext();
  private final CUstream_st stream;
  private final Map<Key, Plan> plans = new HashMap<>();
  private final Place workspace = new Place();
  private final Place first = new Place();
  private final Place second = new Place();
  private final Place result = new Place();
  private final LongPointer bias = new LongPointer(1);

  /**
   * Opens the library.
   *
   * @param allocate hands out memory of the device
   */
  MatrixPlans(CUstream_st stream, LongUnaryOperator allocate) {
    this.stream = stream;
    check(cublasLtCreate(context), "open the library");
    workspace.at(allocate.applyAsLong(WORKSPACE));
  }

  private static void check(int status, String what) {
    CudaErrors.checkLibrary(status, LIBRARY, what);
  }

  void multiply(Product product, long a, long b, long added, long c) {
    Plan plan =
        plans.computeIfAbsent(
            new Key(product, alignment(a), alignment(b), alignment(c)), this::plan);
    if (product.hasBias()) {
      bias.put(added);
      set(plan.description, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias, Long.BYTES);
    }
    check(
        cublasLtMatmul(
            context,
            plan.description,
            plan.alpha,
            first.at(b),
            plan.first,
            second.at(a),
            plan.second,
            plan.beta,
            result.at(c),
            plan.result,
            result,
            plan.result,
            plan.algorithm,
            workspace,
            WORKSPACE,
            stream),
        "multiply " + product);
  }

  private static long alignment(long address) {
    return Math.min(MOST_ALIGNED, Long.lowestOneBit(address));
  }

  private Plan plan(Key key) {
    Product p = key.product;
    int type = p.factors() == ElementType.BF16 ? CUDA_R_16BF : CUDA_R_32F;
    int arithmetic = p.roundsFactors() ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    cublasLtMatmulDescOpaque_t description;
    try (PointerPointer<Pointer> made = new PointerPointer<>(1)) {
      check(cublasLtMatmulDescCreate(made, arithmetic, CUDA_R_32F), "describe " + p);
      description = new cublasLtMatmulDescOpaque_t(made.get(0));
    }
    set(description, CUBLASLT_MATMUL_DESC_TRANSA, p.transposeB() ? 1 : 0);
    set(description, CUBLASLT_MATMUL_DESC_TRANSB, p.transposeA() ? 1 : 0);
    if (!p.transposeA() && p.transposeB() && p.beta() == 0) {
      set(description, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    }
    cublasLtMatrixLayoutOpaque_t b =
        p.transposeB() ? layout(type, p.k(), p.n()) : layout(type, p.n(), p.k());
    cublasLtMatrixLayoutOpaque_t a =
        p.transposeA() ? layout(type, p.m(), p.k()) : layout(type, p.k(), p.m());
    cublasLtMatrixLayoutOpaque_t c = layout(CUDA_R_32F, p.n(), p.m());
    cublasLtMatmulHeuristicResult_t choice = null;
    if (!p.transposeA()) {
      cublasLtMatrixLayoutOpaque_t manyRows = layout(type, p.k(), TYPICAL_ROWS);
      cublasLtMatrixLayoutOpaque_t manySums = layout(CUDA_R_32F, p.n(), TYPICAL_ROWS);
      choice = choice(key, description, b, manyRows, manySums, true);
      cublasLtMatrixLayoutDestroy(manyRows);
      cublasLtMatrixLayoutDestroy(manySums);
    }
    if (choice == null || !serves(choice, description, b, a, c)) {
      choice = choice(key, description, b, a, c, false);
    }
    if (choice == null) {
      throw new IllegalStateException("Cannot multiply " + p + ": cuBLASLt has no algorithm");
    }
    if (!p.hasBias()) {
      set(description, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_DEFAULT);
    }
    return new Plan(
        description,
        b,
        a,
        c,
        choice,
        choice.algo(),
        new FloatPointer(new float[] {p.alpha()}),
        new FloatPointer(new float[] {p.beta()}));
  }

  /**
   * Returns the first algorithm that the library proposes; null where it has none.
   *
   * @param sumsInOnePlace whether a sum may not be shared out and brought together again
   */
  private cublasLtMatmulHeuristicResult_t choice(
      Key key,
      cublasLtMatmulDescOpaque_t description,
      cublasLtMatrixLayoutOpaque_t b,
      cublasLtMatrixLayoutOpaque_t a,
      cublasLtMatrixLayoutOpaque_t c,
      boolean sumsInOnePlace) {
    cublasLtMatmulHeuristicResult_t choice = new cublasLtMatmulHeuristicResult_t();
    int[] found = new int[1];
    cublasLtMatmulPreferenceOpaque_t preference = preference(key);
    if (sumsInOnePlace) {
      try (IntPointer none = new IntPointer(new int[] {CUBLASLT_REDUCTION_SCHEME_NONE})) {
        require(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, none, Integer.BYTES);
      }
    }
    int status =
        cublasLtMatmulAlgoGetHeuristic(
            context, description, b, a, c, c, preference, 1, choice, found);
    cublasLtMatmulPreferenceDestroy(preference);
    // Where there is none at all, some versions call that a failure.
    boolean isThere = status == CUBLAS_STATUS_SUCCESS && found[0] > 0;
    if (!isThere && status != CUBLAS_STATUS_NOT_SUPPORTED) {
      check(status, "find an algorithm for " + key.product);
    }
    return isThere ? choice : null;
  }

  /** Whether an algorithm can be used for these matrices. */
  private boolean serves(
      cublasLtMatmulHeuristicResult_t choice,
      cublasLtMatmulDescOpaque_t description,
      cublasLtMatrixLayoutOpaque_t b,
      cublasLtMatrixLayoutOpaque_t a,
      cublasLtMatrixLayoutOpaque_t c) {
    try (cublasLtMatmulHeuristicResult_t checked = new cublasLtMatmulHeuristicResult_t()) {
      int status =
          cublasLtMatmulAlgoCheck(context, description, b, a, c, c, choice.algo(), checked);
      return status == CUBLAS_STATUS_SUCCESS && checked.workspaceSize() <= WORKSPACE;
    }
  }

  /** Describes a matrix of so many rows, column by column. */
  private static cublasLtMatrixLayoutOpaque_t layout(int type, long rows, long columns) {
    try (PointerPointer<Pointer> made = new PointerPointer<>(1)) {
      check(cublasLtMatrixLayoutCreate(made, type, rows, columns, rows), "describe a matrix");
      return new cublasLtMatrixLayoutOpaque_t(made.get(0));
    }
  }

  private static cublasLtMatmulPreferenceOpaque_t preference(Key key) {
    cublasLtMatmulPreferenceOpaque_t preference;
    try (PointerPointer<Pointer> made = new PointerPointer<>(1)) {
      check(cublasLtMatmulPreferenceCreate(made), "state what algorithms may need");
      preference = new cublasLtMatmulPreferenceOpaque_t(made.get(0));
    }
    try (LongPointer bytes = new LongPointer(new long[] {WORKSPACE})) {
      require(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, bytes, Long.BYTES);
    }
    int[] attributes = {
      CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
      CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
      CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
      CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES
    };
    long[] alignments = {key.b, key.a, key.c, key.c};
    for (int i = 0; i < attributes.length; i++) {
      try (IntPointer value = new IntPointer(new int[] {(int) alignments[i]})) {
        require(preference, attributes[i], value, Integer.BYTES);
      }
    }
    return preference;
  }

  private static void require(
      cublasLtMatmulPreferenceOpaque_t preference, int attribute, Pointer value, long bytes) {
    check(
        cublasLtMatmulPreferenceSetAttribute(preference, attribute, value, bytes),
        "state what algorithms may need");
  }

  private static void set(cublasLtMatmulDescOpaque_t description, int attribute, int value) {
    try (IntPointer pointer = new IntPointer(new int[] {value})) {
      set(description, attribute, pointer, Integer.BYTES);
    }
  }

  private static void set(
      cublasLtMatmulDescOpaque_t description, int attribute, Pointer value, long bytes) {
    check(
        cublasLtMatmulDescSetAttribute(description, attribute, value, bytes), "describe a product");
  }
}
