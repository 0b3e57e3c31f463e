#include "admin/latency.hpp"

#include <utility>

namespace sluice::admin {
namespace {

namespace json = boost::json;

double milliseconds(const metrics::Reading& before, const metrics::Reading& now, double share) {
  const auto seconds = metrics::quantile(before, now, share);
  return seconds ? *seconds * 1000 : NAN;
}

}  // namespace

Latency::Figures Latency::take() {
  const auto acknowledged = registry_.reading("sluice_acknowledgement_seconds");
  const auto delivered = registry_.reading("sluice_task_delivery_seconds");
  const Figures figures{.acknowledged_p50 = milliseconds(acknowledged_, acknowledged, 0.5),
                        .acknowledged_p99 = milliseconds(acknowledged_, acknowledged, 0.99),
                        .delivered_p50 = milliseconds(delivered_, delivered, 0.5),
                        .delivered_p99 = milliseconds(delivered_, delivered, 0.99)};
  acknowledged_ = acknowledged;
  delivered_ = delivered;
  newest_.with([&](Figures& newest) { newest = figures; });
  return figures;
}

json::object Latency::shown() const {
  const auto newest = newest_.with([](const Figures& figures) { return figures; });
  return {{"acknowledged_p50_ms", milliseconds_or_null(newest.acknowledged_p50)},
          {"acknowledged_p99_ms", milliseconds_or_null(newest.acknowledged_p99)},
          {"delivered_p50_ms", milliseconds_or_null(newest.delivered_p50)},
          {"delivered_p99_ms", milliseconds_or_null(newest.delivered_p99)}};
}

json::value milliseconds_or_null(double value) {
  if (std::isnan(value)) return nullptr;
  return std::round(value * 1000) / 1000;
}

}  // namespace sluice::admin
