// A copy of the log up to one position, and putting it back. Every record is checked on the way:
// a backup never carries damage away unseen. docs/adr/0016-backup.md
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"
#include "store/embedded/segment.hpp"

namespace sluice::store::embedded {

// What a backup holds: written last, so a backup without it is not whole.
struct BackupManifest {
  struct Entry {  // one file of the log
    std::uint64_t base = 0;
    std::uint64_t bytes = 0;
    std::uint32_t crc = 0;  // CRC-32C of all of them
    std::uint64_t messages = 0;
    std::uint64_t changes = 0;  // of small state
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::int64_t made_ms = 0;
  std::uint64_t end = 0;      // everything before this position is in it
  std::int64_t first_ms = 0;  // of its records
  std::int64_t last_ms = 0;
  std::vector<Entry> files;

  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] std::uint64_t messages() const;
  [[nodiscard]] std::uint64_t changes() const;
};
[[nodiscard]] std::string encode_manifest(const BackupManifest& manifest);
// Corrupt: not whole. Unsupported: a later version's.
[[nodiscard]] Result<BackupManifest> decode_manifest(std::string_view text);

// The files of a log as they were at one moment. They are open: deleted by retention, they can
// still be read.
struct LogSnapshot {
  struct Source {
    SegmentPlan plan;
    std::uint64_t end = 0;  // of what is wanted of it; a position
    std::string path;
    std::unique_ptr<File> file;
  };
  std::vector<Source> files;  // ascending; each has a record at least
  std::uint64_t end = 0;
  [[nodiscard]] std::uint64_t bytes() const;
};
// Everything before `durable`, the end of what a server that runs has made durable.
[[nodiscard]] Result<LogSnapshot> snapshot_of_running(FileSystem& files, const std::string& data,
                                                      std::uint64_t durable);
// Everything that a start would keep, of a directory in which nobody writes. Changes nothing.
[[nodiscard]] Result<LogSnapshot> snapshot_of_stopped(FileSystem& files, const std::string& data);

// Called for each piece on its way, with its size: may wait.
using Throttle = std::function<void(std::size_t bytes)>;

// Writes snapshot and manifest into `backup`, an empty directory; all of it is on disk when it
// returns. Corrupt: a record is damaged.
[[nodiscard]] Result<BackupManifest> write_backup(FileSystem& files, const LogSnapshot& snapshot,
                                                  const std::string& backup, std::int64_t made_ms,
                                                  const Throttle& throttle);
// Reads every byte of a backup. Corrupt: something is missing or not as it was written.
[[nodiscard]] Result<BackupManifest> check_backup(FileSystem& files, const std::string& backup,
                                                  const Throttle& throttle);
// Puts a backup into `data`, an empty directory. A start goes on behind all positions that the
// server that was copied can have given since; until this returns a start refuses.
[[nodiscard]] Result<BackupManifest> restore_backup(FileSystem& files, const std::string& backup,
                                                    const std::string& data,
                                                    const Throttle& throttle);

}  // namespace sluice::store::embedded
