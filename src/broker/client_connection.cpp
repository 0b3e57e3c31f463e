#include "broker/client_connection.hpp"

#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/message_expiry.hpp"
#include "broker/session.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

using mqtt::PacketType;
using mqtt::ReasonCode;
using mqtt::Version;

ClientConnection::ClientConnection(Worker& worker, std::shared_ptr<Link> link, std::string host,
                                   ListenerName listener)
    : worker_(worker),
      link_(std::move(link)),
      limits_(&worker.broker().limits(listener)),
      client_(ClientPtr(Client{
          .client_id = {}, .username = {}, .host = std::move(host), .listener = listener})) {}

ClientConnection::~ClientConnection() = default;

void ClientConnection::start() {
  worker_.broker().counters().connections.add(1);
  worker_.deadlines().set(*this, worker_.broker().clock().steady() + kConnectDeadline);
}

void ClientConnection::set_host(std::string host) {
  client_ = ClientPtr(Client{
      .client_id = {}, .username = {}, .host = std::move(host), .listener = client_->listener});
}

void ClientConnection::set_certified_user(std::string name) {
  client_ = ClientPtr(Client{.client_id = {},
                             .username = std::move(name),
                             .has_username = true,
                             .is_certified = true,
                             .host = client_->host,
                             .listener = client_->listener});
}

std::size_t ClientConnection::maximum_packet_size() const {
  const auto limit = limits_->maximum_packet_size;
  return state_ == State::Open ? limit : std::min<std::size_t>(limit, kMaximumConnectSize);
}

void ClientConnection::on_malformed(ReasonCode reason) {
  if (state_ == State::Closed) return;
  worker_.broker().counters().protocol_errors.add();
  if (const auto untold = worker_.broker().client_lines().due(client_->host))
    log::info("client sent a packet that breaks the protocol", {{"client_id", client_->client_id},
                                                                {"host", client_->host},
                                                                {"reason", mqtt::name_of(reason)},
                                                                {"untold", *untold}});
  if (state_ == State::AwaitingConnect) {
    // Before CONNECT nobody is answered: the other side may not even speak MQTT. A version that is
    // not ours is the exception. [MQTT-3.1.2-2]
    if (reason == ReasonCode::UnsupportedProtocolVersion) {
      refuse_with_connack(reason);
      return;
    }
    close();
    return;
  }
  if (state_ == State::Authenticating) {  // [MQTT-4.12.0-4]
    refuse_with_connack(reason);
    return;
  }
  disconnect(reason);
}

void ClientConnection::on_no_memory() {
  if (state_ == State::Closed) return;
  if (const auto untold = worker_.broker().client_lines().due(client_->host))
    log::warn("client disconnected: there is no room for more packets that have not come whole",
              {{"client_id", client_->client_id},
               {"host", client_->host},
               {"setting", waits_for_connect() ? "mqtt.strangers_bytes" : "mqtt.packets_bytes"},
               {"untold", *untold}});
  if (state_ == State::Open) return disconnect(ReasonCode::QuotaExceeded);
  if (state_ != State::AwaitingConnect) return refuse_with_connack(ReasonCode::QuotaExceeded);
  worker_.broker().counters().connections_refused.add();
  close();
}

void ClientConnection::on_packet(const mqtt::Frame& frame) {
  if (state_ == State::Closed) return;
  note_heard();
  if (state_ == State::AwaitingConnect) {
    if (frame.type != PacketType::Connect) {  // [MQTT-3.1.0-1]
      on_malformed(ReasonCode::ProtocolError);
      return;
    }
    const auto connect = mqtt::decode_connect(frame.body);
    if (connect) {
      handle_connect(*connect);
      return;
    }
    version_ = mqtt::version_of_connect(frame.body).value_or(Version::V5);
    on_malformed(connect.error());
    return;
  }
  if (state_ == State::Authenticating && frame.type != PacketType::Auth &&
      frame.type != PacketType::Disconnect) {  // [MQTT-3.1.2-30]
    on_malformed(ReasonCode::ProtocolError);
    return;
  }
  if (frame.type == PacketType::Publish) {
    auto publish = mqtt::decode_publish(version_, mqtt::Sender::Client, frame.flags, frame.body);
    if (!publish)
      on_malformed(publish.error());
    else
      handle_publish(*publish);
    return;
  }
  if (frame.type >= PacketType::Puback && frame.type <= PacketType::Pubcomp) {
    const auto ack = mqtt::decode_ack(version_, frame.type, frame.body);
    if (!ack)
      on_malformed(ack.error());
    else
      handle_ack(*ack);
    return;
  }
  const auto packet = mqtt::decode(version_, mqtt::Sender::Client, frame);
  if (!packet) {
    on_malformed(packet.error());
    return;
  }
  if (const auto* subscribe = std::get_if<mqtt::Subscribe>(&*packet)) {
    handle_subscribe(*subscribe);
  } else if (const auto* unsubscribe = std::get_if<mqtt::Unsubscribe>(&*packet)) {
    handle_unsubscribe(*unsubscribe);
  } else if (std::holds_alternative<mqtt::Pingreq>(*packet)) {
    mqtt::encode(output(), mqtt::Pingresp{});
  } else if (const auto* farewell = std::get_if<mqtt::Disconnect>(&*packet)) {
    handle_disconnect(*farewell);
  } else if (const auto* auth = std::get_if<mqtt::Auth>(&*packet); auth != nullptr && has_method_) {
    handle_auth(*auth);
  } else {
    // A second CONNECT [MQTT-3.1.0-2], or AUTH without a method [MQTT-4.12.0-6].
    on_malformed(ReasonCode::ProtocolError);
  }
}

