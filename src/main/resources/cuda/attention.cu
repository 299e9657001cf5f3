// Softmax attention that keeps no scores: a block takes a tile of queries (back, for keys and
// values: a tile of keys), walks over the tiles of the other side and keeps sums of what it
// computes in registers. Scores are computed again on the way back, from the logarithm of their
// sum. Nothing is added up by several blocks, so that all sums have one order.
#include "common.cuh"

#define THREADS 256
// Queries and keys of a tile.
#define TILE 64
// Columns of both factors of a product that are in shared memory at a time.
#define DEPTH 32
// Columns of an output that a block computes.
#define CHUNK 128
// Rows of the second factor of an accumulation that are in shared memory at a time.
#define BAND 16
// Distances of rows in shared memory, odd so that columns lie in different banks.
#define ROOM_STRIDE (DEPTH + 1)
#define TILE_STRIDE (TILE + 1)

struct Shape {
  int queries;
  int tokens;
  int heads;
  int keyHeads;
  int width;
  int causal;
  float scale;
  int threshold;
  float keptScale;
};

// What the queries of one sequence may see.
struct Sight {
  const int* mask;
  int tokens;
  int causal;
  int first;
  int last;

  // Whether a query sees no key, and so attends to all of them evenly.
  __device__ __forceinline__ bool isBlind(int query) const {
    return causal ? query < first : first == tokens;
  }

  // The number of keys, from the first, among which all are that some query of a tile attends to.
  __device__ __forceinline__ int keys(int from, int to) const {
    if (isBlind(from)) {
      return tokens;
    }
    return causal ? min(to, last + 1) : last + 1;
  }

  // The scaled score by which a query weighs a key.
  __device__ __forceinline__ float score(float product, float scale, int query, int key) const {
    if (key >= tokens) {
      return -INFINITE;
    }
    if (isBlind(query)) {
      return 0.0f;
    }
    bool isHidden = mask[key] == 0 || (causal && key > query);
    return isHidden ? -INFINITE : product * scale;
  }
};

// Finds the first and the last key that is not masked.
__device__ __forceinline__ Sight look(const int* mask, int tokens, int causal, int* room) {
  int first = tokens;
  int last = -1;
  for (int j = threadIdx.x; j < tokens; j += THREADS) {
    if (mask[j] != 0) {
      first = min(first, j);
      last = j;
    }
  }
#pragma unroll
  for (int far = WARP / 2; far > 0; far /= 2) {
    first = min(first, __shfl_xor_sync(EVERY_LANE, first, far));
    last = max(last, __shfl_xor_sync(EVERY_LANE, last, far));
  }
  if (lane() == 0) {
    room[2 * (threadIdx.x / WARP)] = first;
    room[2 * (threadIdx.x / WARP) + 1] = last;
  }
  __syncthreads();
  for (int w = 0; w < THREADS / WARP; w++) {
    first = min(first, room[2 * w]);
    last = max(last, room[2 * w + 1]);
  }
  Sight sight = {mask, tokens, causal, first, last};
  return sight;
}

// A tile of elements: a thread has rows 4y to 4y + 3 and every 16th column from x on.
__device__ __forceinline__ int tileRow() {
  return 4 * (threadIdx.x / 16);
}

__device__ __forceinline__ int tileColumn() {
  return threadIdx.x % 16;
}

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
  for (int i = 0; i < 4; i++) {
#pragma unroll
    for (int j = 0; j < 4; j++) {
      tile[i][j] = 0.0f;
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
    for (int c = 0; c < depth; c++) {
      float x[4];
      float y[4];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        x[i] = left[(tileRow() + i) * ROOM_STRIDE + c];
        y[i] = right[(tileColumn() + 16 * i) * ROOM_STRIDE + c];
      }
#pragma unroll
      for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
          tile[i][j] = fmaf(x[i], y[j], tile[i][j]);
        }
      }
    }
  }
}

// sums <- sums + op(s) * x, op the transpose where asked; x has `rows` rows and `columns` columns.
template <bool TRANSPOSED>
__device__ __forceinline__ void accumulate(
    float sums[4][8],
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
      room[n] = row < depth && column < columns ? x[(from + row) * stride + column] : 0.0f;
    }
    __syncthreads();
    for (int r = 0; r < depth; r++) {
      float weight[4];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int row = tileRow() + i;
        weight[i] = TRANSPOSED ? s[(from + r) * TILE_STRIDE + row] : s[row * TILE_STRIDE + from + r];
      }
