// Losses with their gradients. Losses are added up in double precision and in one order.
#include "common.cuh"

// The threads of blocks that stand alone.
#define THREADS 256

// counted <- how many labels are not negative; one block.
extern "C" __global__ void count_labels(const int* labels, int n, int* counted) {
  __shared__ int room[THREADS / WARP];
  int count = 0;
  for (int i = threadIdx.x; i < n; i += blockDim.x) {
    count += labels[i] >= 0 ? 1 : 0;
  }
  count = blockSum(count, room);
  if (threadIdx.x == 0) {
    *counted = count;
  }
}

// The threads of a block, which have a row together.
struct Block {
  float* room;

  __device__ __forceinline__ int first() const { return threadIdx.x; }
  __device__ __forceinline__ int step() const { return blockDim.x; }
  __device__ __forceinline__ float most(float value) const { return blockMax(value, room); }
  __device__ __forceinline__ float sum(float value) const { return blockSum(value, room); }
};

// Those of a warp likewise.
struct Warp {
  __device__ __forceinline__ int first() const { return lane(); }
  __device__ __forceinline__ int step() const { return WARP; }
  __device__ __forceinline__ float most(float value) const { return warpMax(value); }
  __device__ __forceinline__ float sum(float value) const { return warpSum(value); }
};

// loss <- the cross-entropy of a row, 0 where its label is negative; out, if not null, <-
// (softmax - one-hot) / counted, and may be in.
template <class Team>
__device__ __forceinline__ void crossEntropyOfRow(
    Team team,
    const float* in,
    int label,
    int counted,
    float* out,
    double* loss,
    int classes,
    int* report) {
  if (label < 0 || label >= classes) {
    for (int j = team.first(); out != 0 && j < classes; j += team.step()) {
      out[j] = 0.0f;
    }
    if (team.first() == 0) {
      *loss = 0.0;
      if (label >= classes) {
        reportId(report, label, classes);
      }
    }
    return;
  }
  float own = in[label];
  float most = in[0];
  for (int j = team.first(); j < classes; j += team.step()) {
    most = fmaxf(most, in[j]);
  }
  most = team.most(most);
  float sum = 0.0f;
  for (int j = team.first(); j < classes; j += team.step()) {
    sum += expf(in[j] - most);
  }
  sum = team.sum(sum);
  if (out != 0) {
    float share = 1.0f / counted;
    for (int j = team.first(); j < classes; j += team.step()) {
      float weight = expf(in[j] - most) / sum;
      out[j] = (j == label ? weight - 1.0f : weight) * share;
    }
  }
  if (team.first() == 0) {
    *loss = log((double)sum) - ((double)own - most);
  }
}

// losses[i] <- the cross-entropy of row i, a block each; dLogits, if not null, <- the gradient of
// their mean, and may be logits.
extern "C" __global__ void cross_entropy(
    const float* logits,
    const int* labels,
    const int* counted,
    float* dLogits,
    double* losses,
    int classes,
    int* report) {
  __shared__ float room[THREADS / WARP];
  int row = blockIdx.x;
  long long at = (long long)row * classes;
  float* out = dLogits == 0 ? 0 : dLogits + at;
  Block team = {room};
  crossEntropyOfRow(
      team, logits + at, labels[row], *counted, out, losses + row, classes, report);
}

// loss <- the mean of the losses of those rows that count, 0 if none does; one block.
extern "C" __global__ void mean_loss(
    const double* losses, int n, const int* counted, double* loss) {
  __shared__ double room[THREADS / WARP];
  double sum = 0.0;
  for (int i = threadIdx.x; i < n; i += blockDim.x) {
    sum += losses[i];
  }
  sum = blockSum(sum, room);
  if (threadIdx.x == 0) {
    *loss = *counted == 0 ? 0.0 : sum / *counted;
  }
}

// What the three kernels above do, for few rows of few classes: one block, a warp for each row.
extern "C" __global__ void cross_entropy_of_few(
    const float* logits,
    const int* labels,
    float* dLogits,
    double* losses,
    double* loss,
    int rows,
    int classes,
    int* report) {
  __shared__ int counts[THREADS / WARP];
  __shared__ double sums[THREADS / WARP];
  int counted = 0;
  for (int i = threadIdx.x; i < rows; i += blockDim.x) {
    counted += labels[i] >= 0 ? 1 : 0;
  }
  counted = blockSum(counted, counts);
  for (int row = threadIdx.x / WARP; row < rows; row += blockDim.x / WARP) {
    long long at = (long long)row * classes;
    float* out = dLogits == 0 ? 0 : dLogits + at;
    crossEntropyOfRow(
        Warp(), logits + at, labels[row], counted, out, losses + row, classes, report);
  }
  __syncthreads();
  double sum = 0.0;
  for (int i = threadIdx.x; i < rows; i += blockDim.x) {
    sum += losses[i];
  }
  sum = blockSum(sum, sums);
  if (threadIdx.x == 0) {
    *loss = counted == 0 ? 0.0 : sum / counted;
  }
}

// One block.
extern "C" __global__ void mean_squared_error(
    const float* x, const float* target, float* dx, double* loss, long long n) {
  __shared__ double room[THREADS / WARP];
  double sum = 0.0;
  for (long long i = threadIdx.x; i < n; i += blockDim.x) {
    double distance = (double)x[i] - target[i];
    sum += distance * distance;
    if (dx != 0) {
      dx[i] = (float)(2.0 * distance / n);
    }
  }
  sum = blockSum(sum, room);
  if (threadIdx.x == 0) {
    *loss = sum / n;
  }
}

#define MOST_NUMBERS 160

struct Addend {
  double factor;
  const double* number;
  double* sum;
};

struct Addends {
  long long count;
  Addend addend[MOST_NUMBERS];
};

// sum <- sum + factor * number of each addend, those of one sum in order; one block.
extern "C" __global__ void add_numbers(Addends all) {
  for (int i = threadIdx.x; i < all.count; i += blockDim.x) {
    double* sum = all.addend[i].sum;
    bool isFirst = true;
    for (int j = 0; j < i; j++) {
      isFirst = isFirst && all.addend[j].sum != sum;
    }
    if (isFirst) {
      double total = *sum;
      for (int j = i; j < all.count; j++) {
        if (all.addend[j].sum == sum) {
          total += all.addend[j].factor * *all.addend[j].number;
        }
      }
      *sum = total;
    }
  }
}

// Numbers, and the list whose first element counts how often others were put at its end.
struct Appended {
  double* numbers;
  double* list;
  long long n;
};

struct AppendedAll {
  long long count;
  Appended each[MOST_NUMBERS];
};

// Puts numbers at the ends of their lists and sets them to 0, a thread for each list; one block.
extern "C" __global__ void append(AppendedAll all) {
  for (int i = threadIdx.x; i < all.count; i += blockDim.x) {
    Appended own = all.each[i];
    double* end = own.list + 1 + own.n * (long long)own.list[0];
    for (int j = 0; j < own.n; j++) {
      end[j] = own.numbers[j];
      own.numbers[j] = 0.0;
    }
    own.list[0] += 1.0;
  }
}
