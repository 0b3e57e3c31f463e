#include "broker/grant.hpp"

#include <algorithm>
#include <string>

#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/made_groups.hpp"
#include "broker/point_to_point.hpp"
#include "broker/session.hpp"
#include "broker/worker.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {

using mqtt::Qos;
using mqtt::ReasonCode;

namespace {

constexpr std::string_view kNoSuchGroup =
    "there is no such shared subscription group, and subscribing does not make one here";

// Another's mail: its filter leads into the very queue of that client.
bool is_mail_of_another(const Session& session, std::string_view filter, bool shared) {
  const auto owner = owner_of_mail_filter(filter);
  return owner && (shared || *owner != session.client().client_id);
}

}  // namespace

Grant grant_subscription(Session& session, const mqtt::SubscriptionRequest& request,
                         const SubscribeProperties& properties, const Limits& limits) {
  const auto& condition = properties.condition;
  auto& broker = session.worker().broker();
  const auto shared = mqtt::parse_shared_filter(request.filter);
  const auto filter = shared ? shared->filter : request.filter;
  if ((shared && (shared->group.empty() || shared->filter.empty())) ||
      !mqtt::is_valid_utf8(request.filter) ||  // one of an administrator's was not decoded
      !mqtt::is_valid_topic_filter(filter, limits.topic_levels))
    return {ReasonCode::TopicFilterInvalid};
  if (!session.permissions()->may_subscribe(filter, request.qos) ||
      (shared && broker.is_task_group(shared->group)) ||
      (broker.limits().point_to_point && is_mail_of_another(session, filter, shared.has_value())))
    return {broker.options().refused_subscription};
  // The filter is well formed, and not one that this client may name: what 0x8F says (§3.9.3). 0x87
  // would blame its rights, 0x9E all shared subscriptions.
  if (shared && broker.limits().groups_must_exist && !broker.made_groups().contains(shared->group))
    return {ReasonCode::TopicFilterInvalid, false, std::string(kNoSuchGroup)};
  const auto* existing = session.find_subscription(request.filter);
  const bool is_new = existing == nullptr;
  if (is_new && (session.subscriptions().size() >= limits.subscriptions_per_client ||
                 !session.has_room_for_filter(request.filter.size())))
    return {ReasonCode::QuotaExceeded};
  if (is_new && !broker.memory().sessions->has_room_for(request.filter.size(),
                                                        broker.limits().sessions_bytes))
    return {ReasonCode::QuotaExceeded};
  if (condition && (is_new || !existing->options.has_condition) &&
      session.conditions() >= limits.conditions_per_client)
    return {ReasonCode::QuotaExceeded, false,
            "$where: the client has as many conditions as it may have"};
  const auto qos = std::min(request.qos, static_cast<Qos>(limits.maximum_qos));
  // They are there to be seen: no subscription is refused for want of room for them.
  const auto& wanted = properties.user_properties;
  const bool has_room = !wanted || session.has_room_for_properties(request.filter, *wanted);
  const auto granted =
      session.subscribe({.name = std::string(request.filter),
                         .options = {.qos = qos,
                                     .no_local = request.no_local,
                                     .retain_as_published = request.retain_as_published,
                                     .lacks_properties = properties.lacks_properties || !has_room,
                                     .retain_handling = request.retain_handling,
                                     .identifier = properties.identifier},
                         .since = {}},
                        condition, has_room ? wanted : nullptr);
  if (!granted) {
    if (const auto untold = broker.client_lines().due(session.client().host))
      log::warn("subscription refused", {{"client_id", session.client().client_id},
                                         {"filter", request.filter},
                                         {"reason", granted.error().detail},
                                         {"untold", *untold}});
    return {granted.error().code == Errc::Overloaded || granted.error().code == Errc::NoSpace
                ? ReasonCode::QuotaExceeded
                : ReasonCode::UnspecifiedError,
            false, condition ? granted.error().detail : std::string()};
  }
  // [MQTT-3.3.1-9] to [MQTT-3.3.1-11]; a shared subscription gets none. [MQTT-4.8.2]
  return {static_cast<ReasonCode>(qos),
          !shared && (request.retain_handling == 0 || (request.retain_handling == 1 && is_new)),
          {}};
}

}  // namespace sluice::broker