ClientConnection::Aliases& ClientConnection::aliases() {
  if (!aliases_) aliases_ = std::make_unique<Aliases>(worker_.broker().memory().aliases);
  return *aliases_;
}

std::string& ClientConnection::output() {
  if (!link_->dirty) {
    link_->dirty = true;
    worker_.mark_dirty(link_);
  }
  return link_->output();
}

bool ClientConnection::takes_answer(std::size_t begin) {
  auto& out = output();
  if (maximum_packet_size_ == 0 || out.size() - begin <= maximum_packet_size_) return true;
  log::info("client takes no packet as large as its answer",
            {{"client_id", client_->client_id}, {"maximum_packet_size", maximum_packet_size_}});
  out.resize(begin);
  worker_.broker().counters().too_large_for_client.add();
  left_with_ = ReasonCode::PacketTooLarge;
  worker_.broker().counters().disconnects.add(left_with_);
  close();
  return false;
}

void ClientConnection::on_output_drained() {
  if (session_ && state_ == State::Open) session_->delivery().on_output_drained();
}

void ClientConnection::send_ack(PacketType type, std::uint16_t packet_id, ReasonCode reason,
                                std::string_view why) {
  if (state_ != State::Open) return;
  mqtt::Ack ack{.type = type, .packet_id = packet_id, .reason = reason, .properties = {}};
  std::string properties;
  if (!why.empty() && version_ == Version::V5 && wants_reasons_) {
    constexpr std::size_t kAround = 2 + 2 + 1 + 1 + 3;  // header, id, reason, lengths
    mqtt::PropertyWriter(properties).text(mqtt::PropertyId::ReasonString, why);
    // [MQTT-3.4.2-2] [MQTT-3.5.2-2]
    if (maximum_packet_size_ == 0 || properties.size() + kAround <= maximum_packet_size_)
      ack.properties = mqtt::Properties::from_checked(properties);
  }
  mqtt::encode(output(), version_, ack);
}

void ClientConnection::acknowledge_publish(PacketType type, std::uint16_t packet_id,
                                           ReasonCode reason, std::string_view why) {
  // QoS 2 counts until PUBCOMP, or until a PUBREC that refuses it. [MQTT-3.3.4-7]
  const bool is_over = type != PacketType::Pubrec || mqtt::is_error(reason);
  if (is_over && unacknowledged_ > 0) --unacknowledged_;
  if (state_ != State::Open) return;
  if (version_ != Version::V5 && mqtt::is_error(reason)) {
    // MQTT 3 has no negative acknowledgement: the client keeps the message and tries again.
    disconnect(reason);
    return;
  }
  send_ack(type, packet_id, reason, why);
}

bool ClientConnection::send_publish(const model::Message& message, mqtt::Publish& publish,
                                    const std::vector<std::uint32_t>& identifiers) {
  auto& counters = worker_.broker().counters();
  const auto topic = publish.topic;
  auto* const aliases = sent_aliases();
  const auto alias = aliases != nullptr ? aliases->of(topic) : SentAliases::Alias{};
  std::string rewritten;
  if (!message.properties.empty() || !identifiers.empty() || alias.number != 0) {
    const auto expiry_left = seconds_left(message, worker_.broker().clock().wall_ms());
    // What was sent once does not expire. [MQTT-4.3.3-7]
    if (expiry_left && *expiry_left == 0 && !publish.dup) {
      counters.expired.add();
      worker_.events().add_undelivered(*client_, message, "expired");
      return false;
    }
    if (version_ == Version::V5) {
      mqtt::PropertyWriter writer(rewritten);
      for (const auto& property : mqtt::Properties::from_checked(message.properties)) {
        if (property.id == mqtt::PropertyId::MessageExpiryInterval)
          writer.number(property.id, *expiry_left);  // [MQTT-3.3.2-6]
        else
          writer.raw(property.encoded);
      }
      for (const auto identifier : identifiers)
        writer.number(mqtt::PropertyId::SubscriptionIdentifier, identifier);
      if (alias.number != 0) writer.number(mqtt::PropertyId::TopicAlias, alias.number);
      publish.properties = mqtt::Properties::from_checked(rewritten);
    }
  }
  if (alias.is_known) publish.topic = {};
  if (maximum_packet_size_ != 0 &&
      mqtt::encoded_size(version_, publish) > maximum_packet_size_) {  // [MQTT-3.1.2-24]
    counters.too_large_for_client.add();
    worker_.events().add_undelivered(*client_, message, "too_large_for_client");
    return false;
  }
  mqtt::encode(output(), version_, publish);
  if (alias.number != 0 && !alias.is_known) aliases->add(topic, alias);
  ++worker_.traffic().sent;
  return true;
}

