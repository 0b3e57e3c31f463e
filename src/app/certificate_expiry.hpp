#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "net/listener.hpp"

namespace sluice::app {

using Listeners = std::vector<std::unique_ptr<net::Listener>>;

// When the certificates of each listener expire. The listeners outlive whoever asks for metrics.
void declare_certificate_metrics(metrics::Registry& registry, const Listeners& listeners);

// A sentence for each listener whose certificates expire within 30 days of `now_ms`, or have.
[[nodiscard]] std::vector<std::string> certificate_notices(const Listeners& listeners,
                                                           std::int64_t now_ms);

}  // namespace sluice::app
