#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.hpp"

namespace sluice::app {

// The certificates of a listener, or of the administration.
struct Certificates {
  std::string listener;
  std::function<std::optional<std::int64_t>()> expire_s;  // seconds since 1970; none: has none
};

// When they expire. What `all` refers to outlives whoever asks for metrics.
void declare_certificate_metrics(metrics::Registry& registry, const std::vector<Certificates>& all);

// A sentence for each of which the first expires within 30 days of `now_ms`, or has.
[[nodiscard]] std::vector<std::string> certificate_notices(const std::vector<Certificates>& all,
                                                           std::int64_t now_ms);

}  // namespace sluice::app
