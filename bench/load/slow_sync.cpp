// Makes a disk of a fast machine slow: preloaded into a server, each fdatasync and fsync takes at
// least SLOW_SYNC_US microseconds more. For benchmarks alone.
#include <cstdlib>
#include <dlfcn.h>
#include <unistd.h>

namespace {

useconds_t delay_us() {
  static const useconds_t delay = [] {
    const char* text = std::getenv("SLOW_SYNC_US");
    return text == nullptr ? 0 : static_cast<useconds_t>(std::strtoul(text, nullptr, 10));
  }();
  return delay;
}

int slow(const char* name, int descriptor) {
  const auto real = reinterpret_cast<int (*)(int)>(::dlsym(RTLD_NEXT, name));
  ::usleep(delay_us());
  return real(descriptor);
}

}  // namespace

extern "C" int fdatasync(int descriptor) {
  return slow("fdatasync", descriptor);
}
extern "C" int fsync(int descriptor) {
  return slow("fsync", descriptor);
}
