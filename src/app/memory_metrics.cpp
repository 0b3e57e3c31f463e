#include "app/memory_metrics.hpp"

#include <cstddef>
#include <cstdint>

// jemalloc's. Sanitizer builds and tests have another allocator and not this.
extern "C" [[gnu::weak]] int mallctl(const char* name, void* old, std::size_t* old_size,
                                     void* fresh, std::size_t fresh_size);

namespace sluice::app {
namespace {

double allocated_bytes() {
  if (mallctl == nullptr) return 0;
  std::uint64_t epoch = 1;  // written, it makes the statistics those of now
  std::size_t size = sizeof epoch;
  mallctl("epoch", &epoch, &size, &epoch, size);
  std::size_t allocated = 0;
  size = sizeof allocated;
  if (mallctl("stats.allocated", &allocated, &size, nullptr, 0) != 0) return 0;
  return static_cast<double>(allocated);
}

}  // namespace

void declare_memory_metrics(metrics::Registry& registry) {
  registry.observe({.name = "sluice_memory_allocated_bytes",
                    .help = "Memory that the server has allocated and not given back: without the "
                            "allocator's own reserves and files that the system keeps in memory. 0 "
                            "in a build without jemalloc.",
                    .kind = metrics::Kind::Gauge},
                   {}, [] { return allocated_bytes(); });
}

}  // namespace sluice::app
