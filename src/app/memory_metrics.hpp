#pragma once
#include "base/metrics.hpp"

namespace sluice::app {

// What the allocator has given out.
void declare_memory_metrics(metrics::Registry& registry);

}  // namespace sluice::app
