// Softmax attention that keeps no scores: a block takes a tile of queries (back, for keys and
// values: a tile of keys), walks over the tiles of the other side and keeps sums of what it
// computes in registers. Scores are computed again on the way back, from the logarithm of their
// sum. Nothing is added up by several blocks, so that all sums have one order.
//
// Each kernel is there twice: with factors of products as 32-bit floats, and "of halves", with
// factors that are rounded to halves where the device has tensor cores for them. Softmax, its
// statistics and all sums are those of 32-bit floats in both.
#include "common.cuh"
#include "tiles.cuh"

// Blocks that a multiprocessor should have room for.
#define RESIDENT (TENSOR_CORES ? 2 : 1)

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
  // What scaled scores are held below, 0 for nothing.
  float cap;
  int batch;
  // Queries' rows that the bias has of one query: 1, heads, or heads * batch.
  int biasGroups;
};

// What all kernels read.
struct Inputs {
  const float* q;
  const float* k;
  const float* v;
  const int* mask;
  // Null for no dropout.
  const unsigned* seed;
  // Null for none.
  const float* bias;
  Shape shape;
};

// What a block has in shared memory.
template <class Word>
struct Room {
  Word left[TILE * ROOM_STRIDE];
  Word right[TILE * ROOM_STRIDE];
  float s[TILE * TILE_STRIDE];
  int sight[2 * THREADS / WARP];
};

// What softmax has there besides, of each row.
struct Statistics {
  float peaks[TILE];
  float totals[TILE];
  float changes[TILE];
};

