// Where a consumer group stands: asked for, settled where it stands nowhere yet.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/value.hpp>

#include "connect/source.hpp"
#include "connectors/kafka/kafka_ends.hpp"

namespace sluice::connectors::kafka {

struct Settled {
  PartitionList partitions;  // with the offset from which each is read
  std::int64_t lost = 0;     // records that Kafka deleted behind the group's place
};

// For partitions that a member was just given. Where the group has no place in any partition of a
// topic yet, all of its partitions get one, by `start`, and that is committed before anything is
// read: records that come later are not passed over, whatever happens meanwhile. The member that
// has the topic's first partition does so, and others wait for it. A partition that was added to a
// topic which the group knows is read from its beginning, whichever member it goes to. A place that
// Kafka does not have any more becomes the oldest it has. Blocks for some seconds. Errors:
// Unavailable.
[[nodiscard]] Result<Settled> settle_offsets(rd_kafka_t* client,
                                             const rd_kafka_topic_partition_list_t& given,
                                             const connect::Start& start);

// Where a person has told the group to go on: by `to`, or at these offsets and else where it is.
struct Seek {
  std::optional<connect::Start> to;
  std::map<std::pair<std::string, std::int32_t>, std::int64_t> offsets;

  // {"start": ...} as `:seek` has it; nothing: it says no such thing, and `why` what may be said.
  [[nodiscard]] static tl::expected<Seek, std::string> parse(const boost::json::value& start);
};
// Moves the places that were settled, and commits them. What is beyond the records that Kafka has
// becomes the nearest that it has. Errors: Unavailable.
[[nodiscard]] Result<void> move_offsets(rd_kafka_t* client, const PartitionList& settled,
                                        const Seek& seek);

}  // namespace sluice::connectors::kafka
