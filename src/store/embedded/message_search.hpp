// Messages by topic and time: reads the blocks of the log that may hold some.
#pragma once
#include "store/embedded/damages.hpp"
#include "store/embedded/segment_files.hpp"
#include "store/embedded/topic_index.hpp"
#include "store/find.hpp"

namespace sluice::store::embedded {

// See Store::find(). What is not `durable` is not looked at.
// Errors: whatever the file system reports; damage is in the result, and noted.
[[nodiscard]] Result<FindResult> find_messages(SegmentFiles& segments, const TopicIndex& index,
                                               const View& view, Damages& damages,
                                               const FindRequest& request, std::uint64_t durable);

}  // namespace sluice::store::embedded
