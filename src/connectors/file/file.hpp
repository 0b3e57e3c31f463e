#pragma once
#include "connect/registry.hpp"

namespace sluice::connectors {

void register_file(connect::Registry& registry);

}  // namespace sluice::connectors
