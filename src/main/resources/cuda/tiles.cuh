// Products of tiles of 64 rows by a block of 256 threads: results in registers, factors in shared
// memory, a part at a time.
//
// From Ampere on they are those of tensor cores, of factors that are split into two TF32 numbers
// each: what is left out is of the size of the rounding of 32-bit floats.

#if !defined(TENSOR_CORES) && defined(__CUDA_ARCH__)
#define TENSOR_CORES (__CUDA_ARCH__ >= 800)
#elif !defined(TENSOR_CORES)
#define TENSOR_CORES 0
#endif

#define THREADS 256
// Rows of a tile.
#define TILE 64
// Columns of both factors of a product that are in shared memory at a time.
#define DEPTH 32
// Columns of an output that a block computes.
#define CHUNK 128
// Rows of the second factor of an accumulation that are in shared memory at a time.
#define BAND 16
// Distances of rows in shared memory, by which what a warp reads at once lies in different banks.
#define ROOM_STRIDE (DEPTH + 4)
#define TILE_STRIDE (TILE + 4)
#define BAND_STRIDE (CHUNK + 8)

#if TENSOR_CORES

// d <- d + a * b for a warp: a of 16 by 8, b of 8 by 8; which elements a lane holds is that of
// mma.m16n8k8.
__device__ __forceinline__ void multiplyAdd(float d[4], const float a[4], const float b[2]) {
#ifdef EMULATED_CUDA
  emulated::multiplyAdd(d, a, b);
#else
  unsigned high[4];
  unsigned low[4];
  unsigned otherHigh[2];
  unsigned otherLow[2];
#pragma unroll
  for (int i = 0; i < 4; i++) {
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(high[i]) : "f"(a[i]));
    low[i] = __float_as_uint(a[i] - __uint_as_float(high[i]));
  }
#pragma unroll
  for (int i = 0; i < 2; i++) {
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(otherHigh[i]) : "f"(b[i]));
    otherLow[i] = __float_as_uint(b[i] - __uint_as_float(otherHigh[i]));
  }
#define MULTIPLY_ADD(x, y)                                                                     \
  asm volatile(                                                                                \
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "      \
      "{%8,%9}, {%0,%1,%2,%3};"                                                                \
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                         \
      : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(y[0]), "r"(y[1]))
  MULTIPLY_ADD(low, otherHigh);
  MULTIPLY_ADD(high, otherLow);
  MULTIPLY_ADD(high, otherHigh);
#undef MULTIPLY_ADD
#endif
}

// Where the elements of a thread lie: of tile[n][e] in a tile, of sums[n][e] in a chunk. A warp
// has 16 rows and half of the columns.
__device__ __forceinline__ int rowOf(int e) {
  return 16 * (threadIdx.x / WARP % 4) + lane() / 4 + 8 * (e / 2);
}

__device__ __forceinline__ int tileColumn(int n, int e) {
  return 32 * (threadIdx.x / WARP / 4) + 8 * n + 2 * (lane() % 4) + e % 2;
}

__device__ __forceinline__ int sumColumn(int n, int e) {
  return 64 * (threadIdx.x / WARP / 4) + 8 * n + 2 * (lane() % 4) + e % 2;
}

// tile <- tile + left * right^T, of so many columns that are in shared memory.
__device__ __forceinline__ void multiplyPart(
    float tile[4][4], const float* left, const float* right, int depth) {
  int firstRow = 32 * (threadIdx.x / WARP / 4) + lane() / 4;
  for (int k = lane() % 4; k < depth + lane() % 4; k += 8) {
    float a[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      a[i] = left[rowOf(2 * (i % 2)) * ROOM_STRIDE + k + 4 * (i / 2)];
    }
#pragma unroll
    for (int n = 0; n < 4; n++) {
      const float* row = right + (firstRow + 8 * n) * ROOM_STRIDE + k;
      float b[2] = {row[0], row[4]};
      multiplyAdd(tile[n], a, b);
    }
  }
}

// sums <- sums + op(s) * x, of a band of rows of x that is in shared memory from its row `from` on.
template <bool TRANSPOSED>
__device__ __forceinline__ void accumulateBand(
    float sums[8][4], const float* s, const float* band, int from, int depth, int columns) {
  int firstColumn = 64 * (threadIdx.x / WARP / 4);
  for (int k = lane() % 4; k < depth + lane() % 4; k += 8) {
    float a[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int row = rowOf(2 * (i % 2));
      int inner = from + k + 4 * (i / 2);
      a[i] = TRANSPOSED ? s[inner * TILE_STRIDE + row] : s[row * TILE_STRIDE + inner];
    }
#pragma unroll
    for (int n = 0; n < 8; n++) {
      if (firstColumn + 8 * n < columns) {
        const float* column = band + k * BAND_STRIDE + firstColumn + 8 * n + lane() / 4;
        float b[2] = {column[0], column[4 * BAND_STRIDE]};
        multiplyAdd(sums[n], a, b);
      }
    }
  }
}

#else

// Where the elements of a thread lie: of tile[n][e] in a tile, of sums[n][e] in a chunk. A thread
// has four rows and every 16th column.
__device__ __forceinline__ int rowOf(int e) {
  return 4 * (threadIdx.x / 16) + e;
}

