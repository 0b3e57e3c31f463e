// The log read from one end to the other, without an index: for what no queue holds.
#pragma once
#include <cstdint>

#include "store/embedded/segment_files.hpp"
#include "store/embedded/topic_index.hpp"
#include "store/store.hpp"

namespace sluice::store::embedded {

// See Store::scan_log(). What is not `durable` is not looked at, nor blocks of the log in which no
// topic stands that is wanted.
// Errors: Corrupt (says where), whatever the file system reports.
[[nodiscard]] Result<ReadResult> scan_messages(SegmentFiles& segments, const TopicIndex& index,
                                               const View& view, const ScanRequest& request,
                                               std::uint64_t durable);

// The position before the first record with this time or a later one; `end` when there is none.
// Reads one block.
[[nodiscard]] Result<std::uint64_t> find_time(SegmentFiles& segments, const TopicIndex& index,
                                              std::int64_t wall_ms, std::uint64_t end);

}  // namespace sluice::store::embedded