#pragma unroll
      for (int c = 0; c < 8; c++) {
        if (16 * c < columns) {
          float value = room[r * CHUNK + tileColumn() + 16 * c];
#pragma unroll
          for (int i = 0; i < 4; i++) {
            sums[i][c] = fmaf(weight[i], value, sums[i][c]);
          }
        }
      }
    }
  }
}

__device__ __forceinline__ void clear(float sums[4][8]) {
#pragma unroll
  for (int i = 0; i < 4; i++) {
#pragma unroll
    for (int c = 0; c < 8; c++) {
      sums[i][c] = 0.0f;
    }
  }
}

__device__ __forceinline__ void store(
    const float sums[4][8], float* to, long long stride, int rows, int columns) {
#pragma unroll
  for (int i = 0; i < 4; i++) {
#pragma unroll
    for (int c = 0; c < 8; c++) {
      int row = tileRow() + i;
      int column = tileColumn() + 16 * c;
      if (row < rows && column < columns) {
        to[row * stride + column] = sums[i][c];
      }
    }
  }
}

// Blocks are (batch * heads, tiles of queries, chunks of columns).
extern "C" __global__ void attention(
    const float* q,
    const float* k,
    const float* v,
    const int* mask,
    const unsigned* seed,
    float* out,
    float* logSum,
    Shape shape) {
  __shared__ float left[TILE * ROOM_STRIDE];
  __shared__ float right[TILE * ROOM_STRIDE];
  __shared__ float s[TILE * TILE_STRIDE];
  __shared__ float peaks[TILE];
  __shared__ float totals[TILE];
  __shared__ float changes[TILE];
  __shared__ int room[2 * THREADS / WARP];
  int b = blockIdx.x / shape.heads;
  int head = blockIdx.x % shape.heads;
  int keyHead = head / (shape.heads / shape.keyHeads);
  int from = blockIdx.y * TILE;
  int rows = min(TILE, shape.queries - from);
  int column = blockIdx.z * CHUNK;
  int columns = min(CHUNK, shape.width - column);
  long long queryStride = (long long)shape.heads * shape.width;
  long long keyStride = (long long)shape.keyHeads * shape.width;
  long long firstQuery = ((long long)b * shape.queries + from) * queryStride + head * shape.width;
  long long firstKey = (long long)b * shape.tokens * keyStride + keyHead * shape.width;
  Sight sight = look(mask + (long long)b * shape.tokens, shape.tokens, shape.causal, room);
  Dropout drop = dropoutOf(seed, shape.threshold, shape.keptScale);
  if (threadIdx.x < TILE) {
    peaks[threadIdx.x] = -INFINITE;
    totals[threadIdx.x] = 0.0f;
  }
  float sums[4][8];
  clear(sums);
  int keys = sight.keys(from, from + rows);
  for (int at = 0; at < keys; at += TILE) {
    int count = min(TILE, shape.tokens - at);
    float tile[4][4];
    multiply(
        tile,
        q + firstQuery,
        queryStride,
        rows,
        k + firstKey + at * keyStride,
        keyStride,
        count,
        shape.width,
        left,
        right);
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
      for (int j = 0; j < 4; j++) {
        int row = tileRow() + i;
        int key = tileColumn() + 16 * j;
        s[row * TILE_STRIDE + key] = sight.score(tile[i][j], shape.scale, from + row, at + key);
      }
    }
    __syncthreads();
    // Four threads a row, 16 keys each.
    int row = threadIdx.x / 4;
    int part = threadIdx.x % 4;
    float* scores = s + row * TILE_STRIDE + 16 * part;
    float before = peaks[row];
    float peak = before;
    for (int j = 0; j < 16; j++) {
      peak = fmaxf(peak, scores[j]);
    }
    peak = fmaxf(peak, __shfl_xor_sync(EVERY_LANE, peak, 1));
    peak = fmaxf(peak, __shfl_xor_sync(EVERY_LANE, peak, 2));
    float start = peak == -INFINITE ? 0.0f : peak;
    float sum = 0.0f;
    unsigned index =
        (((unsigned)b * shape.heads + head) * shape.queries + from + row) * shape.tokens + at
        + 16 * part;
    for (int j = 0; j < 16; j++) {
      float weight = expf(scores[j] - start);
      sum += weight;
      scores[j] = shape.threshold == 0 ? weight : weight * drop.factor(index + j);
    }
    sum += __shfl_xor_sync(EVERY_LANE, sum, 1);
    sum += __shfl_xor_sync(EVERY_LANE, sum, 2);
    if (part == 0) {
      float change = expf(before - start);
      changes[row] = change;
      totals[row] = totals[row] * change + sum;
      peaks[row] = peak;
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < 4; i++) {
      float change = changes[tileRow() + i];
#pragma unroll
      for (int c = 0; c < 8; c++) {
        sums[i][c] *= change;
      }
    }
    accumulate<false>(
        sums, s, v + firstKey + at * keyStride + column, keyStride, count, columns, left);
  }
  __syncthreads();
