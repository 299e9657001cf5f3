// Kernels that compute each element by itself; an output may be an input.
#include "common.cuh"

// y[i] <- f(x[i], i)
template <class X, class Y, class F>
__device__ __forceinline__ void map(const X* x, Y* y, long long n, F f) {
  bool wide = aligned(x) && aligned(y);
  for (long long i = firstElement(); i < n; i += elementStep()) {
    float v[4];
    load4(x, i, n, wide, v);
#pragma unroll
    for (int c = 0; c < 4; c++) {
      v[c] = f(v[c], i + c);
    }
    store4(y, i, n, wide, v);
  }
}

// y[i] <- f(a[i], b[i])
template <class F>
__device__ __forceinline__ void map(const float* a, const float* b, float* y, long long n, F f) {
  bool wide = aligned(a) && aligned(b) && aligned(y);
  for (long long i = firstElement(); i < n; i += elementStep()) {
    float v[4];
    float w[4];
    load4(a, i, n, wide, v);
    load4(b, i, n, wide, w);
#pragma unroll
    for (int c = 0; c < 4; c++) {
      v[c] = f(v[c], w[c]);
    }
    store4(y, i, n, wide, v);
  }
}

extern "C" __global__ void fill(float value, float* x, long long n) {
  bool wide = aligned(x);
  float v[4] = {value, value, value, value};
  for (long long i = firstElement(); i < n; i += elementStep()) {
    store4(x, i, n, wide, v);
  }
}

extern "C" __global__ void fill_doubles(double value, double* x, long long n) {
  long long step = (long long)gridDim.x * blockDim.x;
  for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += step) {
    x[i] = value;
  }
}

extern "C" __global__ void widen_all(const bf16* x, float* y, long long n) {
  map(x, y, n, [](float a, long long) { return a; });
}

extern "C" __global__ void narrow_all(const float* x, bf16* y, long long n) {
  map(x, y, n, [](float a, long long) { return a; });
}

extern "C" __global__ void copy_halves(const bf16* x, bf16* y, long long n) {
  long long step = (long long)gridDim.x * blockDim.x;
  for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += step) {
    y[i] = x[i];
  }
}

extern "C" __global__ void add_scaled(float alpha, const float* x, float* y, long long n) {
  map(x, y, y, n, [=](float a, float b) { return fmaf(alpha, a, b); });
}

extern "C" __global__ void scale(float alpha, const float* x, float* y, long long n) {
  map(x, y, n, [=](float a, long long) { return alpha * a; });
}

// By a factor that another kernel left.
extern "C" __global__ void scale_by(const float* factor, float* x, long long n) {
  float alpha = *factor;
  map(x, x, n, [=](float a, long long) { return alpha * a; });
}

extern "C" __global__ void multiply(const float* a, const float* b, float* y, long long n) {
  map(a, b, y, n, [](float v, float w) { return v * w; });
}

extern "C" __global__ void reciprocal(const float* x, float* y, long long n) {
  map(x, y, n, [](float a, long long) { return 1.0f / a; });
}

extern "C" __global__ void tanh_forward(const float* x, float* y, long long n) {
  map(x, y, n, [](float a, long long) { return tanhf(a); });
}

extern "C" __global__ void tanh_backward(const float* y, const float* dy, float* dx, long long n) {
  map(y, dy, dx, n, [](float v, float d) { return d * (1.0f - v * v); });
}

extern "C" __global__ void dropout(
    const float* x, const unsigned* seed, int threshold, float scale, float* y, long long n) {
  Dropout drop = dropoutOf(seed, threshold, scale);
  map(x, y, n, [=](float a, long long i) { return drop.of(a, (unsigned)i); });
}

// ---- activations

// The distribution function of the normal distribution.
__device__ __forceinline__ float phi(float x) {
  return x < 0.0f ? 0.5f * erfcf(-x * 0.70710678118654752f)
                  : 0.5f + 0.5f * erff(x * 0.70710678118654752f);
}

