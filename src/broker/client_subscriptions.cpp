// Subscriptions that the server makes: by an administrator for one client, by rules and for its
// mail when it connects.
#include <boost/json/array.hpp>

#include "base/log.hpp"
#include "broker/auto_subscriptions.hpp"
#include "broker/broker.hpp"
#include "broker/client_administration.hpp"
#include "broker/client_connection.hpp"
#include "broker/grant.hpp"
#include "broker/point_to_point.hpp"
#include "broker/session.hpp"
#include "broker/subscription_counts.hpp"
#include "broker/ticket.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using mqtt::ReasonCode;

Refusal refusal_of_grant(ReasonCode reason, std::string_view filter) {
  const auto text = '`' + std::string(filter) + '`';
  switch (reason) {
    case ReasonCode::TopicFilterInvalid:
      return {
          .errc = Errc::InvalidArgument,
          .code = "invalid_document",
          .detail = text + " is no topic filter",
          .hint = "+ stands for a whole level, # for the last ones; mqtt.topic_levels is a limit",
          .fields = {{"/filter", "must be a topic filter"}}};
    case ReasonCode::QuotaExceeded:
      return {.errc = Errc::WrongState,
              .code = "limit_reached",
              .detail = "the client has as many subscriptions as it may have",
              .hint = "mqtt.subscriptions_per_client and mqtt.groups are the limits"};
    case ReasonCode::UnspecifiedError:
    case ReasonCode::NotAuthorized:
      return {
          .errc = Errc::NotAuthorized,
          .code = "not_allowed",
          .detail = "no policy allows the client to subscribe to " + text,
          .hint = "POST /policies makes one; what is not allowed would end with the next change"};
    default:
      return {.errc = Errc::IoFailed,
              .code = "internal_error",
              .detail = "the subscription was not made: " + std::string(mqtt::name_of(reason)),
              .hint = "the server's log says more"};
  }
}

Refusal refusal_of_condition(Errc errc, const std::string& why) {
  if (errc == Errc::Overloaded)
    return {.errc = Errc::WrongState,
            .code = "limit_reached",
            .detail = why,
            .hint =
                "mqtt.conditions_per_client and mqtt.conditions_bytes are limits; a condition has "
                "at most " +
                std::to_string(kLongestCondition) + " bytes"};
  return {.errc = Errc::InvalidArgument,
          .code = "invalid_document",
          .detail = why,
          .hint = "a condition is one as in payload.temperature > 20 AND $qos = 1",
          .fields = {{"/where", why}}};
}

// The server may change how the client's own subscription delivers, but the client knows what comes
// by it from its Subscription Identifier alone. What else its SUBSCRIBE said stays as well.
SubscribeProperties properties_kept(const Session& session, std::string_view filter,
                                    ConditionPtr condition = nullptr) {
  const auto* existing = session.find_subscription(filter);
  if (existing == nullptr) return {.condition = std::move(condition)};
  return {.identifier = existing->options.identifier,
          .condition = std::move(condition),
          .user_properties = session.user_properties_of(filter),
          .lacks_properties = existing->options.lacks_properties};
}

Refusal no_such_group(const std::string& why) {
  return {.errc = Errc::InvalidArgument,
          .code = "invalid_document",
          .detail = why,
          .hint = "POST /groups makes one; mqtt.groups_must_exist: false does without",
          .fields = {{"/filter", "names no group that was made"}}};
}

}  // namespace

Outcome<json::array> Broker::subscriptions_of(const std::string& client_id) {
  auto& worker = worker_of(client_id);
  auto all = ask_worker<ShownSubscriptions>(worker, [&worker, client_id](const auto& ticket) {
    const auto session = session_of_client(worker, client_id);
    if (!session) return ticket->answer(refuse(no_such_session(client_id)));
    show_subscriptions(session,
                       [ticket](ShownSubscriptions shown) { ticket->answer(std::move(shown)); });
  });
  if (!all) return tl::unexpected(all.error());
  return with_lags(*this, std::move(*all));
}

