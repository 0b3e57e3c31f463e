// The log of a server that does not run: what is in it, what is damaged, and making it usable
// again.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "base/function_ref.hpp"
#include "base/result.hpp"
#include "store/embedded/record.hpp"
#include "store/embedded/segment.hpp"

namespace sluice::store::embedded {

// A place at which no whole record begins though one should.
struct Damage {
  std::string file;
  std::uint64_t offset = 0;  // in the file
  std::uint64_t bytes = 0;   // up to the next whole record, or to the end of what was written
  std::uint64_t base = 0;    // of the segment: position = base + offset
  std::string what;
  bool has_next = false;    // a whole record follows in this file
  bool is_tail = false;     // torn, and proven by nothing: a start cuts it by itself
  bool is_header = false;   // of the file: none of it can be read
  bool is_missing = false;  // the whole file
  bool is_begin = false;    // not of a segment: DATA/begin cannot be read
};

struct SegmentReport {
  std::string file;
  SegmentPlan plan;
  std::uint64_t end = 0;  // offset behind the last record
  std::uint64_t messages = 0;
  std::uint64_t changes = 0;  // of small state
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
};

struct LogReport {
  std::vector<SegmentReport> segments;  // ascending
  std::vector<Damage> damages;          // in the order of the log

  // Would a start, or a reader, stumble over it?
  [[nodiscard]] bool is_usable() const;
};

// Reads and checks every byte of every file. Changes nothing.
using VisitFrame = FunctionRef<void(const SegmentPlan&, const FrameHeader&, std::string_view body)>;
[[nodiscard]] Result<LogReport> inspect_log(FileSystem& files, const std::string& data_directory,
                                            VisitFrame visit);
[[nodiscard]] Result<LogReport> inspect_log(FileSystem& files, const std::string& data_directory);

// Makes a log usable again: what is damaged is copied to `DATA/removed-by-repair/`, then covered by
// a record that says nothing, or cut where nothing whole follows. The view goes there too: the next
// start builds it again from what is left. Returns a sentence for each thing done.
[[nodiscard]] Result<std::vector<std::string>> repair_log(FileSystem& files,
                                                          const std::string& data_directory);

}  // namespace sluice::store::embedded
