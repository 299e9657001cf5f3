// A stand-in for libnvrtc.so.13, whose machine code is the name of the source.
#include <cstring>
#include <string>

struct Program {
  std::string name;
};

extern "C" {

int nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 0;
  return 0;
}

int nvrtcCreateProgram(
    Program** program,
    const char* source,
    const char* name,
    int headers,
    const char* const* texts,
    const char* const* names) {
  *program = new Program{name};
  // Every header that the source asks for must be there, by its name.
  std::string wanted = "#include \"";
  std::string text(source);
  for (size_t at = text.find(wanted); at != std::string::npos; at = text.find(wanted, at + 1)) {
    size_t from = at + wanted.size();
    std::string header = text.substr(from, text.find('"', from) - from);
    bool isThere = false;
    for (int i = 0; i < headers; i++) {
      isThere |= header == names[i] && strlen(texts[i]) > 100;
    }
    if (!isThere) {
      return 6;
    }
  }
  return 0;
}

int nvrtcCompileProgram(Program*, int count, const char* const* options) {
  bool isFine = count == 2 && strcmp(options[0], "--gpu-architecture=sm_90") == 0 &&
                strcmp(options[1], "--std=c++17") == 0;
  return isFine ? 0 : 5;
}

int nvrtcGetCUBINSize(Program* program, size_t* bytes) {
  *bytes = program->name.size() + 1;
  return 0;
}

int nvrtcGetCUBIN(Program* program, char* code) {
  strcpy(code, program->name.c_str());
  return 0;
}

int nvrtcDestroyProgram(Program** program) {
  delete *program;
  *program = nullptr;
  return 0;
}
}