#pragma unroll
  for (int i = 0; i < 4; i++) {
    float total = totals[tileRow() + i];
#pragma unroll
    for (int c = 0; c < 8; c++) {
      sums[i][c] /= total;
    }
  }
  store(sums, out + firstQuery + column, queryStride, rows, columns);
  if (blockIdx.z == 0 && (int)threadIdx.x < rows) {
    logSum[(long long)blockIdx.x * shape.queries + from + threadIdx.x] =
        peaks[threadIdx.x] + logf(totals[threadIdx.x]);
  }
}

// dots[b, head, query] <- out . dOut of the head, which is the mean of its weights' gradients; a
// warp each.
extern "C" __global__ void attention_dots(
    const float* out, const float* dOut, float* dots, int queries, int heads, int width, long long n) {
  for (long long row = firstRow(); row < n; row += rowStep()) {
    long long query = row % queries;
    long long head = row / queries % heads;
    long long b = row / queries / heads;
    long long at = ((b * queries + query) * heads + head) * width;
    float sum = 0.0f;
    for (int j = lane(); j < width; j += WARP) {
      sum = fmaf(out[at + j], dOut[at + j], sum);
    }
    sum = warpSum(sum);
    if (lane() == 0) {
      dots[row] = sum;
    }
  }
}

// Turns scores and gradients of weights of a tile into weights and gradients of scores.
__device__ __forceinline__ void backwardTile(
    float weights[4][4],
    float slopes[4][4],
    const Sight& sight,
    const Dropout& drop,
    const Shape& shape,
    const float* logSum,
    const float* dots,
    unsigned sequenceHead,
    int query,
    int rows,
    int key) {
#pragma unroll
  for (int i = 0; i < 4; i++) {
    int row = tileRow() + i;
    bool isInside = row < rows;
    float log = isInside ? logSum[query + row] : 0.0f;
    float mean = isInside ? dots[query + row] : 0.0f;
    unsigned index = (sequenceHead * shape.queries + query + row) * shape.tokens + key;
#pragma unroll
    for (int j = 0; j < 4; j++) {
      int column = tileColumn() + 16 * j;
      float score = sight.score(weights[i][j], shape.scale, query + row, key + column);
      float weight = isInside ? expf(score - log) : 0.0f;
      float factor = shape.threshold == 0 ? 1.0f : drop.factor(index + column);
      slopes[i][j] = weight * (slopes[i][j] * factor - mean) * shape.scale;
      weights[i][j] = weight * factor;
    }
  }
}

__device__ __forceinline__ void keep(const float tile[4][4], float* s) {
#pragma unroll
  for (int i = 0; i < 4; i++) {
#pragma unroll
    for (int j = 0; j < 4; j++) {
      s[(tileRow() + i) * TILE_STRIDE + tileColumn() + 16 * j] = tile[i][j];
    }
  }
}

