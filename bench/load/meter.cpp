#include "load/meter.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/resource.h>
#include <unistd.h>

namespace sluice::load {

namespace {

// Of all its threads, to the nanosecond; `stat` counts in ticks of 10 ms. 0 when the kernel does
// not say. A thread that ended is missing: the servers' threads stay.
double thread_seconds(const std::filesystem::path& folder) {
  double nanoseconds = 0;
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator(folder / "task", gone)) {
    std::ifstream schedstat(thread.path() / "schedstat");
    double ran = 0;
    if (schedstat >> ran) nanoseconds += ran;
  }
  return nanoseconds / 1e9;
}

}  // namespace

Usage usage_of(int pid) {
  Usage usage;
  if (pid <= 0) return usage;
  const auto folder = "/proc/" + std::to_string(pid);
  std::ifstream stat(folder + "/stat");
  std::string line;
  if (std::getline(stat, line)) {
    // The name in parentheses may hold blanks; the 14th and 15th fields are user and system time.
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string skipped;
    for (int field = 3; field < 14; ++field) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    usage.cpu_seconds = (user + system) / ticks;
    usage.system_seconds = system / ticks;
    if (const auto exact = thread_seconds(folder); exact > 0) usage.cpu_seconds = exact;
  }
  std::ifstream statm(folder + "/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  if (statm >> size >> resident) {
    usage.rss_bytes = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  return usage;
}

double own_cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double machine_cpu_seconds() {
  // "cpu user nice system idle iowait irq softirq steal": all but idle, iowait and steal.
  std::ifstream stat("/proc/stat");
  std::string name;
  double user = 0;
  double nice = 0;
  double system = 0;
  double idle = 0;
  double waiting = 0;
  double irq = 0;
  double softirq = 0;
  stat >> name >> user >> nice >> system >> idle >> waiting >> irq >> softirq;
  return (user + nice + system + irq + softirq) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace sluice::load
