// Where the log begins. Retention records it before it deletes, so that a start can tell a deleted
// file from a lost one.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/file.hpp"
#include "base/result.hpp"
#include "store/embedded/segment.hpp"

namespace sluice::store::embedded {

// DATA/begin: names the first file that must be there. Files before it may be there.
struct LogBegin {
  std::uint64_t base = 0;        // of the first file
  std::uint64_t generation = 0;  // and which use of it; 0: none has to be there, but positions
                                 // before `base` were given
};
// As a generation: a backup is being put into this directory.
inline constexpr std::uint64_t kUnfinishedRestore = UINT64_MAX;

struct BeginRecord {
  enum class State : std::uint8_t {
    Absent,  // a new directory, or one from before it was recorded
    Damaged,
    Whole,
  };
  State state = State::Absent;
  LogBegin begin;    // if it is whole
  std::string path;  // of the record
};

// Errors: Unsupported (written by a later version), WrongState (a restore was not ended), whatever
// the file system reports.
[[nodiscard]] Result<BeginRecord> read_begin(FileSystem& files, const std::string& data_directory);
// Durable when it returns; until then the old one holds. Can be called again after a failure.
[[nodiscard]] Result<void> write_begin(FileSystem& files, const std::string& data_directory,
                                       const LogBegin& begin);
[[nodiscard]] std::string begin_path(const std::string& data_directory);

// What of the beginning is gone.
struct LostBegin {
  std::uint64_t base = 0;  // of the file that is missing; its records began there
  std::uint64_t end = 0;   // where those that are gone end; 0: nothing is left that would tell
  bool is_record = false;  // DATA/begin itself cannot be read, and nothing else tells
  std::string what;
};
// `found` are the files with a whole header, ascending. Nothing: what is recorded is there, or it
// is proven that nothing ever stood before the first of them.
[[nodiscard]] std::optional<LostBegin> find_lost_begin(const BeginRecord& record,
                                                       std::span<const SegmentPlan> found);

}  // namespace sluice::store::embedded
