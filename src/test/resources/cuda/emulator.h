// CUDA's language on a processor, as far as the kernels use it: the threads of a block are fibers
// of one thread, which switch at barriers and shuffles only, in an order that a seed decides; the
// blocks of a grid run one after another, in such an order too. Shared memory is not a number when
// a block starts. Threads that wait for each other for ever are an error.
#pragma once
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#ifndef __x86_64__
#error "fibers switch by instructions of x86-64"
#endif

#define EMULATED_CUDA
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static __attribute__((section("emulated_shared")))

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};
struct uint2 {
  unsigned x, y;
} __attribute__((aligned(8)));
struct float2 {
  float x, y;
} __attribute__((aligned(8)));
struct float4 {
  float x, y, z, w;
} __attribute__((aligned(16)));

inline uint2 make_uint2(unsigned x, unsigned y) {
  return {x, y};
}
inline float4 make_float4(float x, float y, float z, float w) {
  return {x, y, z, w};
}

static dim3 threadIdx, blockIdx, blockDim, gridDim;

template <class A, class B>
inline auto min(A a, B b) -> decltype(a + b) {
  return a < b ? a : b;
}
template <class A, class B>
inline auto max(A a, B b) -> decltype(a + b) {
  return a > b ? a : b;
}
inline float __uint_as_float(unsigned bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}
inline unsigned __float_as_uint(float value) {
  unsigned bits;
  memcpy(&bits, &value, 4);
  return bits;
}
inline int atomicCAS(int* at, int expected, int value) {
  int old = *at;
  if (old == expected) {
    *at = value;
  }
  return old;
}

namespace emulated {

constexpr size_t STACK = 64 * 1024;
constexpr int MOST_THREADS = 1024;
constexpr int LANES = 32;

enum class State { READY, AT_WARP, AT_BLOCK, DONE };

struct Fiber {
  void* stack;
  void* top;
  State state;
  int parity;
};

static Fiber fibers[MOST_THREADS];
static double slots[2][MOST_THREADS];
static int running;
static void* scheduler;
static void (*body)(void**);
static void** arguments;
static int threads;
static int waitingInBlock;
static int waitingInWarp[MOST_THREADS / LANES];
static int live;
static int liveInWarp[MOST_THREADS / LANES];

extern "C" void switch_fiber(void** from, void* to);
asm(R"(
.text
.local switch_fiber
.type switch_fiber, @function
switch_fiber:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
)");

inline void pause(State state) {
  Fiber& fiber = fibers[running];
  fiber.state = state;
  switch_fiber(&fiber.top, scheduler);
}

inline void releaseWarp(int warp) {
  if (waitingInWarp[warp] > 0 && waitingInWarp[warp] == liveInWarp[warp]) {
    waitingInWarp[warp] = 0;
    for (int t = warp * LANES; t < threads && t < (warp + 1) * LANES; t++) {
      if (fibers[t].state == State::AT_WARP) {
        fibers[t].state = State::READY;
      }
    }
  }
}

inline void releaseBlock() {
  if (waitingInBlock > 0 && waitingInBlock == live) {
    waitingInBlock = 0;
    for (int t = 0; t < threads; t++) {
      if (fibers[t].state == State::AT_BLOCK) {
        fibers[t].state = State::READY;
      }
    }
  }
}

inline void waitForWarp() {
  int warp = running / LANES;
  waitingInWarp[warp]++;
  pause(State::AT_WARP);
}

inline void waitForBlock() {
  waitingInBlock++;
  pause(State::AT_BLOCK);
}

inline void finish() {
  body(arguments);
  live--;
  liveInWarp[running / LANES]--;
  pause(State::DONE);
  abort();
}

// Puts a fiber where its first switch starts it.
inline void prepare(Fiber& fiber) {
  if (fiber.stack == nullptr) {
    fiber.stack = aligned_alloc(64, STACK);
  }
  void** top = (void**)((char*)fiber.stack + STACK);
  *--top = nullptr;
  *--top = (void*)finish;
  for (int i = 0; i < 6; i++) {
    *--top = nullptr;
  }
  fiber.top = top;
  fiber.state = State::READY;
}

struct Random {
  unsigned long long state;

  unsigned next(unsigned below) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)((state >> 33) % below);
  }

  void shuffle(std::vector<int>& order) {
    for (int i = (int)order.size() - 1; i > 0; i--) {
      std::swap(order[i], order[next(i + 1)]);
    }
  }
};

extern "C" char __start_emulated_shared;
extern "C" char __stop_emulated_shared;

// Runs a block; returns whether all of its threads came to their end.
inline bool runBlock(const std::vector<int>& order) {
  memset(&__start_emulated_shared, 0xff, &__stop_emulated_shared - &__start_emulated_shared);
  live = threads;
  waitingInBlock = 0;
  for (int t = 0; t < threads; t++) {
    prepare(fibers[t]);
    waitingInWarp[t / LANES] = 0;
    liveInWarp[t / LANES] = std::min(LANES, threads - t / LANES * LANES);
  }
  while (live > 0) {
    bool moved = false;
    for (int t : order) {
      if (fibers[t].state == State::READY) {
        moved = true;
        running = t;
        threadIdx.x = t;
        threadIdx.y = threadIdx.z = 0;
        switch_fiber(&scheduler, fibers[t].top);
        releaseWarp(t / LANES);
        releaseBlock();
      }
    }
    if (!moved) {
      return false;
    }
  }
  return true;
}

