#include "connectors/kafka/kafka_ends.hpp"

#include <algorithm>
#include <chrono>

namespace sluice::connectors::kafka {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;
using Offset = tl::expected<std::int64_t, rd_kafka_resp_err_t>;

// `end` is RD_KAFKA_OFFSET_BEGINNING or RD_KAFKA_OFFSET_END, which the protocol takes in place of a
// time (ListOffsets, -2 and -1).
Offset offset_of(rd_kafka_t* client, const char* topic, std::int32_t partition, std::int64_t end,
                 SteadyClock::time_point until) {
  const PartitionList list(rd_kafka_topic_partition_list_new(1));
  auto* asked = rd_kafka_topic_partition_list_add(list.get(), topic, partition);
  asked->offset = end;
  const auto left = std::chrono::ceil<milliseconds>(until - SteadyClock::now()).count();
  const auto error = rd_kafka_offsets_for_times(client, list.get(),
                                                static_cast<int>(std::max(left, decltype(left)())));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return tl::unexpected(error);
  if (asked->err != RD_KAFKA_RESP_ERR_NO_ERROR) return tl::unexpected(asked->err);
  if (asked->offset < 0) return tl::unexpected(RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE);
  return asked->offset;
}

}  // namespace

// Not rd_kafka_query_watermark_offsets(): in librdkafka 2.0 it goes on waiting for a leader that
// died, for minutes and whatever its time limit says.
tl::expected<Ends, rd_kafka_resp_err_t> ends_of(rd_kafka_t* client, const char* topic,
                                                std::int32_t partition, int timeout_ms) {
  const auto until = SteadyClock::now() + milliseconds(timeout_ms);
  const auto low = offset_of(client, topic, partition, RD_KAFKA_OFFSET_BEGINNING, until);
  if (!low) return tl::unexpected(low.error());
  const auto high = offset_of(client, topic, partition, RD_KAFKA_OFFSET_END, until);
  if (!high) return tl::unexpected(high.error());
  return Ends{.low = *low, .high = *high};
}

}  // namespace sluice::connectors::kafka