// y <- f(x + bias, dy), with a bias for each column and dy, or without either; kept, if not null,
// <- x rounded to halves.
template <class X, class Y, class F>
__device__ __forceinline__ void mapBiased(
    const X* x,
    const float* bias,
    const float* dy,
    bf16* kept,
    Y* y,
    int rows,
    int columns,
    F f) {
  bool wide = columns % 4 == 0 && aligned(x) && aligned(y) && (dy == 0 || aligned(dy)) &&
      (kept == 0 || aligned(kept));
  bool wideBias = aligned(bias);
  for (long long row = firstRow(); row < rows; row += rowStep()) {
    long long at = row * columns;
    for (int j = 4 * lane(); j < columns; j += 4 * WARP) {
      float v[4];
      float b[4] = {0.0f, 0.0f, 0.0f, 0.0f};
      float d[4] = {0.0f, 0.0f, 0.0f, 0.0f};
      load4(x + at, j, columns, wide, v);
      if (bias != 0) {
        load4(bias, j, columns, wideBias, b);
      }
      if (dy != 0) {
        load4(dy + at, j, columns, wide, d);
      }
      if (kept != 0) {
        store4(kept + at, j, columns, wide, v);
      }
#pragma unroll
      for (int c = 0; c < 4; c++) {
        v[c] = f(v[c] + b[c], d[c]);
      }
      store4(y + at, j, columns, wide, v);
    }
  }
}

struct Gelu {
  __device__ __forceinline__ float operator()(float v, float) const {
    return v * phi(v);
  }
};

struct GeluBackward {
  __device__ __forceinline__ float operator()(float v, float d) const {
    float density = 0.39894228040143268f * expf(-0.5f * v * v);
    return d * (phi(v) + v * density);
  }
};

extern "C" __global__ void gelu(
    const float* x, const float* bias, float* y, int rows, int columns) {
  mapBiased(x, bias, 0, 0, y, rows, columns, Gelu());
}

extern "C" __global__ void gelu_backward(
    const float* x, const float* bias, const float* dy, float* dx, int rows, int columns) {
  mapBiased(x, bias, dy, 0, dx, rows, columns, GeluBackward());
}

extern "C" __global__ void gelu_to_halves(
    const float* x, const float* bias, bf16* kept, bf16* y, int rows, int columns) {
  mapBiased(x, bias, 0, kept, y, rows, columns, Gelu());
}

extern "C" __global__ void gelu_backward_of_halves(
    const bf16* x, const float* bias, const float* dy, bf16* dx, int rows, int columns) {
  mapBiased(x, bias, dy, 0, dx, rows, columns, GeluBackward());
}

__device__ __forceinline__ float logistic(float x) {
  return 1.0f / (1.0f + expf(-x));
}

extern "C" __global__ void swiglu(const float* gate, const float* up, float* y, long long n) {
  map(gate, up, y, n, [](float g, float u) { return g * logistic(g) * u; });
}

// The same as halves; each kept, if not null, <- its factor rounded.
extern "C" __global__ void swiglu_to_halves(
    const float* gate,
    const float* up,
    bf16* keptGate,
    bf16* keptUp,
    bf16* y,
    long long n) {
  bool wide = aligned(gate) && aligned(up) && aligned(y);
  bool wideKept = keptGate != 0 && aligned(keptGate) && aligned(keptUp);
  for (long long i = firstElement(); i < n; i += elementStep()) {
    float g[4];
    float u[4];
    load4(gate, i, n, wide, g);
    load4(up, i, n, wide, u);
    if (keptGate != 0) {
      store4(keptGate, i, n, wideKept, g);
      store4(keptUp, i, n, wideKept, u);
    }
#pragma unroll
    for (int c = 0; c < 4; c++) {
      g[c] = g[c] * logistic(g[c]) * u[c];
    }
    store4(y, i, n, wide, g);
  }
}

template <class X, class Y>
__device__ __forceinline__ void swigluBackward(
    const X* gate, const X* up, const float* dy, Y* dGate, Y* dUp, long long n) {
  bool wide =
      aligned(gate) && aligned(up) && aligned(dy) && aligned(dGate) && aligned(dUp);
  for (long long i = firstElement(); i < n; i += elementStep()) {
    float g[4];
    float u[4];
    float d[4];
    load4(gate, i, n, wide, g);
    load4(up, i, n, wide, u);
    load4(dy, i, n, wide, d);
#pragma unroll
    for (int c = 0; c < 4; c++) {
      float sigma = logistic(g[c]);
      float slope = sigma * (1.0f + g[c] * (1.0f - sigma));
      float own = d[c] * g[c] * sigma;
      g[c] = d[c] * u[c] * slope;
      u[c] = own;
    }
    store4(dGate, i, n, wide, g);
    store4(dUp, i, n, wide, u);
  }
}

extern "C" __global__ void swiglu_backward(
    const float* gate, const float* up, const float* dy, float* dGate, float* dUp, long long n) {
  swigluBackward(gate, up, dy, dGate, dUp, n);
}

extern "C" __global__ void swiglu_backward_of_halves(
    const bf16* gate, const bf16* up, const float* dy, bf16* dGate, bf16* dUp, long long n) {
  swigluBackward(gate, up, dy, dGate, dUp, n);
}
