#include "broker/client_administration.hpp"

#include <boost/json/array.hpp>

#include "base/log.hpp"
#include "broker/access/timestamp.hpp"
#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/subscription_counts.hpp"
#include "broker/ticket.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using mqtt::ReasonCode;

std::string_view protocol_of(mqtt::Version version) {
  switch (version) {
    case mqtt::Version::V31:
      return "3.1";
    case mqtt::Version::V311:
      return "3.1.1";
    case mqtt::Version::V5:
      return "5.0";
  }
  return {};
}

json::value shown_certificate(const Session& session) {
  const auto& connection = session.connection();
  const auto certificate = connection ? connection->certificate() : std::nullopt;
  if (!certificate) return nullptr;
  return json::object{{"serial", certificate->serial},
                      {"subject", certificate->subject},
                      {"issuer", certificate->issuer},
                      {"expires", rfc3339(certificate->expires_ms)}};
}

json::value shown_will(const Session& session) {
  if (!session.will) return nullptr;
  const auto& will = *session.will;
  return json::object{{"topic", will.topic},
                      {"qos", static_cast<int>(will.qos)},
                      {"retain", will.retain},
                      {"payload_bytes", will.payload.size()},
                      {"delay_seconds", will.delay_s}};
}

json::value shown_properties(const ClientConnection& connection) {
  const auto* properties = connection.connect_properties();
  return properties == nullptr ? json::object() : properties->shown();
}

json::object shown_whole(Session& session) {
  auto shown = shown_client(session);
  const auto& connection = session.connection();
  shown["certificate"] = shown_certificate(session);
  shown["clean_start"] = connection ? json::value(connection->clean_start()) : nullptr;
  shown["connect_properties"] = connection ? shown_properties(*connection) : nullptr;
  shown["keep_alive_seconds"] = connection ? json::value(connection->keep_alive_s()) : nullptr;
  shown["receive_maximum"] = connection ? json::value(session.delivery().window()) : nullptr;
  shown["session_expiry_seconds"] = session.expiry_s();
  shown["will"] = shown_will(session);
  return shown;
}

struct ShownClient {
  json::object shown;
  ShownSubscriptions subscriptions;
};
using ClientTicket = std::shared_ptr<Ticket<ShownClient>>;

void answer_whole(const ClientTicket& ticket, const SessionPtr& session) {
  show_subscriptions(session, [ticket, session](ShownSubscriptions subscriptions) {
    ticket->answer(ShownClient{shown_whole(*session), std::move(subscriptions)});
  });
}

Outcome<json::object> whole(Broker& broker, Outcome<ShownClient> client) {
  if (!client) return tl::unexpected(client.error());
  client->shown["subscriptions"] = with_lags(broker, std::move(client->subscriptions));
  return std::move(client->shown);
}

}  // namespace

SessionPtr session_of_client(Worker& worker, const std::string& client_id) {
  auto session = worker.find_session(client_id);
  return session && !session->ended() && !session->only_will() ? session : nullptr;
}

Refusal no_such_session(const std::string& client_id) {
  return {.errc = Errc::NotFound,
          .code = "not_found",
          .detail = "there is no client with a session named " + client_id,
          .hint = "GET /clients lists them; an auto-subscription rule waits for those to come"};
}

json::object shown_subscription(const Session& session, const Subscription& subscription) {
  json::object entity{{"filter", subscription.name},
                      {"qos", static_cast<int>(subscription.options.qos)},
                      {"no_local", subscription.options.no_local},
                      {"retain_as_published", subscription.options.retain_as_published},
                      {"retain_handling", subscription.options.retain_handling}};
  if (const auto identifier = subscription.options.identifier; identifier != 0)
    entity["identifier"] = identifier;
  if (!subscription.group().empty()) entity["group"] = subscription.group();
  if (const auto* condition = session.condition_of(subscription)) entity["where"] = condition->text;
  if (const auto properties = session.user_properties_of(subscription.name))
    entity["user_properties"] = shown_user_properties(*properties);
  if (subscription.options.lacks_properties) entity["user_properties_left_out"] = true;
  return entity;
}

json::object shown_client(Session& session) {
  const auto& connection = session.connection();
  const auto certificate = connection ? connection->certificate() : std::nullopt;
  return {{"client_id", session.client().client_id},
          {"status", connection ? "connected" : "disconnected"},
          {"username", session.client().username},
          {"address", session.client().host},
          {"listener", session.client().listener.text()},
          {"protocol", connection ? json::value(protocol_of(connection->version())) : nullptr},
          {"certificate_serial", certificate ? json::value(certificate->serial) : nullptr},
          {"created", rfc3339(session.created_ms())},
          {"subscriptions", session.subscriptions().size()},
          {"in_flight", session.delivery().in_flight()},
          {"lag_messages", session.delivery().lag()},
          {"held_back_seconds", connection ? connection->held_back_s() : 0}};
}

Outcome<json::object> Broker::client(const std::string& client_id) {
  auto& worker = worker_of(client_id);
  const auto look = [&worker, client_id](const ClientTicket& ticket) {
    const auto session = session_of_client(worker, client_id);
    if (!session) return ticket->answer(refuse(no_such_session(client_id)));
    answer_whole(ticket, session);
  };
  return whole(*this, ask_worker<ShownClient>(worker, look));
}

Outcome<json::object> Broker::disconnect_client(const std::string& client_id) {
  auto& worker = worker_of(client_id);
  const auto disconnect = [&worker, client_id](const ClientTicket& ticket) {
    const auto session = session_of_client(worker, client_id);
    if (!session) return ticket->answer(refuse(no_such_session(client_id)));
    const auto connection = session->connection();
    if (!connection)
      return ticket->answer(refuse({.errc = Errc::WrongState,
                                    .code = "wrong_state",
                                    .detail = "the client is not connected",
                                    .hint = "DELETE /clients/{id} ends its session; a block rule "
                                            "keeps it out"}));
    log::info("client disconnected by an administrator", {{"client_id", client_id}});
    connection->disconnect(ReasonCode::AdministrativeAction);
    answer_whole(ticket, session);
  };
  return whole(*this, ask_worker<ShownClient>(worker, disconnect));
}

Outcome<void> Broker::end_client_session(const std::string& client_id) {
  auto& worker = worker_of(client_id);
  const auto ended = ask_worker<bool>(worker, [&worker, client_id](const auto& ticket) {
    const auto session = session_of_client(worker, client_id);
    if (!session) return ticket->answer(refuse(no_such_session(client_id)));
    log::info("session ended by an administrator", {{"client_id", client_id}});
    if (const auto connection = session->connection())
      connection->disconnect(ReasonCode::AdministrativeAction);
    session->end();
    worker.when_durable([ticket] { ticket->answer(true); });
  });
  if (!ended) return tl::unexpected(ended.error());
  return {};
}

}  // namespace sluice::broker
