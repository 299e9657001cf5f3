// Products of matrices of which one side is narrow, as adapters of low rank have them: many in one
// launch, of whatever sizes, the list being an argument. How a sum is added up depends on the sizes
// of its own product alone.
#include "common.cuh"

#define THREADS 256
#define WARPS (THREADS / WARP)
#define MOST_PRODUCTS 51
// Columns of the narrow side that a thread adds up at a time.
#define NARROW 8
// Elements of a block where the inner side is the narrow one.
#define ELEMENTS (4 * THREADS)
// Rows that a block adds up of a transposed factor; where there are more, other blocks have them.
#define PART_ROWS 256

// c <- alpha * op(a) * op(b) + beta * c, and the number of blocks of the products before it; not
// both factors are transposed. One matrix may pass through dropout on the way: a that is not
// transposed, b beside a transposed a, or what is added to beta * c.
struct SmallProduct {
  const float* a;
  const float* b;
  float* c;
  int m;
  int n;
  int k;
  // The bits below.
  int kind;
  float alpha;
  float beta;
  // Where sums of parts lie, one part after the other.
  float* parts;
  long long first;
  const unsigned* seed;
  int threshold;
  float scale;
};

#define TRANSPOSED_A 1
#define TRANSPOSED_B 2
#define DROPS_FACTOR 4
#define DROPS_RESULT 8

struct SmallProducts {
  long long count;
  SmallProduct product[MOST_PRODUCTS];
};

// A factor, which passes through dropout as it is read if it DROPS.
template <bool DROPS>
struct Factor {
  const float* values;
  Dropout dropout;

  __device__ __forceinline__ Factor(const SmallProduct& p, const float* values)
      : values(values), dropout(dropoutOf(DROPS ? p.seed : 0, p.threshold, p.scale)) {}

  __device__ __forceinline__ float at(long long i) const {
    return DROPS ? dropout.of(values[i], (unsigned)i) : values[i];
  }
};

__device__ __forceinline__ void put(const SmallProduct& p, long long at, float sum) {
  float more = p.alpha * sum;
  if ((p.kind & DROPS_RESULT) != 0) {
    more = dropoutOf(p.seed, p.threshold, p.scale).of(more, (unsigned)at);
  }
  p.c[at] = p.beta == 0.0f ? more : fmaf(p.beta, p.c[at], more);
}

// A warp for each row of c, whose columns are few: lanes share out the inner side.
template <bool DROPS>
__device__ __forceinline__ void rows(const SmallProduct& p, int block) {
  int row = block * WARPS + threadIdx.x / WARP;
  if (row >= p.m) {
    return;
  }
  Factor<DROPS> a(p, p.a);
  long long start = (long long)row * p.k;
  bool byRows = (p.kind & TRANSPOSED_B) != 0;
  long long step = byRows ? 1 : p.n;
  for (int from = 0; from < p.n; from += NARROW) {
    int some = min(NARROW, p.n - from);
    const float* b = p.b + (byRows ? (long long)from * p.k : from);
    long long next = byRows ? p.k : 1;
    float sums[NARROW];
#pragma unroll
    for (int j = 0; j < NARROW; j++) {
      sums[j] = 0.0f;
    }
    for (int i = lane(); i < p.k; i += WARP) {
      float x = a.at(start + i);
#pragma unroll
      for (int j = 0; j < NARROW; j++) {
        if (j < some) {
          sums[j] = fmaf(x, b[i * step + j * next], sums[j]);
        }
      }
    }
#pragma unroll
    for (int j = 0; j < NARROW; j++) {
      float sum = warpSum(sums[j]);
      if (lane() == j && j < some) {
        put(p, (long long)row * p.n + from + j, sum);
      }
    }
  }
}

// A thread for each element of c, whose inner side is short.
template <bool DROPS>
__device__ __forceinline__ void elements(const SmallProduct& p, int block) {
  Factor<DROPS> a(p, p.a);
  bool byRows = (p.kind & TRANSPOSED_B) != 0;
  long long step = byRows ? 1 : p.n;
  long long all = (long long)p.m * p.n;
  for (int part = 0; part < ELEMENTS; part += THREADS) {
    long long at = (long long)block * ELEMENTS + part + threadIdx.x;
    if (at < all) {
      int row = (int)(at / p.n);
      int column = (int)(at % p.n);
      long long start = (long long)row * p.k;
      const float* b = p.b + (byRows ? (long long)column * p.k : column);
      float sum = 0.0f;
      for (int i = 0; i < p.k; i++) {
        sum = fmaf(a.at(start + i), b[i * step], sum);
      }
      put(p, at, sum);
    }
  }
}

