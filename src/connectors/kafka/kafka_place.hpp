#pragma once
#include "connect/registry.hpp"

namespace sluice::connectors::kafka {

// For a preview: the partition that the key chooses, and whether the topic takes a record of this
// size. Writes nothing, makes no topic; blocks for some seconds at most.
[[nodiscard]] connect::Placement place(const connect::SinkConfig& config,
                                       const connect::Record& record);

}  // namespace sluice::connectors::kafka
