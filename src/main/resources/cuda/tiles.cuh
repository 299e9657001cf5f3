// Products of tiles of 64 rows by a block of 256 threads: results in registers, factors in shared
// memory, a part at a time.
//
// From Ampere on they are those of tensor cores: of factors that are split into two TF32 numbers
// each, so that what is left out is of the size of the rounding of 32-bit floats, or of factors
// that are rounded to halves.

#if !defined(TENSOR_CORES) && defined(__CUDA_ARCH__)
#define TENSOR_CORES (__CUDA_ARCH__ >= 800)
#elif !defined(TENSOR_CORES)
#define TENSOR_CORES 0
#endif

#define THREADS 256
// Rows of a tile.
#define TILE 64
// Words of a row of both factors of a product that are in shared memory at a time.
#define DEPTH 32
// Columns of an output that a block computes.
#define CHUNK 128
// Words of a column of the second factor of an accumulation that are in shared memory at a time.
#define BAND 16
// Distances of rows in shared memory, by which what a warp reads at once lies in different banks.
#define ROOM_STRIDE (DEPTH + 4)
#define TILE_STRIDE (TILE + 4)
#define BAND_STRIDE (CHUNK + 8)

// ---- words: what a sum goes along, as it lies in shared memory

// Two factors that follow each other in a sum, as halves; where a word is a float, it is one.
struct Pair {
  unsigned halves;
};

template <class Word>
struct Factors {
  static const int IN_WORD = 1;
};

template <>
struct Factors<Pair> {
  static const int IN_WORD = 2;
};

// What holds factors that may be rounded to halves.
#if TENSOR_CORES
typedef Pair Rounded;
#else
typedef float Rounded;
#endif

// The number of this thread. Nothing that follows from it is kept in a register from one walk
// through a tile to the next: there are too few.
__device__ __forceinline__ int freshThread() {
  int thread = threadIdx.x;
#ifndef EMULATED_CUDA
  asm volatile("" : "+r"(thread));
#endif
  return thread;
}

// Whether neighbours may be read from rows of this distance as one float2.
__device__ __forceinline__ bool inPairs(const float* x, int stride) {
  return ((unsigned long long)x & 7) == 0 && stride % 2 == 0;
}

// word <- what begins at x[i], zeros from the n-th element on.
__device__ __forceinline__ void take(float& word, const float* x, int i, int n, bool) {
  word = i < n ? x[i] : 0.0f;
}

__device__ __forceinline__ void take(Pair& word, const float* x, int i, int n, bool wide) {
  if (wide && i + 1 < n) {
    float2 two = *(const float2*)(x + i);
    word.halves = narrow(two.x, two.y);
  } else {
    word.halves = narrow(i < n ? x[i] : 0.0f, i + 1 < n ? x[i + 1] : 0.0f);
  }
}

// The same down a column that begins at x, of which n rows are there.
__device__ __forceinline__ void takeDown(float& word, const float* x, int, int n) {
  word = n > 0 ? x[0] : 0.0f;
}

__device__ __forceinline__ void takeDown(Pair& word, const float* x, int stride, int n) {
  word.halves = narrow(n > 0 ? x[0] : 0.0f, n > 1 ? x[stride] : 0.0f);
}

// An element of op(s), op the transpose where asked.
template <bool TRANSPOSED>
__device__ __forceinline__ float elementOf(const float* s, int row, int column) {
  return TRANSPOSED ? s[column * TILE_STRIDE + row] : s[row * TILE_STRIDE + column];
}

// word <- what begins at an element of op(s).
template <bool TRANSPOSED>
__device__ __forceinline__ void takeFrom(float& word, const float* s, int row, int column) {
  word = elementOf<TRANSPOSED>(s, row, column);
}

template <bool TRANSPOSED>
__device__ __forceinline__ void takeFrom(Pair& word, const float* s, int row, int column) {
  word.halves =
      narrow(elementOf<TRANSPOSED>(s, row, column), elementOf<TRANSPOSED>(s, row, column + 1));
}

// ---- products of what is in shared memory

#if TENSOR_CORES

// d <- d + a * b for a warp: a of 16 rows and 8 words, b of 8 words and 8 columns; which words a
// lane holds is that of mma.m16n8k8, and of mma.m16n8k16 where a word has two factors.
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

__device__ __forceinline__ void multiplyAdd(float d[4], const Pair a[4], const Pair b[2]) {
#ifdef EMULATED_CUDA
  emulated::multiplyAddHalves(d, a, b);
#else
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
      "{%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0].halves),
        "r"(a[1].halves),
        "r"(a[2].halves),
        "r"(a[3].halves),
        "r"(b[0].halves),
        "r"(b[1].halves));
#endif
}

// Where the elements of a thread lie: of tile[n][e] in a tile, of sums[n][e] in a chunk. A warp
// has 16 rows and half of the columns, of a chunk every other eight, so that narrow heads too have
// work for all warps.
__device__ __forceinline__ int rowOf(int e) {
  return 16 * (threadIdx.x / WARP % 4) + lane() / 4 + 8 * (e / 2);
}

