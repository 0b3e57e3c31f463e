#pragma once
#include "connect/registry.hpp"

namespace sluice::connectors {

void register_kafka(connect::Registry& registry);

}  // namespace sluice::connectors