// Blocks are (batch * heads, tiles of queries, chunks of columns).
extern "C" __global__ void attention_queries_backward(
    const float* q,
    const float* k,
    const float* v,
    const int* mask,
    const unsigned* seed,
    const float* logSum,
    const float* dots,
    const float* dOut,
    float* dq,
    Shape shape) {
  __shared__ float left[TILE * ROOM_STRIDE];
  __shared__ float right[TILE * ROOM_STRIDE];
  __shared__ float s[TILE * TILE_STRIDE];
  __shared__ int room[2 * THREADS / WARP];
  int b = blockIdx.x / shape.heads;
  int head = blockIdx.x % shape.heads;
  int keyHead = head / (shape.heads / shape.keyHeads);
  int from = blockIdx.y * TILE;
  int rows = min(TILE, shape.queries - from);
  int column = blockIdx.z * CHUNK;
  int columns = min(CHUNK, shape.width - column);
  long long queryStride = (long long)shape.heads * shape.width;
  long long keyStride = (long long)shape.keyHeads * shape.width;
  long long firstQuery = ((long long)b * shape.queries + from) * queryStride + head * shape.width;
  long long firstKey = (long long)b * shape.tokens * keyStride + keyHead * shape.width;
  long long firstSum = (long long)blockIdx.x * shape.queries;
  Sight sight = look(mask + (long long)b * shape.tokens, shape.tokens, shape.causal, room);
  Dropout drop = dropoutOf(seed, shape.threshold, shape.keptScale);
  float sums[4][8];
  clear(sums);
  int keys = sight.keys(from, from + rows);
  for (int at = 0; at < keys; at += TILE) {
    int count = min(TILE, shape.tokens - at);
    const float* keyTile = k + firstKey + at * keyStride;
    const float* valueTile = v + firstKey + at * keyStride;
    float weights[4][4];
    float slopes[4][4];
    multiply(
        weights,
        q + firstQuery,
        queryStride,
        rows,
        keyTile,
        keyStride,
        count,
        shape.width,
        left,
        right);
    multiply(
        slopes,
        dOut + firstQuery,
        queryStride,
        rows,
        valueTile,
        keyStride,
        count,
        shape.width,
        left,
        right);
    backwardTile(
        weights,
        slopes,
        sight,
        drop,
        shape,
        logSum + firstSum,
        dots + firstSum,
        blockIdx.x,
        from,
        rows,
        at);
    keep(slopes, s);
    accumulate<false>(sums, s, keyTile + column, keyStride, count, columns, left);
  }
  store(sums, dq + firstQuery + column, queryStride, rows, columns);
}

// dk and dv, each or null. Blocks are (batch * key heads, tiles of keys, chunks of columns).
extern "C" __global__ void attention_keys_backward(
    const float* q,
    const float* k,
    const float* v,
    const int* mask,
    const unsigned* seed,
    const float* logSum,
    const float* dots,
    const float* dOut,
    float* dk,
    float* dv,
    Shape shape) {
  __shared__ float left[TILE * ROOM_STRIDE];
  __shared__ float right[TILE * ROOM_STRIDE];
  __shared__ float s[TILE * TILE_STRIDE];
  __shared__ int room[2 * THREADS / WARP];
  int b = blockIdx.x / shape.keyHeads;
  int keyHead = blockIdx.x % shape.keyHeads;
  int group = shape.heads / shape.keyHeads;
  int at = blockIdx.y * TILE;
  int count = min(TILE, shape.tokens - at);
  int column = blockIdx.z * CHUNK;
  int columns = min(CHUNK, shape.width - column);
  long long queryStride = (long long)shape.heads * shape.width;
  long long keyStride = (long long)shape.keyHeads * shape.width;
  long long firstKey =
      ((long long)b * shape.tokens + at) * keyStride + keyHead * shape.width;
  Sight sight = look(mask + (long long)b * shape.tokens, shape.tokens, shape.causal, room);
  Dropout drop = dropoutOf(seed, shape.threshold, shape.keptScale);
  float keySums[4][8];
  float valueSums[4][8];
  clear(keySums);
  clear(valueSums);
  for (int head = keyHead * group; head < (keyHead + 1) * group; head++) {
    unsigned sequenceHead = (unsigned)b * shape.heads + head;
    long long firstSum = (long long)sequenceHead * shape.queries;
    for (int from = 0; from < shape.queries; from += TILE) {
      int rows = min(TILE, shape.queries - from);
      if (at >= sight.keys(from, from + rows)) {
        continue;
      }
      long long firstQuery =
          ((long long)b * shape.queries + from) * queryStride + head * shape.width;
      float weights[4][4];
      float slopes[4][4];
      multiply(
          weights,
          q + firstQuery,
          queryStride,
          rows,
          k + firstKey,
          keyStride,
          count,
          shape.width,
          left,
          right);
      multiply(
          slopes,
          dOut + firstQuery,
          queryStride,
          rows,
          v + firstKey,
          keyStride,
          count,
          shape.width,
          left,
          right);
      backwardTile(
          weights,
          slopes,
          sight,
          drop,
          shape,
          logSum + firstSum,
          dots + firstSum,
          sequenceHead,
          from,
          rows,
          at);
      if (dv != 0) {
        keep(weights, s);
        accumulate<true>(
            valueSums, s, dOut + firstQuery + column, queryStride, rows, columns, left);
        __syncthreads();
      }
      if (dk != 0) {
        keep(slopes, s);
        accumulate<true>(keySums, s, q + firstQuery + column, queryStride, rows, columns, left);
      }
    }
  }
  if (dv != 0) {
    store(valueSums, dv + firstKey + column, keyStride, count, columns);
  }
  if (dk != 0) {
    store(keySums, dk + firstKey + column, keyStride, count, columns);
  }
}
