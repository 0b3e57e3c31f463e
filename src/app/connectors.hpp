#pragma once
#include "connect/registry.hpp"

namespace sluice::app {

// Every connector there is: a new one is a folder and a line here.
void register_connectors(connect::Registry& registry);

}  // namespace sluice::app
