// CONNECT: from the first packet to CONNACK. MQTT 5.0 §3.1, §3.2.
#include <algorithm>
#include <utility>

#include "base/entity_id.hpp"
#include "base/log.hpp"
#include "broker/block_rules.hpp"
#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/session.hpp"
#include "broker/worker.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {

using mqtt::PropertyId;
using mqtt::ReasonCode;
using mqtt::Version;

void ClientConnection::handle_connect(const mqtt::Connect& connect) {
  version_ = connect.version;
  limits_ = &worker_.broker().limits(client_->listener);
  clear_deadline();
  if (const auto reason = refuse_connect(connect)) {
    refuse_with_connack(*reason);
    return;
  }
  note_connect(connect);
  if (refuse_blocked()) return;
  if (has_method_) {
    begin_login(connect.properties.text(PropertyId::AuthenticationData));
    return;
  }
  state_ = State::Deciding;
  worker_.deadlines().set(*this, worker_.broker().clock().steady() + kConnectDeadline);
  link_->hold_reading(true);
  pending_->user_id = worker_.broker().access().user_id(client_->username);
  auto credential = std::move(pending_->credential);
  if (!credential && connect.password) credential = *connect.password;
  worker_.broker().access().authenticate(
      *client_, std::move(credential),
      [worker = &worker_, weak = weak_from_this()](LoginAnswer login) {
        worker->post([weak, login = std::move(login)] {
          if (const auto self = weak.lock()) self->on_authenticated(login);
        });
      });
}

std::optional<ReasonCode> ClientConnection::refuse_connect(const mqtt::Connect& connect) {
  const auto& limits = *limits_;
  // A client id may be empty where the server makes one: with MQTT 5, and with 3.1.1 for a clean
  // session. [MQTT-3.1.3-8]
  if (connect.client_id.empty() &&
      (version_ == Version::V31 || (version_ == Version::V311 && !connect.clean_start)))
    return ReasonCode::ClientIdentifierNotValid;
  if (const auto method = connect.properties.text(PropertyId::AuthenticationMethod)) {
    if (!worker_.broker().access().knows_method(*method))
      return ReasonCode::BadAuthenticationMethod;  // [MQTT-4.12.0-1]
    has_method_ = true;
  }
  if (connect.will) {
    const auto& will = *connect.will;
    if (!mqtt::is_valid_topic_name(will.topic, limits.topic_levels) || will.topic.starts_with('$'))
      return ReasonCode::TopicNameInvalid;
    if (static_cast<std::uint8_t>(will.qos) > limits.maximum_qos)
      return ReasonCode::QosNotSupported;
    if (!worker_.broker().memory().wills->has_room_for(
            will.topic.size() + will.payload.size() + will.properties.encoded().size(),
            limits.wills_bytes))
      return ReasonCode::QuotaExceeded;
  }
  if (worker_.broker().counters().connections.value() > limits.connections)
    return ReasonCode::ServerBusy;
  if (worker_.broker().is_stopping()) return ReasonCode::ServerShuttingDown;
  if (!limits.redirect_to.empty())
    return limits.redirect_permanently ? ReasonCode::ServerMoved : ReasonCode::UseAnotherServer;
  // Closed until restart: no session could be kept, nothing acknowledged.
  const auto health = worker_.broker().store().health();
  if (!health.accepting && health.reason == Errc::Closed) return ReasonCode::ServerUnavailable;
  return std::nullopt;
}

