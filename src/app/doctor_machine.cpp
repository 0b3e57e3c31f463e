// What the machine gives: open files, clock, core dumps.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <sstream>
#include <sys/resource.h>
#include <sys/timex.h>

#include "app/doctor.hpp"
#include "base/clock.hpp"
#include "connect/text.hpp"

namespace sluice::app {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kOwnFiles = 500;  // segments, tables of small state, tasks
constexpr std::uint64_t kFewFiles = 4096;
constexpr std::uint64_t kLeastFiles = 1024;
constexpr std::int64_t kEarliestMs = 1'767'225'600'000;  // 2026-01-01: this program is younger
constexpr std::int64_t kAheadMs = 5000;

std::string line_of_file(const std::string& path) {
  const auto text = text_of_file(path);
  return text.substr(0, text.find('\n'));
}

// `Max open files            1024                 524288               files `: the first number.
std::optional<std::uint64_t> limit_of_process(pid_t pid, std::string_view name) {
  std::istringstream lines(text_of_file(fmt::format("/proc/{}/limits", pid)));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name)) continue;
    const auto at = line.find_first_not_of(' ', name.size());
    if (at == std::string::npos) return std::nullopt;
    std::uint64_t limit = UINT64_MAX;  // `unlimited`
    std::from_chars(line.data() + at, line.data() + line.size(), limit);
    return limit;
  }
  return std::nullopt;
}

struct Newest {
  std::string file;
  std::int64_t ms = 0;
};

// The newest thing in the directory: it was written when the clock said so.
Newest newest_in(const std::string& data) {
  Newest newest;
  std::error_code error;
  for (const auto& folder : {data, data + "/log"}) {
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      std::error_code unreadable;
      const auto time = fs::last_write_time(it->path(), unreadable);
      if (unreadable) continue;
      const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::file_clock::to_sys(time).time_since_epoch())
                          .count();
      if (ms > newest.ms) newest = {it->path().string(), ms};
    }
    error.clear();
  }
  return newest;
}

}  // namespace

// The server raises what it may have to what it can have.
void look_at_limits(const EffectiveSettings& effective, const Holder& holder, Findings& findings) {
  const auto of_server =
      holder.runs() ? limit_of_process(holder.pid, "Max open files") : std::nullopt;
  rlimit own{};
  ::getrlimit(RLIMIT_NOFILE, &own);
  const std::uint64_t limit = of_server.value_or(own.rlim_max);
  const std::uint64_t clients = effective.settings.mqtt.connections;
  const auto room = limit > kOwnFiles ? limit - kOwnFiles : 0;
  const auto text =
      fmt::format("{} for {}, room for about {} clients; mqtt.connections allows {}", limit,
                  of_server ? "the server that runs" : "who is started from here", room, clients);
  const std::string advice =
      "LimitNOFILE= in the systemd unit, nofile in /etc/security/limits.conf, --ulimit of a "
      "container";
  const bool is_asked_for = effective.origins.contains("mqtt.connections");
  if (limit < kLeastFiles)
    findings.push_back({"open files", Health::Problem, text, advice});
  else if (limit < kFewFiles || (is_asked_for && room < clients))
    findings.push_back({"open files", Health::Warning, text, advice});
  else
    findings.push_back({"open files", Health::Ok, text});
}

void look_at_clock(const std::string& data, Findings& findings) {
  const auto now = system_clock().wall_ms();
  const auto newest = newest_in(data);
  const auto said = connect::rfc3339(now);
  if (now < kEarliestMs)
    findings.push_back({"clock", Health::Problem, said + " cannot be: this program is younger",
                        "set it, and let a time service keep it"});
  else if (newest.ms > now + kAheadMs)
    findings.push_back({"clock", Health::Problem,
                        fmt::format("{} is behind {}, which was written at {}: expiry and "
                                    "retention go by it",
                                    said, newest.file, connect::rfc3339(newest.ms)),
                        "set it, and let a time service keep it"});
  else
    findings.push_back({"clock", Health::Ok, said});

  timex state{};  // asks alone
  const int answer = ::adjtimex(&state);
  if (answer == TIME_ERROR || (answer >= 0 && (state.status & STA_UNSYNC) != 0))
    findings.push_back({"time service", Health::Warning,
                        "no time service keeps the clock: it drifts, and jumps when it is set",
                        "chrony or systemd-timesyncd; in a container it is the host's affair"});
  else if (answer >= 0)
    findings.push_back({"time service", Health::Ok,
                        fmt::format("keeps the clock to about {} ms", state.maxerror / 1000)});

  const auto source =
      line_of_file("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  if (source == "hpet" || source == "acpi_pm" || source == "jiffies")
    findings.push_back({"clock source", Health::Warning,
                        source + " is slow to read or coarse, and it is read for every turn",
                        "a machine or a hypervisor with tsc, kvm-clock or arch_sys_counter"});
  else if (!source.empty())
    findings.push_back({"clock source", Health::Ok, source});
}

// A core dump holds keys, passwords of connections and payloads. The server forbids them with a
// limit of one byte (descriptor_limit.hpp), which it may not where the hard limit is 0: that keeps
// files from being written, and not programs from being handed one.
Finding core_dump_finding(std::optional<std::uint64_t> limit, std::string_view pattern) {
  if (limit == 1 || (limit == 0 && !pattern.starts_with('|')))
    return {"core dumps", Health::Ok, "none is written of the server"};
  return {
      "core dumps", Health::Warning,
      fmt::format("go to `{}`, with keys and payloads in them", pattern),
      "a hard limit of one byte or more (LimitCORE=1 in the systemd unit): the server then lets "
      "none be made"};
}

void look_at_core_dumps(const Holder& holder, Findings& findings) {
  const auto pattern = line_of_file("/proc/sys/kernel/core_pattern");
  rlimit own{};
  ::getrlimit(RLIMIT_CORE, &own);
  const auto limit = holder.runs() ? limit_of_process(holder.pid, "Max core file size")
                                   : std::optional<std::uint64_t>(own.rlim_max == 0 ? 0 : 1);
  findings.push_back(core_dump_finding(limit, pattern));
}

}  // namespace sluice::app