// The transpose of a times b, one of which has few columns: lanes have 32 columns of the other one,
// warps share out a part of the rows of both. They have those of one that drops, wide or not.
template <bool DROPS>
__device__ __forceinline__ void columns(
    const SmallProduct& p, int block, float (*room)[NARROW][WARP]) {
  bool aIsWide = !DROPS && p.m >= p.n;
  Factor<DROPS> wide(p, aIsWide ? p.a : p.b);
  const float* narrow = aIsWide ? p.b : p.a;
  int wideColumns = aIsWide ? p.m : p.n;
  int narrowColumns = aIsWide ? p.n : p.m;
  int warp = threadIdx.x / WARP;
  int blocks = (wideColumns + WARP - 1) / WARP;
  int part = block / blocks;
  int last = min(p.k, (part + 1) * PART_ROWS);
  int column = block % blocks * WARP + lane();
  for (int from = 0; from < narrowColumns; from += NARROW) {
    int some = min(NARROW, narrowColumns - from);
    float sums[NARROW];
#pragma unroll
    for (int j = 0; j < NARROW; j++) {
      sums[j] = 0.0f;
    }
    for (int row = part * PART_ROWS + warp; row < last; row += WARPS) {
      float x = column < wideColumns ? wide.at((long long)row * wideColumns + column) : 0.0f;
      const float* few = narrow + (long long)row * narrowColumns + from;
#pragma unroll
      for (int j = 0; j < NARROW; j++) {
        if (j < some) {
          sums[j] = fmaf(x, few[j], sums[j]);
        }
      }
    }
    __syncthreads();
#pragma unroll
    for (int j = 0; j < NARROW; j++) {
      room[warp][j][lane()] = sums[j];
    }
    __syncthreads();
    // As many warps as columns are added up at a time.
    if (warp < some && column < wideColumns) {
      float sum = 0.0f;
      for (int w = 0; w < WARPS; w++) {
        sum += room[w][warp][lane()];
      }
      long long few = from + warp;
      long long at = aIsWide ? column * (long long)p.n + few : few * p.n + column;
      if (p.k <= PART_ROWS) {
        put(p, at, sum);
      } else {
        p.parts[(long long)part * p.m * p.n + at] = sum;
      }
    }
  }
}

// Returns the product that a block is of.
__device__ __forceinline__ const SmallProduct& find(const SmallProducts& list) {
  int low = 0;
  int high = (int)list.count - 1;
  while (low < high) {
    int middle = (low + high + 1) / 2;
    if (list.product[middle].first <= blockIdx.x) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return list.product[low];
}

template <bool DROPS>
__device__ __forceinline__ void multiply(
    const SmallProduct& p, int block, float (*room)[NARROW][WARP]) {
  if ((p.kind & TRANSPOSED_A) != 0) {
    columns<DROPS>(p, block, room);
  } else if (p.n <= p.k) {
    rows<DROPS>(p, block);
  } else {
    elements<DROPS>(p, block);
  }
}

extern "C" __global__ void small_products(SmallProducts list) {
  __shared__ float room[WARPS][NARROW][WARP];
  const SmallProduct& p = find(list);
  int block = (int)(blockIdx.x - p.first);
  if ((p.kind & DROPS_FACTOR) != 0) {
    multiply<true>(p, block, room);
  } else {
    multiply<false>(p, block, room);
  }
}

// c <- the sums of the parts that the kernel before left.
extern "C" __global__ void join_parts(SmallProducts list) {
  const SmallProduct& p = find(list);
  long long all = (long long)p.m * p.n;
  for (int i = 0; i < ELEMENTS; i += THREADS) {
    long long at = (blockIdx.x - p.first) * ELEMENTS + i + threadIdx.x;
    if (at < all) {
      float sum = 0.0f;
      for (int from = 0; from < p.k; from += PART_ROWS) {
        sum += p.parts[from / PART_ROWS * all + at];
      }
      put(p, at, sum);
    }
  }
}
