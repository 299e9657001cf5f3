// Values of quantised matrices, whole numbers by row or places in a NormalFloat by block: see
// QuantisedWeight. A warp takes a row, four neighbouring columns a lane.
#include "common.cuh"

#define BLOCK_ELEMENTS 64
#define GROUP_BLOCKS 256

__device__ const float NORMAL_FLOAT[16] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f};

struct WholeNumbers {
  const signed char* numbers;
  const float* largest;

  __device__ __forceinline__ float scale(long long, int row) const {
    return largest[row] * (1.0f / 127.0f);
  }

  __device__ __forceinline__ float value(long long i) const { return (float)numbers[i]; }

  __device__ __forceinline__ bool begins(long long) const { return false; }
};

struct NormalFloats {
  const unsigned char* places;
  const unsigned char* codes;
  const float* largest;
  const float* mean;
  const float* tree;

  __device__ __forceinline__ float scale(long long i, int) const {
    long long block = i / BLOCK_ELEMENTS;
    return tree[codes[block]] * largest[block / GROUP_BLOCKS] + *mean;
  }

  // The first of a byte's elements is its upper half.
  __device__ __forceinline__ float value(long long i) const {
    return NORMAL_FLOAT[places[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
  }

  __device__ __forceinline__ bool begins(long long i) const { return i % BLOCK_ELEMENTS == 0; }
};

// v[c] <- v[c] + the value of column j + c of a row, for those that it has.
template <class Q>
__device__ __forceinline__ void addFour(Q q, int row, int j, int columns, float v[4]) {
  long long first = (long long)row * columns + j;
  float scale = 0.0f;
#pragma unroll
  for (int c = 0; c < 4; c++) {
    if (j + c < columns) {
      if (c == 0 || q.begins(first + c)) {
        scale = q.scale(first + c, row);
      }
      v[c] += q.value(first + c) * scale;
    }
  }
}

// out[i] <- (adds ? out[i] : 0) + q[ids[i]], or q[i] without ids.
template <class Q>
__device__ __forceinline__ void takeRows(
    Q q, const int* ids, int adds, float* out, int rows, int columns, int tableRows, int* report) {
  bool wide = columns % 4 == 0 && aligned(out);
  for (long long row = firstRow(); row < rows; row += rowStep()) {
    int id = ids == 0 ? (int)row : ids[row];
    if (id < 0 || id >= tableRows) {
      if (lane() == 0) {
        reportId(report, id, tableRows);
      }
      continue;
    }
    float* to = out + row * columns;
    for (int j = 4 * lane(); j < columns; j += 4 * WARP) {
      float v[4] = {0.0f, 0.0f, 0.0f, 0.0f};
      if (adds) {
        load4(to, j, columns, wide, v);
      }
      addFour(q, id, j, columns, v);
      store4(to, j, columns, wide, v);
    }
  }
}

// out <- q, rounded.
template <class Q>
__device__ __forceinline__ void narrowRows(Q q, bf16* out, int rows, int columns) {
  bool wide = columns % 4 == 0 && aligned(out);
  for (long long row = firstRow(); row < rows; row += rowStep()) {
    for (int j = 4 * lane(); j < columns; j += 4 * WARP) {
      float v[4] = {0.0f, 0.0f, 0.0f, 0.0f};
      addFour(q, (int)row, j, columns, v);
      store4(out + row * columns, j, columns, wide, v);
    }
  }
}

extern "C" __global__ void gather_whole_numbers(
    const signed char* numbers,
    const float* largest,
    const int* ids,
    int adds,
    float* out,
    int rows,
    int columns,
    int tableRows,
    int* report) {
  WholeNumbers q = {numbers, largest};
  takeRows(q, ids, adds, out, rows, columns, tableRows, report);
}

extern "C" __global__ void narrow_whole_numbers(
    const signed char* numbers, const float* largest, bf16* out, int rows, int columns) {
  WholeNumbers q = {numbers, largest};
  narrowRows(q, out, rows, columns);
}

extern "C" __global__ void gather_normal_floats(
    const unsigned char* places,
    const unsigned char* codes,
    const float* largest,
    const float* mean,
    const float* tree,
    const int* ids,
    int adds,
    float* out,
    int rows,
    int columns,
    int tableRows,
    int* report) {
  NormalFloats q = {places, codes, largest, mean, tree};
  takeRows(q, ids, adds, out, rows, columns, tableRows, report);
}

extern "C" __global__ void narrow_normal_floats(
    const unsigned char* places,
    const unsigned char* codes,
    const float* largest,
    const float* mean,
    const float* tree,
    bf16* out,
    int rows,
    int columns) {
  NormalFloats q = {places, codes, largest, mean, tree};
  narrowRows(q, out, rows, columns);
}
