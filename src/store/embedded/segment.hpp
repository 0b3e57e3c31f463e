// One file of the log: its name, its header, its place in the stream.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "base/result.hpp"

namespace sluice::store::embedded {

// The first record begins here: the header's block is written once and never again.
inline constexpr std::uint64_t kSegmentHeaderBytes = 4096;

// Everything that stands in a segment's header. Immutable and shared: a batch carries the segment
// it was placed in.
struct SegmentPlan {
  std::uint64_t base = 0;          // the position of the file's first byte
  std::uint64_t capacity = 0;      // bytes, header included
  std::uint64_t generation = 0;    // of the file's use; grows by one from segment to segment
  std::uint64_t previous_end = 0;  // where the records of the segment before end; 0: the first ever
  std::uint32_t seed = 0;          // seed_of(generation); not stored

  [[nodiscard]] std::uint64_t first_record() const { return base + kSegmentHeaderBytes; }
  [[nodiscard]] std::uint64_t limit() const { return base + capacity; }
};
using SegmentPlanPtr = std::shared_ptr<const SegmentPlan>;

[[nodiscard]] std::string segment_name(std::uint64_t base);  // "00000000000000000000.log"
[[nodiscard]] std::optional<std::uint64_t> base_of(std::string_view file_name);

[[nodiscard]] std::string encode_segment_header(const SegmentPlan& plan);  // kSegmentHeaderBytes
// What a reader is told who finds no whole record where one was.
[[nodiscard]] tl::unexpected<Error> damaged_record(const SegmentPlan& plan, std::uint64_t position,
                                                   std::string_view why = {});
// Nothing: these bytes are no whole header of the segment at `base`. Unsupported: a later
// version's.
[[nodiscard]] Result<std::optional<SegmentPlan>> decode_segment_header(std::string_view bytes,
                                                                       std::uint64_t base);

}  // namespace sluice::store::embedded