Outcome<json::object> Broker::subscribe_client(const std::string& client_id,
                                               const ClientSubscription& wanted) {
  auto& worker = worker_of(client_id);
  ConditionPtr condition;
  if (!wanted.where.empty()) {
    auto compiled = compile_condition(wanted.where);
    if (!compiled)
      return refuse(refusal_of_condition(compiled.error().code, compiled.error().detail));
    condition = std::move(*compiled);
  }
  return ask_worker<json::object>(
      worker, [this, &worker, client_id, wanted, condition](const auto& ticket) {
        const auto session = session_of_client(worker, client_id);
        if (!session) return ticket->answer(refuse(no_such_session(client_id)));
        const auto grant =
            grant_subscription(*session,
                               {.filter = wanted.filter,
                                .qos = wanted.qos,
                                .no_local = wanted.no_local,
                                .retain_as_published = wanted.retain_as_published},
                               properties_kept(*session, wanted.filter, condition), limits());
        if (grant.reason == ReasonCode::TopicFilterInvalid && !grant.why.empty())
          return ticket->answer(refuse(no_such_group(grant.why)));
        if (!grant.why.empty())
          return ticket->answer(refuse(refusal_of_condition(Errc::Overloaded, grant.why)));
        if (mqtt::is_error(grant.reason))
          return ticket->answer(refuse(refusal_of_grant(grant.reason, wanted.filter)));
        worker.when_durable(
            [ticket, session, filter = wanted.filter, retained = grant.brings_retained] {
              const auto* made = session->find_subscription(filter);
              if (made == nullptr) return ticket->answer(json::object{{"filter", filter}});
              ticket->answer(shown_subscription(*session, *made));
              if (!session->connection() || !session->connection()->is_open()) return;
              if (retained) session->delivery().send_retained(filter);
              session->delivery().pump();
            });
      });
}

Outcome<void> Broker::unsubscribe_client(const std::string& client_id, const std::string& filter) {
  auto& worker = worker_of(client_id);
  const auto ended = ask_worker<bool>(worker, [&worker, client_id, filter](const auto& ticket) {
    const auto session = session_of_client(worker, client_id);
    if (!session) return ticket->answer(refuse(no_such_session(client_id)));
    if (!session->unsubscribe(filter))
      return ticket->answer(refuse({.errc = Errc::NotFound,
                                    .code = "not_found",
                                    .detail = "the client is not subscribed to `" + filter + '`',
                                    .hint = "GET /clients/{id}/subscriptions lists them"}));
    worker.when_durable([ticket, session] {
      ticket->answer(true);
      // The queues are others now: what came meanwhile is to be found in them.
      if (session->connection() && session->connection()->is_open()) session->delivery().pump();
    });
  });
  if (!ended) return tl::unexpected(ended.error());
  return {};
}

// While point to point is on the session has a filter for its mail. One from before it was switched
// off goes once nothing waits there: what was acknowledged is delivered.
void Broker::keep_mail_filter(Session& session) {
  const auto mail = mail_filter_of(session.client().client_id);
  if (!mail) return;
  const auto* existing = session.find_subscription(*mail);
  if (!limits().point_to_point) {
    if (existing == nullptr || !existing->options.is_mail) return;
    const bool some_wait =
        store_.count_after({&existing->queue, 1}, session.delivery().low(), 1) > 0;
    if (!some_wait) session.unsubscribe(*mail);
    return;
  }
  if (existing != nullptr) return;
  const auto made = session.subscribe(
      {.name = *mail, .options = {.qos = mqtt::Qos::ExactlyOnce, .is_mail = true}, .since = {}});
  if (!made)
    log::warn("client cannot be reached point to point",
              {{"client_id", session.client().client_id}, {"reason", made.error().detail}});
}

// Where a rule and the client want the same filter, the rule's options hold from CONNECT on.
std::vector<std::string> Broker::subscribe_at_connect(Session& session) {
  std::vector<std::string> with_retained;
  keep_mail_filter(session);
  for (const auto& [name, options, rule] : auto_subscriptions_->wanted_by(session.client())) {
    const auto* existing = session.find_subscription(name);
    if (existing != nullptr && !existing->options.has_condition &&
        existing->options.qos == options.qos && existing->options.no_local == options.no_local &&
        existing->options.retain_as_published == options.retain_as_published)
      continue;
    const auto grant = grant_subscription(session,
                                          {.filter = name,
                                           .qos = options.qos,
                                           .no_local = options.no_local,
                                           .retain_as_published = options.retain_as_published,
                                           .retain_handling = options.retain_handling},
                                          properties_kept(session, name), limits());
    if (grant.brings_retained) with_retained.push_back(name);
    if (!mqtt::is_error(grant.reason)) continue;
    if (const auto untold = client_lines_.due(session.client().host))
      log::info("auto-subscription not made", {{"client_id", session.client().client_id},
                                               {"rule", rule},
                                               {"filter", name},
                                               {"reason", mqtt::name_of(grant.reason)},
                                               {"untold", *untold}});
  }
  return with_retained;
}

}  // namespace sluice::broker
