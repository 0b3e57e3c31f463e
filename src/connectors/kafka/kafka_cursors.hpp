#pragma once
#include <string>
#include <string_view>

#include "connectors/kafka/kafka_producer.hpp"

namespace sluice::connectors::kafka {

// The compacted topic in which who writes exactly once keeps, for each transactional id, the place
// it has reached: written in the same transaction as the records.
inline constexpr std::string_view kCursorsTopic = "__sluice_cursors";

// Finds or makes it. Blocks for some seconds at most. Errors: Unavailable, also when it would
// forget: places must stay.
[[nodiscard]] Result<Topic*> cursors_topic(Producer& producer);

// The last value of the key that was committed; empty when there is none. Blocks for some seconds:
// all of the topic is read, and transactions that are open in it are waited for. `producer` has
// ended those of this key. Errors: Unavailable with what to do about it.
[[nodiscard]] Result<std::string> read_place(Producer& producer, const Topic& topic,
                                             const Properties& client,
                                             std::optional<TokenEndpoint> tokens,
                                             std::string_view key);

}  // namespace sluice::connectors::kafka
