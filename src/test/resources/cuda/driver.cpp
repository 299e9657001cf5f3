// A stand-in for libcuda.so.1: memory is this process's, kernels are emulated, and what is captured
// runs when its graph is launched. Functions are those of CUDA's driver that the program calls.
#include <functional>
#include <memory>
#include <mutex>

#include "kernels.h"

static const emulated::Entry ENTRIES[] = {
#include "entries.h"
};

static const int SUCCESS = 0;
static const int INVALID_VALUE = 1;
static const int OUT_OF_MEMORY = 2;
static const int NOT_FOUND = 500;
static const int LAUNCH_FAILED = 719;
static const int CAPTURE_UNSUPPORTED = 900;

static const size_t MEMORY = 256 << 20;

using Work = std::vector<std::function<int()>>;

static const int ECC_UNCORRECTABLE = 214;

static size_t held;
static Work* captured;
static unsigned long long launches;

// A device that is lost stays lost: after as many kernels as the environment says.
static bool isLost;

static bool loses() {
  const char* kernels = getenv("STAND_IN_IS_LOST_AFTER");
  isLost |= kernels != nullptr && launches >= strtoull(kernels, nullptr, 10);
  return isLost;
}

// Does something, or takes note of it; other libraries call it too.
extern "C" int fake_submit(std::function<int()>* work) {
  if (captured != nullptr) {
    captured->push_back(*work);
    return SUCCESS;
  }
  return (*work)();
}

struct Module {
  std::string family;
};

