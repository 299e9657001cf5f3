// Kernels as a library that Java calls: the list of kernels is generated beside it.
#include <jni.h>

#include "kernels.h"

static const emulated::Entry ENTRIES[] = {
#include "entries.h"
};

extern "C" JNIEXPORT jint JNICALL
Java_org_peftsweep_compute_cuda_EmulatedKernels_find(JNIEnv* env, jclass, jstring name) {
  const char* wanted = env->GetStringUTFChars(name, nullptr);
  int found = -1;
  for (int i = 0; i < (int)(sizeof(ENTRIES) / sizeof(ENTRIES[0])); i++) {
    if (strcmp(ENTRIES[i].name, wanted) == 0) {
      found = i;
    }
  }
  env->ReleaseStringUTFChars(name, wanted);
  return found;
}

// Runs a kernel whose arguments start at a slot of 8 bytes each; returns what is wrong, else null.
extern "C" JNIEXPORT jstring JNICALL
Java_org_peftsweep_compute_cuda_EmulatedKernels_launch(
    JNIEnv* env,
    jclass,
    jint kernel,
    jint x,
    jint y,
    jint z,
    jint block,
    jlongArray slots,
    jint used,
    jint parameters,
    jlong seed) {
  const emulated::Entry& entry = ENTRIES[kernel];
  const char* wrong = nullptr;
  static jlong values[1024];
  size_t last = (used - parameters + 1) * sizeof(jlong);
  if (parameters != entry.parameters || (entry.lastSize + 7) / 8 * 8 != last) {
    wrong = "its parameters are others";
  } else {
    env->GetLongArrayRegion(slots, 0, used, values);
    static void* addresses[64];
    for (int i = 0; i < parameters; i++) {
      addresses[i] = values + i;
    }
    wrong = emulated::run(
        entry.call, addresses, {(unsigned)x, (unsigned)y, (unsigned)z}, block, seed);
  }
  return wrong == nullptr ? nullptr : env->NewStringUTF(wrong);
}
