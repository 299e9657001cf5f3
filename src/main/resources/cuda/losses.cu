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

// losses[i] <- the cross-entropy of row i, a block each, 0 where its label is negative; dLogits,
// if not null, <- (softmax - one-hot) / counted, and may be logits.
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
  int label = labels[row];
  const float* in = logits + (long long)row * classes;
  float* out = dLogits == 0 ? 0 : dLogits + (long long)row * classes;
  if (label < 0 || label >= classes) {
    for (int j = threadIdx.x; out != 0 && j < classes; j += blockDim.x) {
      out[j] = 0.0f;
    }
    if (threadIdx.x == 0) {
      losses[row] = 0.0;
      if (label >= classes) {
        reportId(report, label, classes);
      }
    }
    return;
  }
  float own = in[label];
  float most = in[0];
  for (int j = threadIdx.x; j < classes; j += blockDim.x) {
    most = fmaxf(most, in[j]);
  }
  most = blockMax(most, room);
  float sum = 0.0f;
  for (int j = threadIdx.x; j < classes; j += blockDim.x) {
    sum += expf(in[j] - most);
  }
  sum = blockSum(sum, room);
  if (out != 0) {
    float share = 1.0f / *counted;
    for (int j = threadIdx.x; j < classes; j += blockDim.x) {
      float weight = expf(in[j] - most) / sum;
      out[j] = (j == label ? weight - 1.0f : weight) * share;
    }
  }
  if (threadIdx.x == 0) {
    losses[row] = log((double)sum) - ((double)own - most);
  }
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