__device__ __forceinline__ int tileColumn(int n, int e) {
  return 32 * (threadIdx.x / WARP / 4) + 8 * n + 2 * (lane() % 4) + e % 2;
}

__device__ __forceinline__ int sumColumn(int n, int e) {
  return 16 * n + 8 * (threadIdx.x / WARP / 4) + 2 * (lane() % 4) + e % 2;
}

// tile <- tile + left * right^T, of so many words of a row that are in shared memory.
template <class Word>
__device__ __forceinline__ void multiplyPart(
    float tile[4][4], const Word* left, const Word* right, int words) {
  int firstRow = 32 * (threadIdx.x / WARP / 4) + lane() / 4;
  for (int k = lane() % 4; k < words + lane() % 4; k += 8) {
    Word a[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      a[i] = left[rowOf(2 * (i % 2)) * ROOM_STRIDE + k + 4 * (i / 2)];
    }
#pragma unroll
    for (int n = 0; n < 4; n++) {
      const Word* row = right + (firstRow + 8 * n) * ROOM_STRIDE + k;
      Word b[2] = {row[0], row[4]};
      multiplyAdd(tile[n], a, b);
    }
  }
}

// sums <- sums + op(s) * x, of so many words of the columns of x that are in shared memory, which
// begin with its row `from`.
template <bool TRANSPOSED, class Word>
__device__ __forceinline__ void accumulateBand(
    float sums[8][4], const float* s, const Word* band, int from, int words, int columns) {
  int firstColumn = 8 * (threadIdx.x / WARP / 4);
  for (int k = lane() % 4; k < words + lane() % 4; k += 8) {
    Word a[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int inner = from + Factors<Word>::IN_WORD * (k + 4 * (i / 2));
      takeFrom<TRANSPOSED>(a[i], s, rowOf(2 * (i % 2)), inner);
    }
#pragma unroll
    for (int n = 0; n < 8; n++) {
      if (firstColumn + 16 * n < columns) {
        const Word* column = band + k * BAND_STRIDE + firstColumn + 16 * n + lane() / 4;
        Word b[2] = {column[0], column[4 * BAND_STRIDE]};
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
      weight[e] = elementOf<TRANSPOSED>(s, rowOf(e), from + r);
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

// ---- products of what is in memory

// tile <- the products of rows of a with rows of b, both of `width` columns.
template <class Word>
__device__ __forceinline__ void multiply(
    float tile[4][4],
    const float* a,
    int aStride,
    int aRows,
    const float* b,
    int bStride,
    int bRows,
    int width,
    Word* left,
    Word* right) {
#pragma unroll
  for (int n = 0; n < 4; n++) {
#pragma unroll
    for (int e = 0; e < 4; e++) {
      tile[n][e] = 0.0f;
    }
  }
  const int factors = Factors<Word>::IN_WORD;
  bool wide = inPairs(a, aStride) && inPairs(b, bStride);
  for (int from = 0; from < width; from += factors * DEPTH) {
    int depth = min(factors * DEPTH, width - from);
    __syncthreads();
#pragma unroll 4
    for (int n = freshThread(); n < TILE * DEPTH; n += THREADS) {
      int row = n / DEPTH;
      int word = n % DEPTH;
      int i = factors * word;
      int at = row * ROOM_STRIDE + word;
      take(left[at], a + row * aStride + from, i, row < aRows ? depth : 0, wide);
      take(right[at], b + row * bStride + from, i, row < bRows ? depth : 0, wide);
    }
    __syncthreads();
    multiplyPart(tile, left, right, (depth + factors - 1) / factors);
  }
}

// sums <- sums + op(s) * x, op the transpose where asked; x has `rows` rows and `columns` columns.
template <bool TRANSPOSED, class Word>
__device__ __forceinline__ void accumulate(
    float sums[8][4],
    const float* s,
    const float* x,
    int stride,
    int rows,
    int columns,
    Word* room) {
  const int factors = Factors<Word>::IN_WORD;
  for (int from = 0; from < rows; from += factors * BAND) {
    int depth = min(factors * BAND, rows - from);
    __syncthreads();
#pragma unroll 4
    for (int n = freshThread(); n < BAND * CHUNK; n += THREADS) {
      int row = factors * (n / CHUNK);
      int column = n % CHUNK;
      takeDown(
          room[n / CHUNK * BAND_STRIDE + column],
          x + (from + row) * stride + column,
          stride,
          column < columns ? depth - row : 0);
    }
    __syncthreads();
    accumulateBand<TRANSPOSED>(
        sums, s, room, from, (depth + factors - 1) / factors, columns);
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
    int stride,
    int rows,
    int columns) {
#pragma unroll
  for (int e = 0; e < 4; e++) {
    if (rowOf(e) < rows) {
      long long at = first + rowOf(e) * stride;
#pragma unroll
      for (int n = 0; n < 8; n++) {
        int column = sumColumn(n, e);
        if (column < columns) {
          to[at + column] = sums[n][e];
          if (halves != 0) {
            halves[at + column] = narrow(sums[n][e]);
          }
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
