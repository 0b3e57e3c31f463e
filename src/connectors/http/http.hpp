#pragma once
#include "connect/registry.hpp"

namespace sluice::connectors {

void register_http(connect::Registry& registry);

}  // namespace sluice::connectors
