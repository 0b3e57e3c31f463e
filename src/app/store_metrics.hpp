#pragma once
#include <functional>

#include "base/metrics.hpp"
#include "store/store.hpp"

namespace sluice::app {

// Shows what the store counts. `statistics` is called whenever somebody asks for the metrics.
// What the store measures itself, once for each commit.
struct StoreHistograms {
  metrics::Histogram& append_seconds;
  metrics::Histogram& sync_seconds;
};
[[nodiscard]] StoreHistograms store_histograms(metrics::Registry& registry);

void declare_store_metrics(metrics::Registry& registry,
                           const std::function<store::Statistics()>& statistics);

}  // namespace sluice::app
