// What the kernels of all families share. Tensors are row-major; a warp has 32 lanes and takes one
// row at a time, four neighbouring columns a lane.

typedef unsigned short bf16;

#define WARP 32
#define EVERY_LANE 0xffffffffu
#define INFINITE __uint_as_float(0x7f800000u)

// ---- number formats

__device__ __forceinline__ float widen(bf16 half) {
  return __uint_as_float((unsigned)half << 16);
}

// Rounds to nearest, ties to even; a NaN stays a quiet NaN.
__device__ __forceinline__ bf16 narrow(float value) {
  unsigned bits = __float_as_uint(value);
  bool isNaN = (bits & 0x7fffffffu) > 0x7f800000u;
  return (bf16)(isNaN ? bits >> 16 | 0x40u : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

// Both rounded so, the first in the lower half of the word.
__device__ __forceinline__ unsigned narrow(float first, float second) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  unsigned halves;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(halves) : "f"(second), "f"(first));
  return halves;
#else
  return narrow(first) | (unsigned)narrow(second) << 16;
#endif
}

__device__ __forceinline__ float widen(float value) {
  return value;
}

// ---- four neighbours

// Whether a float4 may be read from here.
__device__ __forceinline__ bool aligned(const void* p) {
  return ((unsigned long long)p & 15) == 0;
}

// Reads x[i] to x[i + 3], zeros from the n-th element on.
__device__ __forceinline__ void load4(
    const float* x, long long i, long long n, bool wide, float v[4]) {
  if (wide && i + 4 <= n) {
    float4 four = *(const float4*)(x + i);
    v[0] = four.x;
    v[1] = four.y;
    v[2] = four.z;
    v[3] = four.w;
  } else {
#pragma unroll
    for (int c = 0; c < 4; c++) {
      v[c] = i + c < n ? x[i + c] : 0.0f;
    }
  }
}

__device__ __forceinline__ void load4(
    const bf16* x, long long i, long long n, bool wide, float v[4]) {
  if (wide && i + 4 <= n) {
    uint2 four = *(const uint2*)(x + i);
    v[0] = widen((bf16)(four.x & 0xffffu));
    v[1] = widen((bf16)(four.x >> 16));
    v[2] = widen((bf16)(four.y & 0xffffu));
    v[3] = widen((bf16)(four.y >> 16));
  } else {
#pragma unroll
    for (int c = 0; c < 4; c++) {
      v[c] = i + c < n ? widen(x[i + c]) : 0.0f;
    }
  }
}

// Writes x[i] to x[i + 3], nothing from the n-th element on.
__device__ __forceinline__ void store4(
    float* x, long long i, long long n, bool wide, const float v[4]) {
  if (wide && i + 4 <= n) {
    *(float4*)(x + i) = make_float4(v[0], v[1], v[2], v[3]);
  } else {
#pragma unroll
    for (int c = 0; c < 4; c++) {
      if (i + c < n) {
        x[i + c] = v[c];
      }
    }
  }
}

__device__ __forceinline__ void store4(
    bf16* x, long long i, long long n, bool wide, const float v[4]) {
  if (wide && i + 4 <= n) {
    unsigned low = narrow(v[0]) | (unsigned)narrow(v[1]) << 16;
    unsigned high = narrow(v[2]) | (unsigned)narrow(v[3]) << 16;
    *(uint2*)(x + i) = make_uint2(low, high);
  } else {
#pragma unroll
    for (int c = 0; c < 4; c++) {
      if (i + c < n) {
        x[i + c] = narrow(v[c]);
      }
    }
  }
}

// ---- who computes what

__device__ __forceinline__ int lane() {
  return threadIdx.x & (WARP - 1);
}

// The first row of this warp, of rows that all warps of the grid share.
__device__ __forceinline__ long long firstRow() {
  return ((long long)blockIdx.x * blockDim.x + threadIdx.x) / WARP;
}

__device__ __forceinline__ long long rowStep() {
  return (long long)gridDim.x * blockDim.x / WARP;
}

// The first of the four elements of this thread, of elements that all threads of the grid share.
__device__ __forceinline__ long long firstElement() {
  return 4 * ((long long)blockIdx.x * blockDim.x + threadIdx.x);
}

__device__ __forceinline__ long long elementStep() {
  return 4 * (long long)gridDim.x * blockDim.x;
}

// ---- sums, in an order that depends on nothing but the shape

template <class T>
__device__ __forceinline__ T warpSum(T value) {
#pragma unroll
  for (int far = WARP / 2; far > 0; far /= 2) {
    value += __shfl_xor_sync(EVERY_LANE, value, far);
  }
  return value;
}

__device__ __forceinline__ float warpMax(float value) {
#pragma unroll
  for (int far = WARP / 2; far > 0; far /= 2) {
    value = fmaxf(value, __shfl_xor_sync(EVERY_LANE, value, far));
  }
  return value;
}

// Returns the sum over all threads of a block to each of them; room is of one T a warp.
template <class T>
__device__ T blockSum(T value, T* room) {
  value = warpSum(value);
  __syncthreads();
  if (lane() == 0) {
    room[threadIdx.x / WARP] = value;
  }
  __syncthreads();
  T sum = 0;
  for (int w = 0; w < (int)blockDim.x / WARP; w++) {
    sum += room[w];
  }
  return sum;
}

__device__ inline float blockMax(float value, float* room) {
  value = warpMax(value);
  __syncthreads();
  if (lane() == 0) {
    room[threadIdx.x / WARP] = value;
  }
  __syncthreads();
  float most = room[0];
  for (int w = 1; w < (int)blockDim.x / WARP; w++) {
    most = fmaxf(most, room[w]);
  }
  return most;
}

// ---- dropout

// The counter-based stream of all backends: 32 random bits of an element.
__device__ __forceinline__ unsigned randomBits(unsigned index, unsigned low, unsigned high) {
  unsigned h = index * 0x9E3779B1u + low;
  h ^= h >> 16;
  h *= 0x7FEB352Du;
  h ^= h >> 15;
  h *= 0x846CA68Bu;
  h ^= h >> 16;
  h += high;
  h ^= h >> 16;
  h *= 0x7FEB352Du;
  h ^= h >> 15;
  h *= 0x846CA68Bu;
  h ^= h >> 16;
  return h;
}

// Dropout of one seed; threshold is p in units of 2^-24, scale 1 / (1 - p).
struct Dropout {
  unsigned low;
  unsigned high;
  unsigned threshold;
  float scale;

  // The factor of an element: 0 where it is dropped.
  __device__ __forceinline__ float factor(unsigned index) const {
    return randomBits(index, low, high) >> 8 >= threshold ? scale : 0.0f;
  }

  // What becomes of an element.
  __device__ __forceinline__ float of(float value, unsigned index) const {
    float kept = factor(index);
    return kept == 0.0f ? 0.0f : value * kept;
  }
};

__device__ __forceinline__ Dropout dropoutOf(const unsigned* seed, int threshold, float scale) {
  Dropout dropout = {seed == 0 ? 0 : seed[0], seed == 0 ? 0 : seed[1], (unsigned)threshold, scale};
  return dropout;
}

// ---- ids

// An id that no table has, for the host to read: {1, id, rows}.
__device__ __forceinline__ void reportId(int* report, int id, int rows) {
  if (atomicCAS(report, 0, 1) == 0) {
    report[1] = id;
    report[2] = rows;
  }
}