void ClientConnection::note_connect(const mqtt::Connect& connect) {
  const auto& limits = *limits_;
  pending_ = std::make_unique<Pending>();
  pending_->id_assigned = connect.client_id.empty();
  std::string client_id(connect.client_id);
  // One that leads back to this worker, where its session begins. [MQTT-3.1.3-7]
  while (pending_->id_assigned &&
         (client_id.empty() || &worker_.broker().worker_of(client_id) != &worker_))
    client_id = new_entity_id(worker_.broker().clock());
  const bool is_certified = client_->is_certified;
  auto username = connect.username;
  if (username && worker_.broker().access().is_credential(*username))
    pending_->credential = *std::exchange(username, std::nullopt);
  client_ = ClientPtr(
      Client{.client_id = std::move(client_id),
             .username = is_certified ? client_->username : std::string(username.value_or("")),
             .has_username = is_certified || username.has_value(),
             .is_certified = is_certified,
             .host = client_->host,
             .listener = client_->listener});
  clean_start_ = connect.clean_start;
  properties_ = ConnectProperties::of(connect.properties);
  pending_->receive_maximum = limits.maximum_inflight;
  pending_->keep_alive_s = connect.keep_alive_s;
  if (version_ == Version::V5) {
    const auto& properties = connect.properties;
    pending_->session_expiry_s =
        bounded_expiry(properties.number(PropertyId::SessionExpiryInterval).value_or(0));
    wants_reasons_ = properties.number(PropertyId::RequestProblemInformation).value_or(1) != 0;
    const auto receive = properties.number(PropertyId::ReceiveMaximum).value_or(65535);
    pending_->receive_maximum =
        static_cast<std::uint16_t>(std::min<std::uint32_t>(receive, limits.maximum_inflight));
    maximum_packet_size_ = properties.number(PropertyId::MaximumPacketSize).value_or(0);
    const auto sent_aliases = std::min<std::uint32_t>(
        properties.number(PropertyId::TopicAliasMaximum).value_or(0), limits.topic_alias_maximum);
    if (sent_aliases > 0) aliases().sent.emplace(sent_aliases);
    // An endless or longer silence would hold a connection for ever: the server says its own.
    const auto most = limits.keep_alive_maximum_s;
    if (most > 0 && (pending_->keep_alive_s == 0 || pending_->keep_alive_s > most)) {
      pending_->keep_alive_s = most;
      pending_->keep_alive_changed = true;
    }
  } else {
    pending_->session_expiry_s = connect.clean_start ? 0 : limits.session_expiry_maximum_s;
  }
  if (connect.will) note_will(*connect.will);
}

bool ClientConnection::refuse_blocked() {
  auto& broker = worker_.broker();
  const auto rule = broker.block_rules().blocking(*client_);
  if (!rule) return false;
  broker.counters().clients_blocked.add();
  broker.block_rules().note_refusal(*rule);
  if (const auto untold = broker.client_lines().due(client_->host))
    log::info("client refused: a block rule keeps it out", {{"client_id", client_->client_id},
                                                            {"username", client_->username},
                                                            {"host", client_->host},
                                                            {"rule", *rule},
                                                            {"untold", *untold}});
  refuse_with_connack(ReasonCode::Banned);
  return true;
}

void ClientConnection::tell_refused(std::string_view why) {
  if (const auto untold = worker_.broker().client_lines().due(client_->host))
    log::info(why, {{"client_id", client_->client_id},
                    {"username", client_->username},
                    {"host", client_->host},
                    {"untold", *untold}});
}

std::uint32_t ClientConnection::bounded_expiry(std::uint32_t asked_s) {
  const auto most = limits_->session_expiry_maximum_s;
  if (asked_s <= most) return asked_s;
  worker_.broker().counters().sessions_shortened.add();
  return most;
}

void ClientConnection::note_will(const mqtt::Will& will) {
  pending_->will = std::make_unique<WillMessage>(will_of(will));
  pending_->will->username = client_->username;
  pending_->will->has_username = client_->has_username;
  pending_->will->host = client_->host;
  pending_->will->listener = client_->listener;
  pending_->will->memory = worker_.broker().memory().wills->hold(bytes_of(*pending_->will));
}

