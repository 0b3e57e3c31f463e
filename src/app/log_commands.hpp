// `sluice log`: the log of a server that does not run.
#pragma once
#include <cstdint>
#include <string>

namespace sluice::app {

struct LogCommand {
  std::string verb;  // verify, dump, repair
  std::string data;
  std::uint64_t from = 0;      // dump: the first position
  std::uint64_t limit = 1000;  // dump: records
  bool confirmed = false;      // repair: do it; otherwise only say what is damaged
};

// The exit code: 0 nothing is damaged (or it was repaired), 1 otherwise.
[[nodiscard]] int run_log_command(const LogCommand& command);

}  // namespace sluice::app
