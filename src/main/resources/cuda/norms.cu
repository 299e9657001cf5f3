// Layer norm and RMS norm, a warp a row; each lane reads again only what it read or wrote itself.
#include "common.cuh"

// Writes four values of a row of outputs rounded too, where somebody wants that.
__device__ __forceinline__ void storeHalves(
    bf16* halves, long long row, int j, int columns, bool wide, const float v[4]) {
  if (halves != 0) {
    store4(halves + row, j, columns, wide && ((unsigned long long)halves & 7) == 0, v);
  }
}

// Returns the sum of squares of a row's distances from its mean to each lane.
__device__ __forceinline__ float squares(const float* x, float mean, int columns, bool wide) {
  float sum = 0.0f;
  for (int j = 4 * lane(); j < columns; j += 4 * WARP) {
    float v[4];
    load4(x, j, columns, wide, v);
#pragma unroll
    for (int c = 0; c < 4; c++) {
      float distance = j + c < columns ? v[c] - mean : 0.0f;
      sum = fmaf(distance, distance, sum);
    }
  }
  return warpSum(sum);
}

// x <- x + residual where there is one; y <- (x - mean) * rstd * gamma + beta; halves <- y, or null.
extern "C" __global__ void layer_norm(
    float* x,
    const float* residual,
    const float* gamma,
    const float* beta,
    float epsilon,
    float* y,
    bf16* halves,
    float* means,
    float* rstds,
    int rows,
    int columns) {
  bool wide =
      columns % 4 == 0 && aligned(x) && aligned(y) && (residual == 0 || aligned(residual));
  bool wideVectors = aligned(gamma) && aligned(beta);
  for (long long row = firstRow(); row < rows; row += rowStep()) {
    float* in = x + row * columns;
    float sum = 0.0f;
    for (int j = 4 * lane(); j < columns; j += 4 * WARP) {
      float v[4];
      load4(in, j, columns, wide, v);
      if (residual != 0) {
        float r[4];
        load4(residual + row * columns, j, columns, wide, r);
#pragma unroll
        for (int c = 0; c < 4; c++) {
          v[c] += r[c];
        }
        store4(in, j, columns, wide, v);
      }
      sum += (v[0] + v[1]) + (v[2] + v[3]);
    }
    float mean = warpSum(sum) / columns;
    float rstd = 1.0f / sqrtf(squares(in, mean, columns, wide) / columns + epsilon);
    for (int j = 4 * lane(); j < columns; j += 4 * WARP) {
      float v[4];
      float g[4];
      float b[4];
      load4(in, j, columns, wide, v);
      load4(gamma, j, columns, wideVectors, g);
      load4(beta, j, columns, wideVectors, b);
#pragma unroll
      for (int c = 0; c < 4; c++) {
        v[c] = fmaf((v[c] - mean) * rstd, g[c], b[c]);
      }
      store4(y + row * columns, j, columns, wide, v);
      storeHalves(halves, row * columns, j, columns, wide, v);
    }
    if (lane() == 0) {
      means[row] = mean;
      rstds[row] = rstd;
    }
  }
}

extern "C" __global__ void rms_norm(
    const float* x,
    const float* gamma,
    float epsilon,
    float* y,
    bf16* halves,
    float* rstds,
    int rows,
    int columns) {
  bool wide = columns % 4 == 0 && aligned(x) && aligned(y);
  bool wideGamma = aligned(gamma);
  for (long long row = firstRow(); row < rows; row += rowStep()) {
    const float* in = x + row * columns;
    float rstd = 1.0f / sqrtf(squares(in, 0.0f, columns, wide) / columns + epsilon);
    for (int j = 4 * lane(); j < columns; j += 4 * WARP) {
      float v[4];
      float g[4];
      load4(in, j, columns, wide, v);
      load4(gamma, j, columns, wideGamma, g);
#pragma unroll
      for (int c = 0; c < 4; c++) {
        v[c] *= rstd * g[c];
      }
      store4(y + row * columns, j, columns, wide, v);
      storeHalves(halves, row * columns, j, columns, wide, v);
    }
    if (lane() == 0) {
      rstds[row] = rstd;
    }
  }
}

// dx <- rstd * (g - mean(g) - hat * mean(g * hat)) with g = dy * gamma and hat the normalised x;
// without the mean of g where means is null, which is RMS norm. dx may be dy. halves <- dx, or null.
extern "C" __global__ void norm_backward(
    const float* x,
    const float* gamma,
    const float* means,
    const float* rstds,
    const float* dy,
    float* dx,
    bf16* halves,
    int rows,
    int columns) {
  bool wide = columns % 4 == 0 && aligned(x) && aligned(dy) && aligned(dx);
  bool wideGamma = aligned(gamma);
  for (long long row = firstRow(); row < rows; row += rowStep()) {
    const float* in = x + row * columns;
    const float* slopes = dy + row * columns;
    float mean = means == 0 ? 0.0f : means[row];
    float rstd = rstds[row];
    float sum = 0.0f;
    float dot = 0.0f;
    for (int j = 4 * lane(); j < columns; j += 4 * WARP) {
      float v[4];
      float g[4];
      float d[4];
      load4(in, j, columns, wide, v);
      load4(gamma, j, columns, wideGamma, g);
      load4(slopes, j, columns, wide, d);
#pragma unroll
      for (int c = 0; c < 4; c++) {
        float slope = d[c] * g[c];
        sum += slope;
        dot = fmaf(slope, v[c] - mean, dot);
      }
    }
    sum = means == 0 ? 0.0f : warpSum(sum) / columns;
    dot = warpSum(dot) / columns * rstd * rstd;
    for (int j = 4 * lane(); j < columns; j += 4 * WARP) {
      float v[4];
      float g[4];
      float d[4];
      load4(in, j, columns, wide, v);
      load4(gamma, j, columns, wideGamma, g);
      load4(slopes, j, columns, wide, d);
#pragma unroll
      for (int c = 0; c < 4; c++) {
        v[c] = fmaf(v[c] - mean, -dot, d[c] * g[c] - sum) * rstd;
      }
      store4(dx + row * columns, j, columns, wide, v);
      storeHalves(halves, row * columns, j, columns, wide, v);
    }
  }
}