extern "C" {

int cuInit(unsigned) {
  return SUCCESS;
}

int cuGetErrorName(int error, const char** name) {
  *name = error == OUT_OF_MEMORY       ? "CUDA_ERROR_OUT_OF_MEMORY"
          : error == ECC_UNCORRECTABLE ? "CUDA_ERROR_ECC_UNCORRECTABLE"
                                       : "CUDA_ERROR_SOMETHING_ELSE";
  return SUCCESS;
}

int cuDeviceGetCount(int* count) {
  *count = 2;
  return SUCCESS;
}

int cuDeviceGet(int* device, int ordinal) {
  *device = ordinal;
  return SUCCESS;
}

int cuDeviceGetName(char* name, int length, int device) {
  snprintf(name, length, "Stand-in %d", device);
  return SUCCESS;
}

// The faster one, which CUDA numbers first, is further back on the bus.
int cuDeviceGetPCIBusId(char* bus, int length, int device) {
  snprintf(bus, length, "0000:0%d:00.0", device == 0 ? 9 : 3);
  return SUCCESS;
}

int cuDeviceGetUuid_v2(unsigned char* uuid, int device) {
  for (int i = 0; i < 16; i++) {
    uuid[i] = (unsigned char)(16 * device + i);
  }
  return SUCCESS;
}

int cuDeviceGetUuid(unsigned char* uuid, int device) {
  return cuDeviceGetUuid_v2(uuid, device);
}

int cuDeviceGetAttribute(int* value, int attribute, int) {
  *value = attribute == 75 ? 9 : 0;
  return SUCCESS;
}

int cuDevicePrimaryCtxRetain(void** context, int device) {
  *context = (void*)(size_t)(device + 1);
  return SUCCESS;
}

int cuCtxSetCurrent(void* context) {
  return context == nullptr ? INVALID_VALUE : SUCCESS;
}

int cuStreamCreate(void** stream, unsigned flags) {
  *stream = (void*)8;
  return flags == 1 ? SUCCESS : INVALID_VALUE;
}

int cuStreamSynchronize(void*) {
  return isLost ? ECC_UNCORRECTABLE : captured != nullptr ? CAPTURE_UNSUPPORTED : SUCCESS;
}

int cuMemAlloc_v2(unsigned long long* address, size_t bytes) {
  if (isLost) {
    return ECC_UNCORRECTABLE;
  }
  if (captured != nullptr) {
    return CAPTURE_UNSUPPORTED;
  }
  if (held + bytes > MEMORY) {
    return OUT_OF_MEMORY;
  }
  held += bytes;
  size_t* memory = (size_t*)aligned_alloc(256, (bytes + 511) / 256 * 256 + 256);
  *memory = bytes;
  memset(memory + 32, 0xff, bytes);
  *address = (unsigned long long)(memory + 32);
  return SUCCESS;
}

int cuMemFree_v2(unsigned long long address) {
  size_t* memory = (size_t*)address - 32;
  held -= *memory;
  free(memory);
  return SUCCESS;
}

int cuMemGetInfo_v2(size_t* free, size_t* all) {
  *all = 80ULL << 30;
  *free = 70ULL << 30;
  return SUCCESS;
}

int cuMemAllocHost_v2(void** memory, size_t bytes) {
  *memory = malloc(bytes);
  return SUCCESS;
}

int cuMemsetD8Async(unsigned long long address, unsigned char value, size_t bytes, void*) {
  memset((void*)address, value, bytes);
  return SUCCESS;
}

int cuMemcpyHtoDAsync_v2(unsigned long long to, const void* from, size_t bytes, void*) {
  memcpy((void*)to, from, bytes);
  return SUCCESS;
}

int cuMemcpyDtoHAsync_v2(void* to, unsigned long long from, size_t bytes, void*) {
  memcpy(to, (void*)from, bytes);
  return SUCCESS;
}

// What the stand-in for NVRTC makes is the name of the file.
int cuModuleLoadData(void** module, const void* image) {
  std::string file((const char*)image);
  *module = new Module{file.substr(0, file.find('.'))};
  return SUCCESS;
}

int cuModuleGetFunction(void** function, void* module, const char* name) {
  std::string wanted = ((Module*)module)->family + "::" + name;
  for (const emulated::Entry& entry : ENTRIES) {
    if (wanted == entry.name) {
      *function = (void*)&entry;
      return SUCCESS;
    }
  }
  return NOT_FOUND;
}

int cuLaunchKernel(
    void* function,
    unsigned gridX,
    unsigned gridY,
    unsigned gridZ,
    unsigned blockX,
    unsigned blockY,
    unsigned blockZ,
    unsigned sharedBytes,
    void* stream,
    void** parameters,
    void** extra) {
  if (loses()) {
    return ECC_UNCORRECTABLE;
  }
  const emulated::Entry* entry = (const emulated::Entry*)function;
  if (stream != (void*)8 || blockY != 1 || blockZ != 1 || sharedBytes != 0 || extra != nullptr) {
    return INVALID_VALUE;
  }
  // The driver copies arguments before it returns.
  auto kept = std::make_shared<std::vector<std::vector<char>>>();
  for (int i = 0; i < entry->parameters; i++) {
    const char* from = (const char*)parameters[i];
    size_t bytes = i == entry->parameters - 1 ? entry->lastSize : 8;
    kept->emplace_back(from, from + bytes);
  }
  std::function<int()> work = [=] {
    std::vector<void*> addresses;
    for (std::vector<char>& each : *kept) {
      addresses.push_back(each.data());
    }
    const char* wrong =
        emulated::run(entry->call, addresses.data(), {gridX, gridY, gridZ}, blockX, ++launches);
    return wrong == nullptr ? SUCCESS : LAUNCH_FAILED;
  };
  return fake_submit(&work);
}

int cuStreamBeginCapture_v2(void*, int mode) {
  captured = new Work();
  return mode == 1 ? SUCCESS : INVALID_VALUE;
}

int cuStreamEndCapture(void*, void** graph) {
  *graph = captured;
  captured = nullptr;
  return SUCCESS;
}

int cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long) {
  *executable = new Work(*(Work*)graph);
  return SUCCESS;
}

int cuGraphLaunch(void* executable, void*) {
  for (std::function<int()>& each : *(Work*)executable) {
    int result = each();
    if (result != SUCCESS) {
      return result;
    }
  }
  return SUCCESS;
}

int cuGraphExecDestroy(void* executable) {
  delete (Work*)executable;
  return SUCCESS;
}

int cuGraphDestroy(void* graph) {
  delete (Work*)graph;
  return SUCCESS;
}
}