// Who the login says it is, in place of what CONNECT says.
void ClientConnection::take_login(const LoginAnswer& login) {
  auto client = *client_;
  client.username = *login.username;
  client.has_username = true;
  client.terms = login.terms;
  client_ = ClientPtr(std::move(client));
  pending_->user_id.clear();  // of no stored user: the login alone says who it is
  if (auto& will = pending_->will) {
    will->username = client_->username;
    will->has_username = true;
    will->terms = client_->terms;
  }
}

void ClientConnection::on_authenticated(const LoginAnswer& login) {
  if (state_ != State::Deciding) return;
  if (worker_.broker().is_stopping()) {
    refuse_with_connack(ReasonCode::ServerShuttingDown);
    return;
  }
  if (mqtt::is_error(login.reason)) {
    refuse_with_connack(login.reason);
    return;
  }
  if (login.username) {
    take_login(login);
  } else if (worker_.broker().access().user_id(client_->username) != pending_->user_id) {
    // Deleted, or made anew, while the password was checked.
    refuse_with_connack(ReasonCode::BadUserNameOrPassword);
    return;
  }
  if (refuse_blocked()) return;  // by the name that the login showed, or by a rule since
  const auto permissions = worker_.broker().access().compile(*client_);
  const auto& will = pending_->will;
  if (!permissions->may_connect() ||
      (will && !permissions->may_publish(will->topic, will->qos, will->retain))) {
    tell_refused("client refused: no policy allows it");
    refuse_with_connack(ReasonCode::NotAuthorized);
    return;
  }
  admit();
}

// Session: taken over, continued or begun. [MQTT-3.1.2-4] [MQTT-3.1.2-5]
void ClientConnection::admit() {
  auto& broker = worker_.broker();
  auto session = worker_.find_session(client_->client_id);
  if (session && session->user_is_gone()) session->end_with_user();
  if (session && session->ended()) session = nullptr;
  if (session && broker.access().enabled() && session->client().username != client_->username) {
    // A client id belongs to the user who began its session: nobody else takes it over.
    tell_refused("client refused: its client id belongs to another user");
    refuse_with_connack(ReasonCode::NotAuthorized);
    return;
  }
  const bool begins_anew = session != nullptr;
  if (session && session->connection()) session->connection()->taken_over();
  if (session && (session->ended() || clean_start_)) {
    if (!session->ended()) session->end();
    session = nullptr;
  }
  if (session && session->only_will()) {
    session->will.reset();  // the client is back before it was due. [MQTT-3.1.3-9]
    session->end();
    session = nullptr;
  }
  const bool session_present = session != nullptr;
  if (!session) {
    if (!broker.memory().sessions->has_room_for(Session::name_bytes(*client_),
                                                broker.limits().sessions_bytes)) {
      tell_refused("client refused: mqtt.sessions_bytes has no room for its session");
      refuse_with_connack(ReasonCode::QuotaExceeded,
                          "the server keeps as much of sessions as it may: mqtt.sessions_bytes");
      return;
    }
    const auto user = broker.counted_user(*client_);
    const auto most = broker.limits().sessions_per_user;
    // One that begins anew makes none more.
    if (begins_anew) {
      broker.session_counts().add(user);
    } else if (!broker.session_counts().add_below(user, most)) {
      broker.counters().sessions_refused.add();
      tell_refused(
          "client refused: its user has as many sessions as mqtt.sessions_per_user allows");
      refuse_with_connack(
          ReasonCode::QuotaExceeded,
          "its user has as many sessions as the server allows: " + std::to_string(most));
      return;
    }
    session = std::make_shared<Session>(worker_, client_);
    worker_.add_session(session);
    if (worker_.events().wants(Event::SessionCreated))
      worker_.events().add(Event::SessionCreated, *client_,
                           {{"created_at", broker.clock().wall_ms()}});
  }
  session->set_client(client_, std::move(pending_->user_id));
  session_ = session;
  session->will = std::move(pending_->will);
  session->attach(shared_from_this(), pending_->session_expiry_s);
  if (properties_)
    properties_->count_for(*broker.memory().sessions, broker.limits().sessions_bytes);
  // From this address, by this name, and after what changed while the client was away.
  if (const auto dropped = session->drop_uncovered(*session->permissions()); dropped > 0)
    log::info("subscriptions dropped: no policy allows them any more",
              {{"client_id", client_->client_id}, {"subscriptions", dropped}});
  pending_->wants_retained = broker.subscribe_at_connect(*session);
  // The answer waits until what it promises is on disk.
  worker_.when_durable([weak = weak_from_this(), session_present] {
    if (const auto self = weak.lock()) self->send_connack(session_present);
  });
}

