// A stand-in for libcublasLt.so.13: column-major products as the library's manual defines them, by
// plain loops in double precision.
#include <cstdlib>
#include <cstring>
#include <functional>

extern "C" int fake_submit(std::function<int()>* work);

static const int REAL_32 = 0;
static const int BRAIN_16 = 14;
static const int BIAS = 4;
static const int INVALID = 7;

struct Description {
  int arithmetic;
  int transposeA = 0;
  int transposeB = 0;
  int epilogue = 1;
  const float* bias = nullptr;
};

struct Layout {
  int type;
  unsigned long long rows;
  unsigned long long columns;
  long long distance;

  double at(const void* matrix, long long row, long long column) const {
    long long index = column * distance + row;
    if (type == REAL_32) {
      return ((const float*)matrix)[index];
    }
    unsigned bits = (unsigned)((const unsigned short*)matrix)[index] << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
  }
};

struct Preference {
  unsigned alignments[4] = {256, 256, 256, 256};
};

extern "C" {

int cublasLtCreate(void** handle) {
  *handle = malloc(1);
  return 0;
}

int cublasLtMatmulDescCreate(Description** made, int arithmetic, int scale) {
  *made = new Description{arithmetic};
  return (arithmetic == 68 || arithmetic == 77) && scale == REAL_32 ? 0 : INVALID;
}

int cublasLtMatmulDescSetAttribute(
    Description* description, int attribute, const void* value, size_t bytes) {
  switch (attribute) {
    case 3:
      memcpy(&description->transposeA, value, bytes);
      return bytes == 4 ? 0 : INVALID;
    case 4:
      memcpy(&description->transposeB, value, bytes);
      return bytes == 4 ? 0 : INVALID;
    case 7:
      memcpy(&description->epilogue, value, bytes);
      return bytes == 4 ? 0 : INVALID;
    case 8:
      memcpy(&description->bias, value, bytes);
      return bytes == 8 ? 0 : INVALID;
    default:
      return INVALID;
  }
}

int cublasLtMatrixLayoutCreate(
    Layout** made, int type, unsigned long long rows, unsigned long long columns, long long distance) {
  *made = new Layout{type, rows, columns, distance};
  return (type == REAL_32 || type == BRAIN_16) && distance >= (long long)rows ? 0 : INVALID;
}

int cublasLtMatmulPreferenceCreate(Preference** made) {
  *made = new Preference();
  return 0;
}

int cublasLtMatmulPreferenceSetAttribute(
    Preference* preference, int attribute, const void* value, size_t bytes) {
  if (attribute == 1) {
    return bytes == 8 ? 0 : INVALID;
  }
  if (attribute == 3) {
    return bytes == 4 && *(const unsigned*)value == 0 ? 0 : INVALID;
  }
  if (attribute < 5 || attribute > 8 || bytes != 4) {
    return INVALID;
  }
  memcpy(&preference->alignments[attribute - 5], value, 4);
  return 0;
}

int cublasLtMatmulPreferenceDestroy(Preference* preference) {
  delete preference;
  return 0;
}

// The algorithm is the alignment that it relies on.
int cublasLtMatmulAlgoGetHeuristic(
    void*,
    Description*,
    Layout*,
    Layout*,
    Layout*,
    Layout*,
    Preference* preference,
    int requested,
    void* results,
    int* found) {
  memset(results, 0, 64);
  memcpy(results, preference->alignments, sizeof(preference->alignments));
  *found = requested > 0 ? 1 : 0;
  return 0;
}

int cublasLtMatrixLayoutDestroy(Layout* layout) {
  delete layout;
  return 0;
}

// Its algorithms serve whatever matrices there are.
int cublasLtMatmulAlgoCheck(
    void*,
    Description*,
    Layout* layoutA,
    Layout* layoutB,
    Layout* layoutC,
    Layout* layoutD,
    const unsigned* algorithm,
    void* result) {
  memset(result, 0, 64);
  bool isThere = layoutA != nullptr && layoutB != nullptr && layoutC == layoutD;
  return isThere && algorithm[0] > 0 ? 0 : INVALID;
}

int cublasLtMatmul(
    void*,
    Description* description,
    const float* alpha,
    const void* a,
    Layout* layoutA,
    const void* b,
    Layout* layoutB,
    const float* beta,
    const void* c,
    Layout*,
    float* d,
    Layout* layoutD,
    const unsigned* algorithm,
    void* workspace,
    size_t workspaceBytes,
    void* stream) {
  const void* addresses[] = {a, b, c, d};
  for (int i = 0; i < 4; i++) {
    if ((size_t)addresses[i] % algorithm[i] != 0) {
      return INVALID;
    }
  }
  Description own = *description;
  Layout left = *layoutA;
  Layout right = *layoutB;
  Layout result = *layoutD;
  unsigned long long inner = own.transposeA ? left.rows : left.columns;
  bool fits = result.rows == (own.transposeA ? left.columns : left.rows) &&
              result.columns == (own.transposeB ? right.rows : right.columns) &&
              inner == (own.transposeB ? right.columns : right.rows) &&
              left.type == right.type && result.type == REAL_32;
  if (!fits || workspace == nullptr || workspaceBytes == 0 || stream != (void*)8) {
    return INVALID;
  }
  float factor = *alpha;
  float kept = *beta;
  std::function<int()> work = [=] {
    for (unsigned long long j = 0; j < result.columns; j++) {
      for (unsigned long long i = 0; i < result.rows; i++) {
        double sum = 0;
        for (unsigned long long k = 0; k < inner; k++) {
          sum += (own.transposeA ? left.at(a, k, i) : left.at(a, i, k)) *
                 (own.transposeB ? right.at(b, j, k) : right.at(b, k, j));
        }
        float& to = d[j * result.distance + i];
        double before = kept == 0 ? 0 : kept * (double)to;
        to = (float)(factor * sum + before + (own.epilogue == BIAS ? own.bias[i] : 0));
      }
    }
    return 0;
  };
  return fake_submit(&work);
}
}
