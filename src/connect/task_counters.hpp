#pragma once
#include "base/metrics.hpp"

namespace sluice::connect {

// Metrics that outlive a worker: a task keeps them over pause and start.
struct TaskCounters {
  metrics::Counter& delivered;
  metrics::Counter& retried;
  metrics::Counter& rejected;
  metrics::Counter& filtered;
  metrics::Counter& looped;
  metrics::Counter& shed;
  metrics::Counter& lost;
  metrics::Counter& possible_duplicates;
  metrics::Counter& denied;
  metrics::Histogram& delivery;
};

}  // namespace sluice::connect
