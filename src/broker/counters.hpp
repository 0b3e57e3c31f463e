#pragma once
#include <array>
#include <span>

#include "base/metrics.hpp"
#include "mqtt/reason_code.hpp"

namespace sluice::broker {

// A counter with a label `reason`, for each reason code that is listed; the others count as
// UnspecifiedError, which is.
class ByReason {
 public:
  ByReason(metrics::Registry& registry, const metrics::Declaration& declaration,
           std::span<const mqtt::ReasonCode> reasons);
  void add(mqtt::ReasonCode reason) { counters_[static_cast<std::uint8_t>(reason)]->add(); }

 private:
  std::array<metrics::Counter*, 256> counters_{};
};

// What the broker counts; declared once here, shown at /metrics and in docs/reference/metrics.md.
struct Counters {
  explicit Counters(metrics::Registry& registry);

  metrics::Gauge& connections;
  metrics::Counter& connections_refused;
  metrics::Counter& sessions_refused;
  metrics::Counter& sessions_shortened;
  ByReason disconnects;                      // by the server, of whatever version
  metrics::Counter& disconnects_no_connect;  // of those who sent no CONNECT in time
  ByReason subscriptions_refused;
  metrics::Counter& clients_blocked;
  metrics::Gauge& delayed;
  metrics::Counter& messages_received;
  metrics::Counter& messages_sent;
  metrics::Counter& protocol_errors;
  metrics::Counter& publishes_refused;
  metrics::Counter& dropped_log_busy;
  metrics::Counter& dropped_slow_client;
  metrics::Counter& not_judged;
  metrics::Counter& dropped_unjudged;
  metrics::Counter& condition_turns_spent;
  metrics::Counter& conditions_refused;
  metrics::Counter& passed_over_in_groups;
  metrics::Counter& delivered_to_nobody;
  metrics::Counter& events_dropped;
  metrics::Counter& expired;
  metrics::Counter& too_large_for_client;
  metrics::Counter& lost_to_retention;
  metrics::Counter& lost_to_damage;
  metrics::Counter& refused_by_log;
  metrics::Counter& wills_refused;
  metrics::Histogram& acknowledgement_seconds;
  metrics::Histogram& held_back_seconds;
  metrics::Counter& answers_not_taken;
};

}  // namespace sluice::broker
