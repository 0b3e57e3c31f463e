#include "base/out_of_memory.hpp"

#include <cstdlib>
#include <new>
#include <string_view>
#include <unistd.h>

namespace sluice {

void end_for_want_of_memory() noexcept {
  static constexpr std::string_view kText =
      "sluice: out of memory: the process ends; nothing acknowledged is lost, start it again\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kText.data(), kText.size());
  std::abort();
}

void end_process_when_memory_ends() noexcept {
  std::set_new_handler(end_for_want_of_memory);
}

}  // namespace sluice
