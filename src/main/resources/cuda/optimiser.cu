// Many tensors at once, of however many trials: norms of gradients, clipping, AdamW. Tensors are
// cut into stretches, a block each; the list of tensors is an argument, so that a captured launch
// keeps it. What comes of a tensor does not depend on which others are in its launch.
#include "common.cuh"

#define STRETCH 8192
#define MOST_TENSORS 126
#define MOST_MOMENTS 72
#define MOST_GROUPS 126
#define THREADS 256

// A tensor, the number of stretches of those before it, and the group of tensors that it is of.
struct Part {
  float* x;
  long long n;
  long long first;
  long long group;
};

struct Parts {
  long long count;
  Part part[MOST_TENSORS];
};

// Gradients of one norm: where their sums are, and what the norm may be at most.
struct Group {
  long long first;
  long long sums;
  double most;
  double* norm;
};

struct Groups {
  long long count;
  Group group[MOST_GROUPS];
};

struct Moment {
  float* parameter;
  const float* gradient;
  float* mean;
  float* square;
  long long n;
  long long first;
};

struct Moments {
  long long count;
  Moment moment[MOST_MOMENTS];
};

// Returns the tensor that a stretch is of.
template <class List>
__device__ __forceinline__ int find(const List* tensors, int count, int stretch) {
  int low = 0;
  int high = count - 1;
  while (low < high) {
    int middle = (low + high + 1) / 2;
    if (tensors[middle].first <= stretch) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

// partial[first + blockIdx.x] <- the sum of squares of a stretch.
extern "C" __global__ void squares(double* partial, int first, Parts parts) {
  __shared__ double room[THREADS / WARP];
  Part part = parts.part[find(parts.part, (int)parts.count, blockIdx.x)];
  long long from = (blockIdx.x - part.first) * STRETCH;
  long long to = min(part.n, from + STRETCH);
  bool wide = aligned(part.x);
  double sum = 0.0;
  for (long long i = from + 4 * threadIdx.x; i < to; i += 4 * blockDim.x) {
    float v[4];
    load4(part.x, i, to, wide, v);
#pragma unroll
    for (int c = 0; c < 4; c++) {
      sum += (double)v[c] * v[c];
    }
  }
  sum = blockSum(sum, room);
  if (threadIdx.x == 0) {
    partial[first + blockIdx.x] = sum;
  }
}

// Of each group, a block each: norm <- the root of all sums; factor <- what brings gradients down
// to a norm of at most `most`, 1 where that is 0.
extern "C" __global__ void clip_factors(const double* partial, float* factors, Groups groups) {
  __shared__ double room[THREADS / WARP];
  Group own = groups.group[blockIdx.x];
  double sum = 0.0;
  for (long long i = threadIdx.x; i < own.sums; i += blockDim.x) {
    sum += partial[own.first + i];
  }
  sum = blockSum(sum, room);
  if (threadIdx.x == 0) {
    double length = sqrt(sum);
    float down = (float)(own.most / (length + 1e-6));
    *own.norm = length;
    factors[blockIdx.x] = own.most > 0.0 && down < 1.0f ? down : 1.0f;
  }
}

// norm <- weight times the root of all sums; factor <- what makes a tensor's norm weight; one block.
extern "C" __global__ void normalise_factor(
    const double* partial, int count, double weight, double* norm, float* factor) {
  __shared__ double room[THREADS / WARP];
  double sum = 0.0;
  for (int i = threadIdx.x; i < count; i += blockDim.x) {
    sum += partial[i];
  }
  sum = blockSum(sum, room);
  if (threadIdx.x == 0) {
    double length = sqrt(sum);
    *norm = weight * length;
    *factor = length > 0.0 ? (float)(weight / length) : 1.0f;
  }
}

// Multiplies all tensors by the factors that another kernel left for their groups.
extern "C" __global__ void scale_all(const float* factors, Parts parts) {
  Part part = parts.part[find(parts.part, (int)parts.count, blockIdx.x)];
  float alpha = factors[part.group];
  if (alpha == 1.0f) {
    return;
  }
  long long from = (blockIdx.x - part.first) * STRETCH;
  long long to = min(part.n, from + STRETCH);
  bool wide = aligned(part.x);
  for (long long i = from + 4 * threadIdx.x; i < to; i += 4 * blockDim.x) {
    float v[4];
    load4(part.x, i, to, wide, v);
#pragma unroll
    for (int c = 0; c < 4; c++) {
      v[c] *= alpha;
    }
    store4(part.x, i, to, wide, v);
  }
}

// AdamW (arXiv:1711.05101); steps has a row {decay, beta1, beta2, rate, root correction, epsilon}
// for each tensor, the first of this launch being `row`.
extern "C" __global__ void adam_w(const float* steps, int row, Moments moments) {
  int index = find(moments.moment, (int)moments.count, blockIdx.x);
  Moment own = moments.moment[index];
  const float* step = steps + 6LL * (row + index);
  float decay = step[0];
  float beta1 = step[1];
  float beta2 = step[2];
  float rate = step[3];
  float correction = step[4];
  float epsilon = step[5];
  long long from = (blockIdx.x - own.first) * STRETCH;
  long long to = min(own.n, from + STRETCH);
  bool wide =
      aligned(own.parameter) && aligned(own.gradient) && aligned(own.mean) && aligned(own.square);
  for (long long i = from + 4 * threadIdx.x; i < to; i += 4 * blockDim.x) {
    float p[4];
    float g[4];
    float m[4];
    float v[4];
    load4(own.parameter, i, to, wide, p);
    load4(own.gradient, i, to, wide, g);
    load4(own.mean, i, to, wide, m);
    load4(own.square, i, to, wide, v);
#pragma unroll
    for (int c = 0; c < 4; c++) {
      m[c] = beta1 * m[c] + (1.0f - beta1) * g[c];
      v[c] = beta2 * v[c] + (1.0f - beta2) * g[c] * g[c];
      p[c] = decay * p[c] - rate * m[c] / (sqrtf(v[c]) * correction + epsilon);
    }
    store4(own.parameter, i, to, wide, p);
    store4(own.mean, i, to, wide, m);
    store4(own.square, i, to, wide, v);
  }
}
