#include "connectors/kafka/kafka_offsets.hpp"

#include <span>
#include <string_view>

namespace sluice::connectors::kafka {
namespace {

constexpr int kAskOffsetsMs = 5000;

tl::unexpected<Error> no_offsets(const char* what, rd_kafka_resp_err_t error) {
  return fail(Errc::Unavailable, std::string(what) + ": " + explain(error, ""));
}

std::span<rd_kafka_topic_partition_t> all_of(const PartitionList& list) {
  return {list->elems, static_cast<std::size_t>(list->cnt)};
}

bool is_known_topic(const PartitionList& committed, std::string_view topic) {
  for (const auto& partition : all_of(committed)) {
    if (partition.topic == topic && partition.offset >= 0) return true;
  }
  return false;
}

struct Range {
  std::int64_t low = 0;
  std::int64_t high = 0;  // of what is written next
};

Result<Range> range_of(rd_kafka_t* client, const rd_kafka_topic_partition_t& partition) {
  Range range;
  const auto error = rd_kafka_query_watermark_offsets(client, partition.topic, partition.partition,
                                                      &range.low, &range.high, kAskOffsetsMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return no_offsets("the ends of its partitions cannot be read", error);
  return range;
}

Result<std::int64_t> first_at(rd_kafka_t* client, const rd_kafka_topic_partition_t& partition,
                              std::int64_t wall_ms, const Range& range) {
  const PartitionList times(rd_kafka_topic_partition_list_new(1));
  auto* asked =
      rd_kafka_topic_partition_list_add(times.get(), partition.topic, partition.partition);
  asked->offset = wall_ms;
  const auto error = rd_kafka_offsets_for_times(client, times.get(), kAskOffsetsMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return no_offsets("the offset of a time cannot be read", error);
  if (asked->err != RD_KAFKA_RESP_ERR_NO_ERROR)
    return no_offsets("the offset of a time cannot be read", asked->err);
  return asked->offset >= 0 ? asked->offset : range.high;
}

Result<std::int64_t> first_of(rd_kafka_t* client, const rd_kafka_topic_partition_t& partition,
                              const connect::Start& start, const Range& range) {
  if (std::holds_alternative<connect::StartEarliest>(start)) return range.low;
  if (const auto* time = std::get_if<connect::StartTime>(&start))
    return first_at(client, partition, time->wall_ms, range);
  return range.high;
}

}  // namespace

Result<Settled> settle_offsets(rd_kafka_t* client, const rd_kafka_topic_partition_list_t& given,
                               const connect::Start& start) {
  Settled settled{.partitions = PartitionList(rd_kafka_topic_partition_list_copy(&given))};
  if (given.cnt == 0) return settled;
  const auto asked = rd_kafka_committed(client, settled.partitions.get(), kAskOffsetsMs);
  if (asked != RD_KAFKA_RESP_ERR_NO_ERROR)
    return no_offsets("the place of its consumer group cannot be read", asked);

  const PartitionList fresh(rd_kafka_topic_partition_list_new(given.cnt));
  const PartitionList committed(rd_kafka_topic_partition_list_copy(settled.partitions.get()));
  for (auto& partition : all_of(settled.partitions)) {
    if (partition.err != RD_KAFKA_RESP_ERR_NO_ERROR)
      return no_offsets("the place of its consumer group cannot be read", partition.err);
    SL_TRY(range, range_of(client, partition));
    if (partition.offset >= 0) {
      const bool is_gone = partition.offset < range.low;
      if (is_gone) settled.lost += range.low - partition.offset;
      // Behind the end: the topic was made anew, and nothing of it has been read.
      if (is_gone || partition.offset > range.high) partition.offset = range.low;
      continue;
    }
    const bool is_added = is_known_topic(committed, partition.topic);
    SL_TRY(first, first_of(client, partition,
                           is_added ? connect::Start(connect::StartEarliest()) : start, range));
    partition.offset = first;
    rd_kafka_topic_partition_list_add(fresh.get(), partition.topic, partition.partition)->offset =
        first;
  }
  if (fresh->cnt == 0) return settled;
  const auto kept = rd_kafka_commit(client, fresh.get(), 0);
  if (kept != RD_KAFKA_RESP_ERR_NO_ERROR)
    return no_offsets("the place of its consumer group cannot be written", kept);
  return settled;
}

}  // namespace sluice::connectors::kafka
