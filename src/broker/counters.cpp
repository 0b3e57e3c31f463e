#include "broker/counters.hpp"

namespace sluice::broker {

namespace {

using metrics::Declaration;
using metrics::Kind;
using mqtt::ReasonCode;

Declaration dropped() {
  return {.name = "sluice_messages_dropped_total",
          .help = "Deliveries and publishes that were given up, by reason.",
          .kind = Kind::Counter,
          .labels = {"reason"}};
}

Declaration disconnects() {
  return {.name = "sluice_disconnects_total",
          .help = "Connections that the server ended, by reason.",
          .kind = Kind::Counter,
          .labels = {"reason"}};
}

constexpr ReasonCode kDisconnects[] = {
    ReasonCode::UnspecifiedError,     ReasonCode::MalformedPacket,
    ReasonCode::ProtocolError,        ReasonCode::NotAuthorized,
    ReasonCode::ServerBusy,           ReasonCode::KeepAliveTimeout,
    ReasonCode::SessionTakenOver,     ReasonCode::TopicNameInvalid,
    ReasonCode::TopicFilterInvalid,   ReasonCode::ReceiveMaximumExceeded,
    ReasonCode::TopicAliasInvalid,    ReasonCode::PacketTooLarge,
    ReasonCode::QuotaExceeded,        ReasonCode::AdministrativeAction,
    ReasonCode::PayloadFormatInvalid, ReasonCode::QosNotSupported,
    ReasonCode::UseAnotherServer,     ReasonCode::ServerMoved};

constexpr ReasonCode kRefusedSubscriptions[] = {
    ReasonCode::UnspecifiedError, ReasonCode::ImplementationSpecificError,
    ReasonCode::NotAuthorized, ReasonCode::TopicFilterInvalid, ReasonCode::QuotaExceeded};

}  // namespace

ByReason::ByReason(metrics::Registry& registry, const Declaration& declaration,
                   std::span<const ReasonCode> reasons) {
  const auto counter_of = [&](ReasonCode reason) {
    return &registry.counter(declaration, {{"reason", std::string(mqtt::name_of(reason))}});
  };
  counters_.fill(counter_of(ReasonCode::UnspecifiedError));
  for (const auto reason : reasons)
    counters_[static_cast<std::uint8_t>(reason)] = counter_of(reason);
}

Counters::Counters(metrics::Registry& registry)
    : connections(registry.gauge({.name = "sluice_connections",
                                  .help = "Open network connections of MQTT clients.",
                                  .kind = Kind::Gauge})),
      connections_refused(registry.counter({.name = "sluice_connections_refused_total",
                                            .help = "CONNECT packets answered with a refusal."})),
      sessions_refused(registry.counter(
          {.name = "sluice_sessions_refused_total",
           .help = "Sessions not begun because their user has mqtt.sessions_per_user of them."})),
      sessions_shortened(
          registry.counter({.name = "sluice_sessions_shortened_total",
                            .help = "Session expiries asked for that were longer than "
                                    "mqtt.session_expiry_maximum."})),
      disconnects(registry, broker::disconnects(), kDisconnects),
      disconnects_no_connect(registry.counter(broker::disconnects(), {{"reason", "no_connect"}})),
      subscriptions_refused(registry,
                            {.name = "sluice_subscriptions_refused_total",
                             .help = "Filters of SUBSCRIBE packets that were refused, by reason.",
                             .kind = Kind::Counter,
                             .labels = {"reason"}},
                            kRefusedSubscriptions),
      clients_blocked(registry.counter({.name = "sluice_clients_blocked_total",
                                        .help = "CONNECT packets refused by a block rule."})),
      delayed(
          registry.gauge({.name = "sluice_delayed_messages",
                          .help = "Messages published to $delayed/... that wait for their time.",
                          .kind = Kind::Gauge})),
      messages_received(registry.counter(
          {.name = "sluice_messages_received_total", .help = "PUBLISH packets from clients."})),
      messages_sent(registry.counter(
          {.name = "sluice_messages_sent_total", .help = "PUBLISH packets to clients."})),
      protocol_errors(registry.counter({.name = "sluice_protocol_errors_total",
                                        .help = "Connections closed for a malformed packet."})),
      publishes_refused(
          registry.counter({.name = "sluice_publishes_refused_total",
                            .help = "PUBLISH packets refused by access control or a limit."})),
      dropped_log_busy(registry.counter(dropped(), {{"reason", "log_busy"}})),
      dropped_slow_client(registry.counter(dropped(), {{"reason", "slow_client"}})),
      not_judged(registry.counter(dropped(), {{"reason", "condition_too_costly"}})),
      dropped_unjudged(registry.counter(dropped(), {{"reason", "conditions_busy"}})),
      condition_turns_spent(registry.counter(
          {.name = "sluice_condition_turns_spent_total",
           .help = "Turns of an event loop in which conditions ($where) took all that they may "
                   "take: what is left of them waits for the next turn."})),
      conditions_refused(registry.counter(
          {.name = "sluice_conditions_refused_total",
           .help = "Conditions ($where) refused for their length or for the memory that all of "
                   "them take, mqtt.conditions_bytes."})),
      passed_over_in_groups(registry.counter(dropped(), {{"reason", "no_member_accepts"}})),
      delivered_to_nobody(registry.counter(dropped(), {{"reason", "dollar_topic"}})),
      events_dropped(registry.counter(
          {.name = "sluice_events_dropped_total",
           .help = "Events for `$events/...` that were left out, because there were too many."})),
      expired(registry.counter(dropped(), {{"reason", "expired"}})),
      too_large_for_client(registry.counter(dropped(), {{"reason", "too_large_for_client"}})),
      lost_to_retention(registry.counter(dropped(), {{"reason", "retention"}})),
      lost_to_damage(registry.counter(dropped(), {{"reason", "damaged"}})),
      refused_by_log(registry.counter(
          {.name = "sluice_publishes_refused_by_log_total",
           .help = "PUBLISH packets of QoS 1 and 2 refused because the log takes nothing."})),
      wills_refused(registry.counter(dropped(), {{"reason", "will_log_full"}})),
      acknowledgement_seconds(registry.histogram(
          {.name = "sluice_acknowledgement_seconds",
           .help = "From the append of a publish to its acknowledgement: what the disk costs a "
                   "publisher. All of one turn of an event loop count alike.",
           .kind = Kind::Histogram})),
      held_back_seconds(registry.histogram(
          {.name = "sluice_client_held_back_seconds",
           .help = "Pauses in reading from clients that publish faster than "
                   "mqtt.messages_per_second_per_client allows: how many, and how long.",
           .kind = Kind::Histogram})),
      answers_not_taken(registry.counter(
          {.name = "sluice_answers_not_taken_total",
           .help = "How often reading from a client stopped because it did not take the answers to "
                   "what it had sent."})) {}

}  // namespace sluice::broker
