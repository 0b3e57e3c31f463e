// The offsets between which a partition has records.
#pragma once
#include <cstdint>

#include "connectors/kafka/kafka_client.hpp"

namespace sluice::connectors::kafka {

using PartitionList =
    Handle<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;

struct Ends {
  std::int64_t low = 0;
  std::int64_t high = 0;  // of what is written next
};

// Blocks for `timeout_ms` at most, whatever becomes of the partition's leader meanwhile. The
// library's error otherwise.
[[nodiscard]] tl::expected<Ends, rd_kafka_resp_err_t> ends_of(rd_kafka_t* client, const char* topic,
                                                              std::int32_t partition,
                                                              int timeout_ms);

}  // namespace sluice::connectors::kafka
