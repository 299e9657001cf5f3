// Rows and columns of matrices: what acts on whole rows, sums over either, rows by index.
#include "common.cuh"

// y[i,j] <- f(x[i,j], i, j); y may be x.
template <class F>
__device__ __forceinline__ void mapRows(const float* x, float* y, int rows, int columns, F f) {
  bool wide = columns % 4 == 0 && aligned(x) && aligned(y);
  for (long long row = firstRow(); row < rows; row += rowStep()) {
    long long at = row * columns;
    for (int j = 4 * lane(); j < columns; j += 4 * WARP) {
      float v[4];
      load4(x + at, j, columns, wide, v);
#pragma unroll
      for (int c = 0; c < 4; c++) {
        v[c] = f(v[c], (int)row, min(j + c, columns - 1));
      }
      store4(y + at, j, columns, wide, v);
    }
  }
}

extern "C" __global__ void add_row(
    const float* x, const float* v, float* y, int rows, int columns) {
  mapRows(x, y, rows, columns, [=](float a, int, int j) { return a + v[j]; });
}

extern "C" __global__ void multiply_row(
    const float* x, const float* v, float* y, int rows, int columns) {
  mapRows(x, y, rows, columns, [=](float a, int, int j) { return a * v[j]; });
}

extern "C" __global__ void multiply_column(
    const float* x, const float* v, float* y, int rows, int columns) {
  mapRows(x, y, rows, columns, [=](float a, int i, int) { return a * v[i]; });
}

// ---- sums over rows

#define STRIP_COLUMNS 32
#define STRIP_ROWS 8

// partial[blockIdx.y, j] <- the sum of term(i, j) over the rows of a part; parts are of rowsOfPart.
template <class F>
__device__ __forceinline__ void sumPart(
    float* partial, int rows, int columns, int rowsOfPart, float* room, F term) {
  int column = threadIdx.x % STRIP_COLUMNS;
  int first = threadIdx.x / STRIP_COLUMNS;
  int j = blockIdx.x * STRIP_COLUMNS + column;
  int from = blockIdx.y * rowsOfPart;
  int to = min(rows, from + rowsOfPart);
  float sum = 0.0f;
  if (j < columns) {
    for (int i = from + first; i < to; i += STRIP_ROWS) {
      sum += term(i, j);
    }
  }
  room[first * STRIP_COLUMNS + column] = sum;
  __syncthreads();
  if (first == 0 && j < columns) {
    for (int r = 1; r < STRIP_ROWS; r++) {
      sum += room[r * STRIP_COLUMNS + column];
    }
    partial[(long long)blockIdx.y * columns + j] = sum;
  }
}

extern "C" __global__ void sum_rows_part(
    const float* x, float* partial, int rows, int columns, int rowsOfPart) {
  __shared__ float room[STRIP_ROWS * STRIP_COLUMNS];
  sumPart(partial, rows, columns, rowsOfPart, room, [=](int i, int j) {
    return x[(long long)i * columns + j];
  });
}

extern "C" __global__ void dot_rows_part(
    const float* x, const float* y, float* partial, int rows, int columns, int rowsOfPart) {
  __shared__ float room[STRIP_ROWS * STRIP_COLUMNS];
  sumPart(partial, rows, columns, rowsOfPart, room, [=](int i, int j) {
    long long at = (long long)i * columns + j;
    return x[at] * y[at];
  });
}

// Of dy times the normalised x, by which a norm's gamma learns; mean null for RMS norm.
extern "C" __global__ void gamma_part(
    const float* x,
    const float* mean,
    const float* rstd,
    const float* dy,
    float* partial,
    int rows,
    int columns,
    int rowsOfPart) {
  __shared__ float room[STRIP_ROWS * STRIP_COLUMNS];
  sumPart(partial, rows, columns, rowsOfPart, room, [=](int i, int j) {
    long long at = (long long)i * columns + j;
    float centre = mean == 0 ? 0.0f : mean[i];
    return dy[at] * (x[at] - centre) * rstd[i];
  });
}

// out[j] <- beta * out[j] + the sum of partial[., j], never reading out where beta is 0.
extern "C" __global__ void sum_parts(
    const float* partial, int parts, float beta, float* out, int columns) {
  int j = blockIdx.x * blockDim.x + threadIdx.x;
  if (j < columns) {
    float sum = 0.0f;
    for (int p = 0; p < parts; p++) {
      sum += partial[(long long)p * columns + j];
    }
    out[j] = beta == 0.0f ? sum : fmaf(beta, out[j], sum);
  }
}

// ---- sums over columns

// Returns the sum of a row's products to each lane.
template <class X>
__device__ __forceinline__ float dotRow(const X* x, const X* y, int columns, bool wide) {
  float sum = 0.0f;
  for (int j = 4 * lane(); j < columns; j += 4 * WARP) {
    float v[4];
    float w[4];
    load4(x, j, columns, wide, v);
    load4(y, j, columns, wide, w);
#pragma unroll
    for (int c = 0; c < 4; c++) {
      sum = fmaf(v[c], w[c], sum);
    }
  }
  return warpSum(sum);
}

extern "C" __global__ void dot_columns(
    const float* x, const float* y, float beta, float* out, int rows, int columns) {
  bool wide = columns % 4 == 0 && aligned(x) && aligned(y);
  for (long long row = firstRow(); row < rows; row += rowStep()) {
    float sum = dotRow(x + row * columns, y + row * columns, columns, wide);
    if (lane() == 0) {
      out[row] = beta == 0.0f ? sum : fmaf(beta, out[row], sum);
    }
  }
}