// Runs a grid; returns what is wrong, else null.
inline const char* run(
    void (*kernel)(void**), void** parameters, dim3 grid, int block, unsigned long long seed) {
  if (block > MOST_THREADS || block % LANES != 0) {
    return "a block needs whole warps, at most 32";
  }
  body = kernel;
  arguments = parameters;
  threads = block;
  gridDim = grid;
  blockDim = {(unsigned)block, 1, 1};
  Random random{seed};
  static std::vector<int> order;
  order.resize(block);
  for (int t = 0; t < block; t++) {
    order[t] = t;
  }
  long blocks = (long)grid.x * grid.y * grid.z;
  long start = random.next(blocks < 1 ? 1 : (unsigned)blocks);
  bool isBackward = random.next(2) == 1;
  for (long n = 0; n < blocks; n++) {
    long at = (start + n) % blocks;
    at = isBackward ? blocks - 1 - at : at;
    blockIdx.x = (unsigned)(at % grid.x);
    blockIdx.y = (unsigned)(at / grid.x % grid.y);
    blockIdx.z = (unsigned)(at / grid.x / grid.y);
    random.shuffle(order);
    if (!runBlock(order)) {
      return "threads wait for others that never come";
    }
  }
  return nullptr;
}

// The value of a number that keeps 10 bits of its fraction.
inline float tf32(float value) {
  unsigned bits = __float_as_uint(value);
  return __uint_as_float((bits + 0x1000u) & 0xffffe000u);
}

inline float products(float a, float b) {
  float high = tf32(a);
  float other = tf32(b);
  return high * other + (high * tf32(b - other) + tf32(a - high) * other);
}

// What a lane gives to a product of its warp: four words of the left factor, two of the right one.
typedef unsigned Given[6];

// Hands a lane's words to its warp; returns those of all lanes.
inline const Given* exchange(const void* a, const void* b) {
  static Given given[2][MOST_THREADS];
  int self = running;
  int parity = fibers[self].parity ^= 1;
  memcpy(given[parity][self], a, 4 * sizeof(unsigned));
  memcpy(given[parity][self] + 4, b, 2 * sizeof(unsigned));
  waitForWarp();
  return given[parity] + self / LANES * LANES;
}

// What a warp's mma.m16n8k8 adds to the elements of each lane, of factors split into two numbers.
inline void multiplyAdd(float d[4], const float a[4], const float b[2]) {
  const Given* lanes = exchange(a, b);
  int lane = running % LANES;
  for (int e = 0; e < 4; e++) {
    int row = lane / 4;
    int column = 2 * (lane % 4) + e % 2;
    float sum = 0;
    for (int k = 0; k < 8; k++) {
      unsigned left = lanes[4 * row + k % 4][e / 2 + 2 * (k / 4)];
      unsigned right = lanes[4 * column + k % 4][4 + k / 4];
      sum += products(__uint_as_float(left), __uint_as_float(right));
    }
    d[e] += sum;
  }
}

// What its mma.m16n8k16 adds, whose words are two halves each, the first of them the lower one.
inline void multiplyAddHalves(float d[4], const void* a, const void* b) {
  const Given* lanes = exchange(a, b);
  int lane = running % LANES;
  for (int e = 0; e < 4; e++) {
    int row = lane / 4;
    int column = 2 * (lane % 4) + e % 2;
    float sum = 0;
    for (int k = 0; k < 16; k++) {
      unsigned left = lanes[4 * row + k / 2 % 4][e / 2 + 2 * (k / 8)];
      unsigned right = lanes[4 * column + k / 2 % 4][4 + k / 8];
      unsigned upper = 0xffff0000u;
      left = k % 2 == 0 ? left << 16 : left & upper;
      right = k % 2 == 0 ? right << 16 : right & upper;
      sum += __uint_as_float(left) * __uint_as_float(right);
    }
    d[e] += sum;
  }
}

template <class... A, size_t... I>
inline void call(void (*kernel)(A...), void** parameters, std::index_sequence<I...>) {
  kernel(*(A*)parameters[I]...);
}

template <class... A>
inline void call(void (*kernel)(A...), void** parameters) {
  call(kernel, parameters, std::index_sequence_for<A...>());
}

template <class... A>
constexpr int count(void (*)(A...)) {
  return sizeof...(A);
}

// Bytes of the last parameter, which may be a structure.
template <class... A>
constexpr size_t lastSize(void (*)(A...)) {
  size_t last = 0;
  ((last = sizeof(A)), ...);
  return last;
}

struct Entry {
  const char* name;
  void (*call)(void**);
  int parameters;
  size_t lastSize;
};

}  // namespace emulated

#define EMULATED(kernel)                                                       \
  {                                                                            \
    #kernel, [](void** parameters) { emulated::call(kernel, parameters); },    \
        emulated::count(kernel), emulated::lastSize(kernel)                    \
  }

inline void __syncthreads() {
  emulated::waitForBlock();
}

inline void __syncwarp() {
  emulated::waitForWarp();
}

template <class T>
inline T __shfl_xor_sync(unsigned, T value, int other) {
  int self = emulated::running;
  int parity = emulated::fibers[self].parity ^= 1;
  memcpy(&emulated::slots[parity][self], &value, sizeof(T));
  emulated::waitForWarp();
  T result;
  memcpy(&result, &emulated::slots[parity][self ^ other], sizeof(T));
  return result;
}
