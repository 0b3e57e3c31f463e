// Finding out, at start, what the log holds.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "base/function_ref.hpp"
#include "base/result.hpp"
#include "store/embedded/begin.hpp"
#include "store/embedded/record.hpp"
#include "store/embedded/segment.hpp"

namespace sluice::store::embedded {

struct RecoveredSegment {
  SegmentPlan plan;
  std::uint64_t end = 0;  // of its records
};

struct Recovered {
  std::vector<RecoveredSegment> segments;  // those that hold records, ascending
  std::uint64_t end = 0;                   // of all records: the log goes on behind it
  std::uint64_t time_and_node = 0;         // the highest that was seen
  std::uint64_t next_base = 0;             // where nothing was ever handed out
  std::uint64_t cut_bytes = 0;             // torn, not proven, now gone
  std::vector<std::string> empty;  // files without a record; removable once a later one stands
};

struct RecoveryStart {
  std::uint64_t position = 0;    // the checkpoint: what is before it is in the view
  std::uint64_t generation = 0;  // of the segment in which it lies; 0: not known
  BeginRecord begin = {};        // where the log was recorded to begin
};

// Gives every record from `start` on to `visit`, in order; records of an atomic group only if the
// whole group is there. Cuts a torn tail behind the last proven end and says so in the log; what is
// kept is on disk when this returns. Errors: Corrupt (a record before a proven end is damaged),
// Unsupported (written by a later version), whatever the file system reports.
using VisitRecord = FunctionRef<Result<void>(const SegmentPlan& segment, const FrameHeader& header,
                                             std::string_view body)>;
[[nodiscard]] Result<Recovered> recover(FileSystem& files, const std::string& directory,
                                        RecoveryStart start, VisitRecord visit);

}  // namespace sluice::store::embedded