// The first row of a head in something [groups * queries, tokens], heads after heads.
__device__ __forceinline__ long long firstBias(const Shape& shape, int groups, int b, int head) {
  long long group = groups == 1 ? 0 : groups == shape.heads ? head : head * shape.batch + b;
  return group * shape.queries * shape.tokens;
}

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

  // The score by which a query weighs a key; bias is that of the head, or null.
  __device__ __forceinline__ float score(
      float product, const Shape& shape, const float* bias, int query, int key) const {
    if (key >= tokens) {
      return -INFINITE;
    }
    if (isBlind(query)) {
      return 0.0f;
    }
    int own = causal && query < tokens ? mask[query] : 0;
    bool isOfOther = own > 0 && mask[key] > 0 && own != mask[key];
    bool isHidden = mask[key] == 0 || (causal && key > query) || isOfOther;
    if (isHidden) {
      return -INFINITE;
    }
    float score = product * shape.scale;
    if (shape.cap > 0.0f) {
      score = shape.cap * tanhf(score / shape.cap);
    }
    return bias == 0 ? score : score + bias[(long long)query * tokens + key];
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

template <class Word>
__device__ __forceinline__ void attend(
    Room<Word>& room,
    Statistics& statistics,
    float* out,
    bf16* halves,
    float* logSum,
    const Inputs& in) {
  const Shape& shape = in.shape;
  float* s = room.s;
  float* peaks = statistics.peaks;
  float* totals = statistics.totals;
  float* changes = statistics.changes;
  int b = blockIdx.x / shape.heads;
  int head = blockIdx.x % shape.heads;
  int keyHead = head / (shape.heads / shape.keyHeads);
  int from = blockIdx.y * TILE;
  int rows = min(TILE, shape.queries - from);
  int column = blockIdx.z * CHUNK;
  int columns = min(CHUNK, shape.width - column);
  int queryStride = shape.heads * shape.width;
  int keyStride = shape.keyHeads * shape.width;
  long long firstQuery = ((long long)b * shape.queries + from) * queryStride + head * shape.width;
  long long firstKey = (long long)b * shape.tokens * keyStride + keyHead * shape.width;
  Sight sight =
      look(in.mask + (long long)b * shape.tokens, shape.tokens, shape.causal, room.sight);
  Dropout drop = dropoutOf(in.seed, shape.threshold, shape.keptScale);
  const float* bias =
      in.bias == 0 ? 0 : in.bias + firstBias(shape, shape.biasGroups, b, head);
  if (threadIdx.x < TILE) {
    peaks[threadIdx.x] = -INFINITE;
    totals[threadIdx.x] = 0.0f;
  }
  float sums[8][4];
  clear(sums);
  int keys = sight.keys(from, from + rows);
  for (int at = 0; at < keys; at += TILE) {
    int count = min(TILE, shape.tokens - at);
    float tile[4][4];
    multiply(
        tile,
        in.q + firstQuery,
        queryStride,
        rows,
        in.k + firstKey + (long long)at * keyStride,
        keyStride,
        count,
        shape.width,
        room.left,
        room.right);
#pragma unroll
    for (int n = 0; n < 4; n++) {
#pragma unroll
      for (int e = 0; e < 4; e++) {
        int row = rowOf(e);
        int key = tileColumn(n, e);
        // Queries that are none have no bias.
        const float* own = row < rows ? bias : 0;
        s[row * TILE_STRIDE + key] = sight.score(tile[n][e], shape, own, from + row, at + key);
      }
    }
    __syncthreads();
    // Four threads a row, every fourth key each.
    int row = threadIdx.x / 4;
    int part = threadIdx.x % 4;
    float* scores = s + row * TILE_STRIDE + part;
    float before = peaks[row];
    float peak = before;
    for (int j = 0; j < 16; j++) {
      peak = fmaxf(peak, scores[4 * j]);
    }
    peak = fmaxf(peak, __shfl_xor_sync(EVERY_LANE, peak, 1));
    peak = fmaxf(peak, __shfl_xor_sync(EVERY_LANE, peak, 2));
    float start = peak == -INFINITE ? 0.0f : peak;
    float sum = 0.0f;
    unsigned index =
        (((unsigned)b * shape.heads + head) * shape.queries + from + row) * shape.tokens + at
        + part;
    for (int j = 0; j < 16; j++) {
      float weight = expf(scores[4 * j] - start);
      sum += weight;
      scores[4 * j] = shape.threshold == 0 ? weight : weight * drop.factor(index + 4 * j);
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
    for (int e = 0; e < 4; e++) {
      float change = changes[rowOf(e)];
#pragma unroll
      for (int n = 0; n < 8; n++) {
        sums[n][e] *= change;
      }
    }
    accumulate<false>(
        sums,
        s,
        in.v + firstKey + (long long)at * keyStride + column,
        keyStride,
        count,
        columns,
        room.left);
  }
  __syncthreads();
#pragma unroll
  for (int e = 0; e < 4; e++) {
    float total = totals[rowOf(e)];
#pragma unroll
    for (int n = 0; n < 8; n++) {
      sums[n][e] /= total;
    }
  }
  store(sums, out, halves, firstQuery + column, queryStride, rows, columns);
  if (blockIdx.z == 0 && (int)threadIdx.x < rows) {
    logSum[(long long)blockIdx.x * shape.queries + from + threadIdx.x] =
        peaks[threadIdx.x] + logf(totals[threadIdx.x]);
  }
}

// halves <- out, or null. Blocks are (batch * heads, tiles of queries, chunks of columns).
extern "C" __global__ __launch_bounds__(THREADS, RESIDENT) void attention(
    float* out, bf16* halves, float* logSum, Inputs in) {
  __shared__ Room<float> room;
  __shared__ Statistics statistics;
  attend(room, statistics, out, halves, logSum, in);
}

extern "C" __global__ __launch_bounds__(THREADS, RESIDENT) void attention_of_halves(
    float* out, bf16* halves, float* logSum, Inputs in) {
  __shared__ Room<Rounded> room;
  __shared__ Statistics statistics;
  attend(room, statistics, out, halves, logSum, in);
}

// dots[b, head, query] <- out . dOut of the head, which is the mean of its weights' gradients; a
// warp each.
extern "C" __global__ void attention_dots(
    const float* out,
    const float* dOut,
    float* dots,
    int queries,
    int heads,
    int width,
    long long n) {
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

// What the ways back read besides.
struct Past {
  const float* logSum;
  const float* dots;
  const float* dOut;
};

// Turns what a thread has of a tile's products of queries and keys, in s, and of its gradients of
// weights into weights and gradients of products.
__device__ __forceinline__ void backwardTile(
    float* s,
    float slopes[4][4],
    const Sight& sight,
    const Dropout& drop,
    const Inputs& in,
    const Past& past,
    float* dBias,
    int b,
    int head,
    int query,
    int rows,
    int key) {
  const Shape& shape = in.shape;
  const float* bias =
      in.bias == 0 ? 0 : in.bias + firstBias(shape, shape.biasGroups, b, head);
  float* toBias = dBias == 0 ? 0 : dBias + firstBias(shape, shape.heads * shape.batch, b, head);
  unsigned sequenceHead = (unsigned)b * shape.heads + head;
  long long firstSum = (long long)sequenceHead * shape.queries;
#pragma unroll
  for (int e = 0; e < 4; e++) {
    int row = rowOf(e);
    bool isInside = row < rows;
    float log = isInside ? past.logSum[firstSum + query + row] : 0.0f;
    float mean = isInside ? past.dots[firstSum + query + row] : 0.0f;
    unsigned index = (sequenceHead * shape.queries + query + row) * shape.tokens + key;
#pragma unroll
    for (int n = 0; n < 4; n++) {
      int column = tileColumn(n, e);
      float product = s[row * TILE_STRIDE + column];
      float capped = shape.cap > 0.0f ? tanhf(product * shape.scale / shape.cap) : 0.0f;
      // Queries that are none have no bias.
      float score =
          isInside ? sight.score(product, shape, bias, query + row, key + column) : 0.0f;
      float weight = isInside ? expf(score - log) : 0.0f;
      float factor = shape.threshold == 0 ? 1.0f : drop.factor(index + column);
      float slope = weight * (slopes[n][e] * factor - mean);
      if (toBias != 0 && isInside && key + column < shape.tokens) {
        toBias[(long long)(query + row) * shape.tokens + key + column] = slope;
      }
      slopes[n][e] = slope * shape.scale * (1.0f - capped * capped);
      s[row * TILE_STRIDE + column] = weight * factor;
    }
  }
}

template <class Word>
__device__ __forceinline__ void queriesBackward(
    Room<Word>& room, float* dq, bf16* halves, float* dBias, const Past& past, const Inputs& in) {
  const Shape& shape = in.shape;
  int b = blockIdx.x / shape.heads;
  int head = blockIdx.x % shape.heads;
  int keyHead = head / (shape.heads / shape.keyHeads);
  int from = blockIdx.y * TILE;
  int rows = min(TILE, shape.queries - from);
  int column = blockIdx.z * CHUNK;
  int columns = min(CHUNK, shape.width - column);
  int queryStride = shape.heads * shape.width;
  int keyStride = shape.keyHeads * shape.width;
  long long firstQuery = ((long long)b * shape.queries + from) * queryStride + head * shape.width;
  long long firstKey = (long long)b * shape.tokens * keyStride + keyHead * shape.width;
  Sight sight =
      look(in.mask + (long long)b * shape.tokens, shape.tokens, shape.causal, room.sight);
  Dropout drop = dropoutOf(in.seed, shape.threshold, shape.keptScale);
  float sums[8][4];
  clear(sums);
  int keys = sight.keys(from, from + rows);
  for (int at = 0; at < keys; at += TILE) {
    int count = min(TILE, shape.tokens - at);
    const float* keyTile = in.k + firstKey + (long long)at * keyStride;
    const float* valueTile = in.v + firstKey + (long long)at * keyStride;
    float slopes[4][4];
    multiply(
        slopes,
        in.q + firstQuery,
        queryStride,
        rows,
        keyTile,
        keyStride,
        count,
        shape.width,
        room.left,
        room.right);
    keep(slopes, room.s);
    multiply(
        slopes,
        past.dOut + firstQuery,
        queryStride,
        rows,
        valueTile,
        keyStride,
        count,
        shape.width,
        room.left,
        room.right);
    // One of the blocks of a head's columns writes what the bias gets.
    float* toBias = blockIdx.z > 0 ? 0 : dBias;
    backwardTile(room.s, slopes, sight, drop, in, past, toBias, b, head, from, rows, at);
    keep(slopes, room.s);
    accumulate<false>(sums, room.s, keyTile + column, keyStride, count, columns, room.left);
  }
  if (dq != 0) {
    store(sums, dq, halves, firstQuery + column, queryStride, rows, columns);
  }
}

// dq and its halves, each or null. Blocks are (batch * heads, tiles of queries, chunks of columns).
extern "C" __global__ __launch_bounds__(THREADS, RESIDENT) void attention_queries_backward(
    const float* logSum,
    const float* dots,
    const float* dOut,
    float* dq,
    bf16* halves,
    float* dBias,
    Inputs in) {
  __shared__ Room<float> room;
  Past past = {logSum, dots, dOut};
  queriesBackward(room, dq, halves, dBias, past, in);
}

extern "C" __global__ __launch_bounds__(THREADS, RESIDENT) void attention_queries_backward_of_halves(
    const float* logSum,
    const float* dots,
    const float* dOut,
    float* dq,
    bf16* halves,
    float* dBias,
    Inputs in) {
  __shared__ Room<Rounded> room;
  Past past = {logSum, dots, dOut};
  queriesBackward(room, dq, halves, dBias, past, in);
}

template <class Word>
__device__ __forceinline__ void keysBackward(
    Room<Word>& room,
    float* dk,
    bf16* keyHalves,
    float* dv,
    bf16* valueHalves,
    const Past& past,
    const Inputs& in) {
  const Shape& shape = in.shape;
  int b = blockIdx.x / shape.keyHeads;
  int keyHead = blockIdx.x % shape.keyHeads;
  int group = shape.heads / shape.keyHeads;
  int at = blockIdx.y * TILE;
  int count = min(TILE, shape.tokens - at);
  int column = blockIdx.z * CHUNK;
  int columns = min(CHUNK, shape.width - column);
  int queryStride = shape.heads * shape.width;
  int keyStride = shape.keyHeads * shape.width;
  long long firstKey =
      ((long long)b * shape.tokens + at) * keyStride + keyHead * shape.width;
  Sight sight =
      look(in.mask + (long long)b * shape.tokens, shape.tokens, shape.causal, room.sight);
  Dropout drop = dropoutOf(in.seed, shape.threshold, shape.keptScale);
  float keySums[8][4];
  float valueSums[8][4];
  clear(keySums);
  clear(valueSums);
  for (int head = keyHead * group; head < (keyHead + 1) * group; head++) {
    for (int from = 0; from < shape.queries; from += TILE) {
      int rows = min(TILE, shape.queries - from);
      if (at >= sight.keys(from, from + rows)) {
        continue;
      }
      long long firstQuery =
          ((long long)b * shape.queries + from) * queryStride + head * shape.width;
      float slopes[4][4];
      multiply(
          slopes,
          in.q + firstQuery,
          queryStride,
          rows,
          in.k + firstKey,
          keyStride,
          count,
          shape.width,
          room.left,
          room.right);
      keep(slopes, room.s);
      multiply(
          slopes,
          past.dOut + firstQuery,
          queryStride,
          rows,
          in.v + firstKey,
          keyStride,
          count,
          shape.width,
          room.left,
          room.right);
      backwardTile(room.s, slopes, sight, drop, in, past, 0, b, head, from, rows, at);
      if (dv != 0) {
        accumulate<true>(
            valueSums,
            room.s,
            past.dOut + firstQuery + column,
            queryStride,
            rows,
            columns,
            room.left);
        __syncthreads();
      }
      if (dk != 0) {
        keep(slopes, room.s);
        accumulate<true>(
            keySums,
            room.s,
            in.q + firstQuery + column,
            queryStride,
            rows,
            columns,
            room.left);
      }
    }
  }
  if (dv != 0) {
    store(valueSums, dv, valueHalves, firstKey + column, keyStride, count, columns);
  }
  if (dk != 0) {
    store(keySums, dk, keyHalves, firstKey + column, keyStride, count, columns);
  }
}

// dk and dv, each or null. Blocks are (batch * key heads, tiles of keys, chunks of columns).
extern "C" __global__ void attention_keys_backward(
    const float* logSum,
    const float* dots,
    const float* dOut,
    float* dk,
    bf16* keyHalves,
    float* dv,
    bf16* valueHalves,
    Inputs in) {
  __shared__ Room<float> room;
  Past past = {logSum, dots, dOut};
  keysBackward(room, dk, keyHalves, dv, valueHalves, past, in);
}

extern "C" __global__ void attention_keys_backward_of_halves(
    const float* logSum,
    const float* dots,
    const float* dOut,
    float* dk,
    bf16* keyHalves,
    float* dv,
    bf16* valueHalves,
    Inputs in) {
  __shared__ Room<Rounded> room;
  Past past = {logSum, dots, dOut};
  keysBackward(room, dk, keyHalves, dv, valueHalves, past, in);
}
