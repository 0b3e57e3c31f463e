#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"
#include "store/embedded/record.hpp"
#include "store/embedded/segment.hpp"

namespace sluice::store::embedded {

// Walks the records of one segment, checking every byte of them; what recovery, verification and
// dumping have in common. Never reads outside the file, never trusts a length it has not checked.
//
// Owns:    a window of the file.
// Threads: one.
class SegmentScanner {
 public:
  struct Frame {
    FrameHeader header;
    std::string_view body;   // until the next call
    std::string_view bytes;  // all of the record as it stands in the file; until the next call
  };

  // Begins at position `from`, where a record begins, and goes no further than `limit`.
  SegmentScanner(const File& file, const SegmentPlan& plan, std::uint64_t from,
                 std::uint64_t limit = UINT64_MAX);

  // The next whole record; nothing when none begins at position(): the end, or damage.
  [[nodiscard]] Result<std::optional<Frame>> next();
  [[nodiscard]] std::uint64_t position() const { return position_; }

 private:
  // The `size` bytes at `position`, or fewer at the end of the file.
  [[nodiscard]] Result<std::string_view> bytes_at(std::uint64_t position, std::size_t size);

  const File& file_;
  const SegmentPlan& plan_;
  std::uint64_t position_;
  std::uint64_t limit_;
  std::vector<char> window_;
  std::uint64_t window_begin_ = 0;  // position of its first byte
  std::size_t window_bytes_ = 0;
};

// What lies behind a place where no whole record begins.
struct Remains {
  std::uint64_t proven_end = 0;  // the highest that a batch frame found there vouches for
  std::uint64_t end = 0;         // position behind the last byte that is not zero; 0: none
};
[[nodiscard]] Result<Remains> search_remains(const File& file, const SegmentPlan& plan,
                                             std::uint64_t from);

}  // namespace sluice::store::embedded
