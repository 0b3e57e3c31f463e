#include "app/certificate_expiry.hpp"

#include <fmt/format.h>

#include "broker/access/timestamp.hpp"

namespace sluice::app {
namespace {

constexpr std::int64_t kNoticeMs = 30LL * 24 * 3600 * 1000;

metrics::Declaration expiry() {
  return {.name = "sluice_certificate_expiry_timestamp_seconds",
          .help = "When the first certificate of a listener expires, in seconds since 1970.",
          .kind = metrics::Kind::Gauge,
          .labels = {"listener"}};
}

}  // namespace

void declare_certificate_metrics(metrics::Registry& registry,
                                 const std::vector<Certificates>& all) {
  registry.declare(expiry());
  for (const auto& [listener, expire_s] : all) {
    if (!expire_s()) continue;
    registry.observe(expiry(), {{"listener", listener}},
                     [ask = expire_s] { return static_cast<double>(ask().value_or(0)); });
  }
}

std::vector<std::string> certificate_notices(const std::vector<Certificates>& all,
                                             std::int64_t now_ms) {
  std::vector<std::string> notices;
  for (const auto& [listener, expire_s] : all) {
    const auto expires_s = expire_s();
    if (!expires_s || *expires_s > (now_ms + kNoticeMs) / 1000) continue;
    const auto expires_ms = *expires_s * 1000;
    notices.push_back(fmt::format("a certificate of the listener `{}` {} {}", listener,
                                  expires_ms <= now_ms ? "has expired on" : "expires on",
                                  broker::rfc3339(expires_ms)));
  }
  return notices;
}

}  // namespace sluice::app