__device__ __forceinline__ int tileColumn(int n, int) {
  return threadIdx.x % 16 + 16 * n;
}

__device__ __forceinline__ int sumColumn(int n, int) {
  return threadIdx.x % 16 + 16 * n;
}

// tile <- tile + left * right^T, of so many columns that are in shared memory.
__device__ __forceinline__ void multiplyPart(
    float tile[4][4], const float* left, const float* right, int depth) {
  for (int c = 0; c < depth; c++) {
    float x[4];
    float y[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      x[i] = left[rowOf(i) * ROOM_STRIDE + c];
      y[i] = right[tileColumn(i, 0) * ROOM_STRIDE + c];
    }
#pragma unroll
    for (int n = 0; n < 4; n++) {
#pragma unroll
      for (int e = 0; e < 4; e++) {
        tile[n][e] = fmaf(x[e], y[n], tile[n][e]);
      }
    }
  }
}

// sums <- sums + op(s) * x, of a band of rows of x that is in shared memory from its row `from` on.
template <bool TRANSPOSED>
__device__ __forceinline__ void accumulateBand(
    float sums[8][4], const float* s, const float* band, int from, int depth, int columns) {
  for (int r = 0; r < depth; r++) {
    float weight[4];
#pragma unroll
    for (int e = 0; e < 4; e++) {
      int row = rowOf(e);
      weight[e] = TRANSPOSED ? s[(from + r) * TILE_STRIDE + row] : s[row * TILE_STRIDE + from + r];
    }
#pragma unroll
    for (int n = 0; n < 8; n++) {
      if (16 * n < columns) {
        float value = band[r * BAND_STRIDE + sumColumn(n, 0)];
#pragma unroll
        for (int e = 0; e < 4; e++) {
          sums[n][e] = fmaf(weight[e], value, sums[n][e]);
        }
      }
    }
  }
}

#endif

// tile <- the products of rows of a with rows of b, both of `width` columns.
__device__ __forceinline__ void multiply(
    float tile[4][4],
    const float* a,
    long long aStride,
    int aRows,
    const float* b,
    long long bStride,
    int bRows,
    int width,
    float* left,
    float* right) {
#pragma unroll
  for (int n = 0; n < 4; n++) {
#pragma unroll
    for (int e = 0; e < 4; e++) {
      tile[n][e] = 0.0f;
    }
  }
  for (int from = 0; from < width; from += DEPTH) {
    int depth = min(DEPTH, width - from);
    __syncthreads();
    for (int n = threadIdx.x; n < TILE * DEPTH; n += THREADS) {
      int row = n / DEPTH;
      int column = n % DEPTH;
      bool isInside = column < depth;
      left[row * ROOM_STRIDE + column] =
          isInside && row < aRows ? a[row * aStride + from + column] : 0.0f;
      right[row * ROOM_STRIDE + column] =
          isInside && row < bRows ? b[row * bStride + from + column] : 0.0f;
    }
    __syncthreads();
    multiplyPart(tile, left, right, depth);
  }
}

// sums <- sums + op(s) * x, op the transpose where asked; x has `rows` rows and `columns` columns.
template <bool TRANSPOSED>
__device__ __forceinline__ void accumulate(
    float sums[8][4],
    const float* s,
    const float* x,
    long long stride,
    int rows,
    int columns,
    float* room) {
  for (int from = 0; from < rows; from += BAND) {
    int depth = min(BAND, rows - from);
    __syncthreads();
    for (int n = threadIdx.x; n < BAND * CHUNK; n += THREADS) {
      int row = n / CHUNK;
      int column = n % CHUNK;
      room[row * BAND_STRIDE + column] =
          row < depth && column < columns ? x[(from + row) * stride + column] : 0.0f;
    }
    __syncthreads();
    accumulateBand<TRANSPOSED>(sums, s, room, from, depth, columns);
  }
}

__device__ __forceinline__ void clear(float sums[8][4]) {
#pragma unroll
  for (int n = 0; n < 8; n++) {
#pragma unroll
    for (int e = 0; e < 4; e++) {
      sums[n][e] = 0.0f;
    }
  }
}

// Writes sums to rows that begin at `first`, and their halves where these are not null.
__device__ __forceinline__ void store(
    const float sums[8][4],
    float* to,
    bf16* halves,
    long long first,
    long long stride,
    int rows,
    int columns) {
#pragma unroll
  for (int n = 0; n < 8; n++) {
#pragma unroll
    for (int e = 0; e < 4; e++) {
      int row = rowOf(e);
      int column = sumColumn(n, e);
      if (row < rows && column < columns) {
        long long at = first + row * stride + column;
        to[at] = sums[n][e];
        if (halves != 0) {
          halves[at] = narrow(sums[n][e]);
        }
      }
    }
  }
}

// s <- tile
__device__ __forceinline__ void keep(const float tile[4][4], float* s) {
#pragma unroll
  for (int n = 0; n < 4; n++) {
#pragma unroll
    for (int e = 0; e < 4; e++) {
      s[rowOf(e) * TILE_STRIDE + tileColumn(n, e)] = tile[n][e];
    }
  }
}
