#pragma once
#include "connect/registry.hpp"

namespace sluice::connectors {

// Connections of the type `mqtt`: outside MQTT servers.
void register_mqtt(connect::Registry& registry);

}  // namespace sluice::connectors
