#include "connect/processing/standstill.hpp"

#include <filesystem>
#include <fstream>
#include <string>

namespace sluice::connect::processing {
namespace {

struct Thread {
  char state = 0;
  std::uint64_t ticks = 0;
};

// From /proc: behind the name in brackets, which may contain anything, fields 3, 14 and 15.
std::optional<Thread> thread_at(const std::filesystem::path& place) {
  std::ifstream file(place / "stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  const auto behind_name = line.rfind(')');
  if (behind_name == std::string::npos || behind_name + 2 >= line.size()) return std::nullopt;
  const char state = line[behind_name + 2];
  auto at = behind_name + 1;
  for (int field = 3; field < 14 && at != std::string::npos; ++field) at = line.find(' ', at + 1);
  if (at == std::string::npos) return std::nullopt;
  char* end = nullptr;
  const auto user = std::strtoull(line.c_str() + at, &end, 10);
  const auto system = std::strtoull(end, nullptr, 10);
  return Thread{.state = state, .ticks = user + system};
}

// Its processor time when all its threads sleep.
std::optional<std::uint64_t> ticks_when_asleep(pid_t process) {
  std::uint64_t ticks = 0;
  std::error_code error;
  std::size_t threads = 0;
  for (const auto& place :
       std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task", error)) {
    const auto thread = thread_at(place.path());
    if (!thread || thread->state != 'S') return std::nullopt;
    ticks += thread->ticks;
    ++threads;
  }
  if (error || threads == 0) return std::nullopt;
  return ticks;
}

}  // namespace

bool Standstill::is_seen_again(pid_t process) {
  const auto before = asleep_at_;
  asleep_at_ = ticks_when_asleep(process);
  return before && asleep_at_ && *before == *asleep_at_;
}

}  // namespace sluice::connect::processing
