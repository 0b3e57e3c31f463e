// `sluice backup` and `sluice restore`: docs/guide/backup.md.
#pragma once
#include <cstdint>
#include <string>

namespace sluice::app {

struct BackupCommand {
  std::string data;                    // of a server that runs, or does not
  std::string backup;                  // a directory
  std::uint64_t bytes_per_second = 0;  // 0: as fast as it goes
  bool only_check = false;             // restore: reads, writes nothing
};

// The exit code: 0 done, 1 refused or failed. What a failure leaves behind is no backup, and no
// data directory.
[[nodiscard]] int run_backup(const BackupCommand& command);
[[nodiscard]] int run_restore(const BackupCommand& command);

}  // namespace sluice::app
