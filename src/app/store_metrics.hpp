#pragma once
#include <functional>

#include "base/metrics.hpp"
#include "store/store.hpp"

namespace sluice::app {

// Shows what the store counts. `statistics` is called whenever somebody asks for the metrics.
void declare_store_metrics(metrics::Registry& registry,
                           const std::function<store::Statistics()>& statistics);

}  // namespace sluice::app