bool ClientConnection::send_form(WireForms::Form form, std::uint16_t packet_id) {
  if (sent_aliases() != nullptr ||
      (maximum_packet_size_ != 0 && form.bytes.size() > maximum_packet_size_))
    return false;
  auto& out = output();
  const std::size_t begin = out.size();
  out.append(form.bytes);
  if (form.packet_id_at != 0) {
    out[begin + form.packet_id_at] = static_cast<char>(packet_id >> 8);
    out[begin + form.packet_id_at + 1] = static_cast<char>(packet_id & 0xff);
  }
  ++worker_.traffic().sent;
  return true;
}

bool ClientConnection::send_whole(std::string_view packets, std::size_t count) {
  if (sent_aliases() != nullptr ||
      (maximum_packet_size_ != 0 && packets.size() > maximum_packet_size_))
    return false;
  output().append(packets);
  worker_.traffic().sent += count;
  return true;
}

void ClientConnection::disconnect(ReasonCode reason) {
  if (state_ == State::Closed) return;
  left_with_ = reason;
  worker_.broker().counters().disconnects.add(reason);
  if (version_ == Version::V5 && state_ == State::Open) {
    mqtt::encode(output(), version_, mqtt::Disconnect{.reason = reason, .properties = {}});
    link_->says_farewell = true;
  }
  close();
}

void ClientConnection::taken_over() {
  log::debug("session taken over", {{"client_id", client_->client_id}});
  disconnect(ReasonCode::SessionTakenOver);
}

// [MQTT-4.13.1-1] §4.11
void ClientConnection::redirect(const Redirect& to) {
  if (state_ == State::Closed) return;
  left_with_ = to.permanently ? ReasonCode::ServerMoved : ReasonCode::UseAnotherServer;
  worker_.broker().counters().disconnects.add(left_with_);
  if (version_ == Version::V5 && state_ == State::Open) {
    std::string properties;
    if (!to.server.empty())
      mqtt::PropertyWriter(properties).text(mqtt::PropertyId::ServerReference, to.server);
    const auto begin = output().size();
    mqtt::encode(output(), version_,
                 mqtt::Disconnect{.reason = left_with_,
                                  .properties = mqtt::Properties::from_checked(properties)});
    link_->says_farewell = true;
    if (!takes_answer(begin)) return;
  }
  close();
}

void ClientConnection::shut_down() {
  if (state_ == State::Closed) return;
  if (version_ == Version::V5 && state_ == State::Open)
    mqtt::encode(output(), version_,
                 mqtt::Disconnect{.reason = ReasonCode::ServerShuttingDown, .properties = {}});
  state_ = State::Closed;
  session_.reset();
  link_->flush();
  link_->close_after_output();
}

void ClientConnection::close() {
  if (state_ == State::Closed) return;
  state_ = State::Closed;
  link_->flush();
  link_->close_after_output();
  leave_session();
}

void ClientConnection::on_closed() {
  if (state_ == State::Closed) return;
  state_ = State::Closed;
  leave_session();
}

void ClientConnection::leave_session() {
  clear_deadline();
  pending_.reset();
  worker_.broker().counters().connections.add(-1);
  tell_disconnected();
  const auto session = std::move(session_);
  if (session && session->connection().get() == this) session->detach();
}

void ClientConnection::tell_connected() {
  was_admitted_ = true;
  auto& events = worker_.events();
  if (!events.wants(Event::ClientConnected)) return;
  events.add(Event::ClientConnected, *client_,
             {{"clean_start", bool{clean_start_}},
              {"connected_at", worker_.broker().clock().wall_ms()},
              {"keepalive", keep_alive_s_},
              {"proto_ver", static_cast<int>(version_)},
              {"expiry_interval", session_->expiry_s()}});
}

void ClientConnection::tell_disconnected() {
  auto& events = worker_.events();
  if (!was_admitted_ || !events.wants(Event::ClientDisconnected)) return;
  std::string_view reason = mqtt::name_of(left_with_);
  if (left_with_ == ReasonCode::Success) reason = "normal_disconnection";
  if (left_with_ == ReasonCode::UnspecifiedError) reason = "connection_lost";
  events.add(Event::ClientDisconnected, *client_,
             {{"reason", reason}, {"disconnected_at", worker_.broker().clock().wall_ms()}});
}

}  // namespace sluice::broker