template <class X>
__device__ __forceinline__ void rowNorms(const X* x, float* out, int rows, int columns) {
  bool wide = columns % 4 == 0 && aligned(x);
  for (long long row = firstRow(); row < rows; row += rowStep()) {
    float sum = dotRow(x + row * columns, x + row * columns, columns, wide);
    if (lane() == 0) {
      out[row] = sqrtf(sum);
    }
  }
}

extern "C" __global__ void row_norms(const float* x, float* out, int rows, int columns) {
  rowNorms(x, out, rows, columns);
}

extern "C" __global__ void row_norms_of_halves(const bf16* x, float* out, int rows, int columns) {
  rowNorms(x, out, rows, columns);
}

// ---- rows by index

template <class X>
__device__ __forceinline__ void takeRows(
    const X* table,
    const int* ids,
    int adds,
    float* out,
    int rows,
    int columns,
    int tableRows,
    int* report) {
  bool wide = columns % 4 == 0 && aligned(table) && aligned(out);
  for (long long row = firstRow(); row < rows; row += rowStep()) {
    int id = ids[row];
    if (id < 0 || id >= tableRows) {
      if (lane() == 0) {
        reportId(report, id, tableRows);
      }
      continue;
    }
    const X* from = table + (long long)id * columns;
    float* to = out + row * columns;
    for (int j = 4 * lane(); j < columns; j += 4 * WARP) {
      float v[4];
      load4(from, j, columns, wide, v);
      if (adds) {
        float w[4];
        load4(to, j, columns, wide, w);
#pragma unroll
        for (int c = 0; c < 4; c++) {
          v[c] += w[c];
        }
      }
      store4(to, j, columns, wide, v);
    }
  }
}

extern "C" __global__ void gather(
    const float* table,
    const int* ids,
    int adds,
    float* out,
    int rows,
    int columns,
    int tableRows,
    int* report) {
  takeRows(table, ids, adds, out, rows, columns, tableRows, report);
}

extern "C" __global__ void gather_halves(
    const bf16* table,
    const int* ids,
    int adds,
    float* out,
    int rows,
    int columns,
    int tableRows,
    int* report) {
  takeRows(table, ids, adds, out, rows, columns, tableRows, report);
}

// out[i, j] <- the sum of x[i, taken[e]], e from starts[j] to below starts[j + 1].
extern "C" __global__ void sum_columns(
    const float* x,
    const int* starts,
    const int* taken,
    float* out,
    long long n,
    int columns,
    int xColumns,
    int* report) {
  long long step = (long long)gridDim.x * blockDim.x;
  for (long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x; at < n; at += step) {
    const float* row = x + at / columns * xColumns;
    int j = at % columns;
    float sum = 0.0f;
    for (int e = starts[j]; e < starts[j + 1]; e++) {
      int column = taken[e];
      if (column < 0 || column >= xColumns) {
        reportId(report, column, xColumns);
      } else {
        sum += row[column];
      }
    }
    out[at] = sum;
  }
}

// table[ids[i]] <- table[ids[i]] + rows[i], in order of i. The block of the first row with an id
// adds all rows with it, so that nobody else writes there.
extern "C" __global__ void scatter_add(
    const float* x, const int* ids, float* table, int rows, int columns, int tableRows, int* report) {
  __shared__ int near[256];
  __shared__ int isLater;
  int own = blockIdx.x;
  int id = ids[own];
  if (id < 0) {
    return;
  }
  if (id >= tableRows) {
    if (threadIdx.x == 0) {
      reportId(report, id, tableRows);
    }
    return;
  }
  if (threadIdx.x == 0) {
    isLater = 0;
  }
  __syncthreads();
  for (int i = threadIdx.x; i < own; i += blockDim.x) {
    if (ids[i] == id) {
      isLater = 1;
    }
  }
  __syncthreads();
  if (isLater) {
    return;
  }
  float* to = table + (long long)id * columns;
  for (int from = own; from < rows; from += blockDim.x) {
    int count = min((int)blockDim.x, rows - from);
    __syncthreads();
    if ((int)threadIdx.x < count) {
      near[threadIdx.x] = ids[from + threadIdx.x];
    }
    __syncthreads();
    for (int i = 0; i < count; i++) {
      if (near[i] == id) {
        const float* row = x + (long long)(from + i) * columns;
        for (int j = threadIdx.x; j < columns; j += blockDim.x) {
          to[j] += row[j];
        }
      }
    }
  }
}

// ---- rotary embeddings

// Turns the pairs (i, i + half) of every head by the angle of the row's token; sign -1 turns back.
extern "C" __global__ void rotary(
    const float* x,
    const float* cosines,
    const float* sines,
    int tokens,
    int half,
    float sign,
    float* y,
    int rows,
    int columns) {
  for (long long row = firstRow(); row < rows; row += rowStep()) {
    const float* c = cosines + row % tokens * half;
    const float* s = sines + row % tokens * half;
    for (int pair = lane(); pair < columns / 2; pair += WARP) {
      int i = pair % half;
      long long at = row * columns + (long long)(pair / half) * 2 * half + i;
      float first = x[at];
      float second = x[at + half];
      float cosine = c[i];
      float sine = sign * s[i];
      y[at] = first * cosine - second * sine;
      y[at + half] = second * cosine + first * sine;
    }
  }
}
