#pragma once
#include "base/metrics.hpp"

namespace sluice::net {

// What the listeners count; declared once here.
struct Counters {
  explicit Counters(metrics::Registry& registry);

  metrics::Counter& tls_full;
  metrics::Counter& tls_resumed;
  metrics::Counter& tls_failed;
  metrics::Counter& web_socket_failed;
  metrics::Counter& proxy_failed;
};

}  // namespace sluice::net