void ClientConnection::send_connack(bool session_present) {
  if (state_ != State::Deciding || !session_) return;
  const auto& limits = *limits_;
  std::string properties;
  if (version_ == Version::V5) {
    mqtt::PropertyWriter writer(properties);
    writer.number(PropertyId::SessionExpiryInterval, session_->expiry_s());
    if (limits.receive_maximum != 65535)
      writer.number(PropertyId::ReceiveMaximum, limits.receive_maximum);
    if (limits.maximum_qos < 2) writer.number(PropertyId::MaximumQos, limits.maximum_qos);
    writer.number(PropertyId::MaximumPacketSize, limits.maximum_packet_size);
    if (pending_->id_assigned)
      writer.text(PropertyId::AssignedClientIdentifier, client_->client_id);
    if (limits.topic_alias_maximum > 0)
      writer.number(PropertyId::TopicAliasMaximum, limits.topic_alias_maximum);
    if (pending_->keep_alive_changed)
      writer.number(PropertyId::ServerKeepAlive, pending_->keep_alive_s);
    if (has_method_) {  // [MQTT-4.12.0-5]
      writer.text(PropertyId::AuthenticationMethod, AccessControl::kScram);
      writer.text(PropertyId::AuthenticationData, pending_->login_proof);
    }
  }
  const auto begin = output().size();
  mqtt::encode(output(), version_,
               mqtt::Connack{.session_present = session_present,
                             .reason = ReasonCode::Success,
                             .properties = mqtt::Properties::from_checked(properties)});
  if (!takes_answer(begin)) return;
  clear_deadline();
  state_ = State::Open;
  keep_alive_s_ = pending_->keep_alive_s;
  tell_connected();
  const auto window = pending_->receive_maximum;
  const auto wants_retained = std::move(pending_->wants_retained);
  pending_.reset();
  last_heard_ = worker_.deadlines().tick_at(worker_.broker().clock().steady());
  watch_deadlines();
  link_->hold_reading(false);
  for (const auto& name : wants_retained) session_->delivery().send_retained(name);
  session_->delivery().resume(window);
  session_->wake_groups();
}

void ClientConnection::refuse_with_connack(ReasonCode reason, std::string_view why) {
  worker_.broker().counters().connections_refused.add();
  mqtt::Connack answer{.session_present = false, .reason = reason, .properties = {}};
  std::string properties;
  const bool redirects =
      reason == ReasonCode::UseAnotherServer || reason == ReasonCode::ServerMoved;
  if ((redirects || !why.empty()) && version_ == Version::V5) {
    constexpr std::size_t kAround = 2 + 2 + 3;  // header, flags and reason, length
    mqtt::PropertyWriter writer(properties);
    if (redirects) writer.text(PropertyId::ServerReference, limits_->redirect_to);
    if (!why.empty()) writer.text(PropertyId::ReasonString, why);
    if (maximum_packet_size_ == 0 || properties.size() + kAround <= maximum_packet_size_)
      answer.properties = mqtt::Properties::from_checked(properties);  // [MQTT-3.2.2-19]
  }
  mqtt::encode(output(), version_, answer);
  link_->says_farewell = true;
  close();
}

}  // namespace sluice::broker
