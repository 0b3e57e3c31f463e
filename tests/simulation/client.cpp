#include "simulation/client.hpp"

#include <algorithm>
#include <charconv>

#include "simulation/world.hpp"

namespace sluice::simulation {

using mqtt::PacketType;
using mqtt::Qos;
using mqtt::ReasonCode;
using mqtt::Version;
using test::Event;

namespace {

constexpr std::size_t kWindow = 6;
constexpr std::uint32_t kExpirySeconds = 24 * 3600;

}  // namespace

// --- the network

Wire::Wire(World& world, broker::Worker& worker, mqtt::Version) : world_(world), worker_(&worker) {}

void Wire::flush() {
  // What a dead process would have written is written by nobody.
  if (!world_.is_dead() && !cut_) under_way_ += output_;
  output_.clear();
}

void Wire::move_some(Random& random) {
  if (cut_) return;
  if (!to_server.empty() && worker_ != nullptr && random.one_in(2)) {
    const auto count = 1 + random.below(to_server.size());
    arrived_.append(to_server, 0, count);
    to_server.erase(0, count);
  } else if (!under_way_.empty()) {
    const auto count = 1 + random.below(under_way_.size());
    to_client.append(under_way_, 0, count);
    under_way_.erase(0, count);
  }
  if (worker_ == nullptr || receives_ || arrived_.empty()) return;
  receives_ = true;
  worker_->post([self = shared_from_this()] { self->receive(); });
}

void Wire::receive() {
  receives_ = false;
  while (!held_ && !closed_by_server_ && server_side_) {
    if (worker_->turn_is_full()) return;  // the network asks again
    const auto frame =
        mqtt::next_frame(arrived_, server_side_->maximum_packet_size(), server_side_->version());
    if (!frame) return server_side_->on_malformed(frame.error());
    if (!*frame) return;
    const auto size = (*frame)->size;
    const auto keep = server_side_;
    keep->on_packet(**frame);
    arrived_.erase(0, size);
  }
}

void Wire::cut(Random& random) {
  if (cut_) return;
  for (int i = 0; i < 2; ++i) move_some(random);
  cut_ = true;
  to_server.clear();
  under_way_.clear();
  if (worker_ == nullptr || !server_side_) return;
  // The server hears of it whenever it does.
  world_.later([self = shared_from_this()] {
    if (self->worker_ == nullptr || !self->server_side_) return;
    self->worker_->post([self] {
      if (self->server_side_) self->server_side_->on_closed();
      self->server_side_.reset();
    });
  });
}

void Wire::server_is_gone() {
  worker_ = nullptr;
  server_side_.reset();
  to_server.clear();
  arrived_.clear();
}

void Wire::toggle_slow() {
  if (worker_ == nullptr) return;
  if (std::exchange(stuck_, stuck_ == 0 ? std::size_t{2} << 20 : 0) == 0) return;
  worker_->post([self = shared_from_this()] {
    if (self->server_side_) self->server_side_->on_output_drained();
  });
}

bool Wire::is_idle() const {
  return to_server.empty() && under_way_.empty() && to_client.empty() && arrived_.empty() &&
         output_.empty() && stuck_ == 0;
}

// --- the client

Client::Client(World& world, Plan plan) : world_(world), plan_(std::move(plan)) {}

void Client::act() {
  auto& random = world_.random();
  if (!wire_) {
    if (world_.is_running() && (calm_ || random.one_in(3))) connect();
    return;
  }
  if (wire_->ended()) {
    note_broken();
    return;
  }
  if (!wire_->to_client.empty() && !random.one_in(4)) {
    read_some();
    return;
  }
  if (!connected_) return;
  if (!held_acks_.empty() && (calm_ || random.one_in(3))) {
    send_held_acks();
    return;
  }
  const auto choice = random.below(100);
  if (calm_) {
    if (wire_->is_slow()) wire_->toggle_slow();
    if (!asked_ || choice < 50) change_subscription();
    if (!refused_.empty() && choice >= 50) publish_new();
  } else if (choice < 60) {
    publish_new();
  } else if (choice < 75) {
    change_subscription();
  } else if (choice < 77) {
    wire_->toggle_slow();
  } else if (choice < 78) {
    disconnect();
  } else if (choice < 80) {
    break_connection();
  }
}

bool Client::is_settled() const {
  return wire_ && connected_ && wire_->is_idle() && outgoing_.empty() && refused_.empty() &&
         !asked_ && held_acks_.empty() && std::ranges::all_of(plan_.wishes, [&](const Wish& wish) {
           return wish.comes_and_goes ||
                  subscribed_.contains(static_cast<std::size_t>(&wish - plan_.wishes.data()));
         });
}

std::string Client::describe() const {
  return plan_.id + (connected_ ? " connected" : " away") + ", outgoing " +
         std::to_string(outgoing_.size()) + ", refused " + std::to_string(refused_.size()) +
         ", unreleased " + std::to_string(unreleased_.size()) + (asked_ ? ", asked" : "") +
         (wire_ && !wire_->is_idle() ? ", bytes under way" : "");
}

void Client::connect() {
  auto& random = world_.random();
  wire_ = world_.open_wire(plan_.id, plan_.version);
  connected_ = false;
  held_acks_.clear();
  std::string properties;
  ends_session_ = plan_.may_end_session && !calm_ && random.one_in(8);
  if (plan_.version == Version::V5) {
    mqtt::PropertyWriter writer(properties);
    if (!ends_session_) writer.number(mqtt::PropertyId::SessionExpiryInterval, kExpirySeconds);
    if (random.one_in(2))
      writer.number(mqtt::PropertyId::ReceiveMaximum,
                    static_cast<std::uint32_t>(1 + random.below(6)));
  }
  mqtt::Connect packet;
  packet.version = plan_.version;
  // Who has forgotten a session must not be given it back. [MQTT-3.2.2-4]
  packet.clean_start = has_forgotten_ || (plan_.may_end_session && random.one_in(8) && !calm_);
  if (packet.clean_start) forget_session();
  packet.client_id = plan_.id;
  packet.properties = mqtt::Properties::from_checked(properties);
  std::string topic;
  std::string payload;
  if (plan_.has_will && !calm_) {
    // Another client in the eyes of the checker: wills come when they come.
    const auto name = "will-of-" + plan_.id;
    const auto number = world_.next_will(name);
    topic = "w/" + plan_.id;
    payload = name + ":" + std::to_string(number);
    packet.will = mqtt::Will{topic, payload, Qos::ExactlyOnce, false, {}};
    world_.note({.kind = Event::Kind::Publish,
                 .client = name,
                 .sequence = number,
                 .topic = topic,
                 .qos = 2});
    // Sent when it is due, so not in the order of their making.
    world_.note({.kind = Event::Kind::Refused, .client = name, .sequence = number, .qos = 2});
  }
  mqtt::encode(wire_->to_server, packet);
}

void Client::disconnect() {
  send(mqtt::Disconnect{.reason = ReasonCode::Success, .properties = {}});
  for (int i = 0; i < 4; ++i) wire_->move_some(world_.random());
  break_connection();
}

void Client::break_connection() {
  if (!wire_) return;
  wire_->cut(world_.random());
  note_broken();
}

void Client::on_server_killed() {
  if (wire_) wire_->server_is_gone();
}

void Client::note_broken() {
  wire_.reset();
  connected_ = false;
  asked_.reset();
  held_acks_.clear();
  world_.note({.kind = Event::Kind::Broken, .client = plan_.id, .consumer = plan_.id});
  for (const auto& wish : plan_.wishes)
    if (wish.consumer != plan_.id)
      world_.note({.kind = Event::Kind::Broken, .consumer = wish.consumer});
  if (ends_session_) forget_session();
}

std::uint16_t Client::next_packet_id() {
  while (true) {
    packet_id_ = static_cast<std::uint16_t>(packet_id_ % 20 + 1);  // soon used again
    const auto is_taken = std::ranges::find(outgoing_, packet_id_, &Outgoing::packet_id);
    if (is_taken == outgoing_.end() && !(asked_ && asked_->packet_id == packet_id_))
      return packet_id_;
  }
}

void Client::publish_new() {
  auto& random = world_.random();
  if (outgoing_.size() >= kWindow || plan_.topics.empty()) return;
  Outgoing message;
  if (!refused_.empty()) {
    message = refused_.front();
    refused_.pop_front();
  } else if (calm_ || world_.published_enough()) {
    return;
  } else {
    message.qos = plan_.qos[random.below(plan_.qos.size())];
    message.topic = plan_.topics[random.below(plan_.topics.size())];
    message.sequence = ++sequence_;
    if (plan_.retains && random.one_in(4))
      message.topic = random.one_in(3) ? "r/shared" : "r/" + plan_.id;
    world_.note({.kind = Event::Kind::Publish,
                 .client = plan_.id,
                 .sequence = message.sequence,
                 .topic = message.topic,
                 .qos = static_cast<int>(message.qos)});
  }
  message.packet_id = next_packet_id();
  message.retain = message.topic.starts_with("r/");
  message.refusals = world_.refusals();
  outgoing_.push_back(message);
  send_publish(message, false);
}

void Client::send_publish(const Outgoing& message, bool dup) {
  const auto payload = plan_.id + ":" + std::to_string(message.sequence) + ":" +
                       std::string(message.sequence % 7 == 0 ? 700 : message.sequence % 40, '.');
  send(mqtt::Publish{.topic = message.topic,
                     .payload = payload,
                     .qos = message.qos,
                     .retain = message.retain,
                     .dup = dup,
                     .packet_id = message.packet_id,
                     .properties = {}});
}

void Client::read_some() {
  auto count = 1 + world_.random().below(4);
  while (count-- > 0 && wire_) {
    const auto frame = mqtt::next_frame(wire_->to_client, 1 << 20, plan_.version);
    if (!frame) Violation::report("the server sent what is no packet to " + plan_.id);
    if (!*frame) {
      if (wire_->closed()) wire_->to_client.clear();  // what is left of a packet
      return;
    }
    const auto bytes = wire_->to_client.substr(0, (*frame)->size);
    wire_->to_client.erase(0, (*frame)->size);
    const auto own = mqtt::next_frame(bytes, 1 << 20, plan_.version);
    const auto packet = mqtt::decode(plan_.version, mqtt::Sender::Server, **own);
    if (!packet) Violation::report("the server sent a packet that is not whole to " + plan_.id);
    take(*packet);
  }
}

void Client::take(const mqtt::Packet& packet) {
  if (const auto* connack = std::get_if<mqtt::Connack>(&packet)) {
    on_connack(*connack);
  } else if (const auto* publish = std::get_if<mqtt::Publish>(&packet)) {
    on_publish(*publish);
  } else if (const auto* ack = std::get_if<mqtt::Ack>(&packet)) {
    on_ack(*ack);
  } else if (const auto* suback = std::get_if<mqtt::Suback>(&packet)) {
    on_suback(suback->packet_id, suback->reasons.front());
  } else if (const auto* unsuback = std::get_if<mqtt::Unsuback>(&packet)) {
    if (asked_ && asked_->packet_id == unsuback->packet_id) asked_.reset();
  } else if (std::holds_alternative<mqtt::Disconnect>(packet)) {
    break_connection();
  }
}

void Client::on_connack(const mqtt::Connack& connack) {
  if (connack.reason != ReasonCode::Success) return break_connection();
  if (had_session_ && !connack.session_present)
    Violation::report("the server forgot the session of " + plan_.id);
  if (!connack.session_present) forget_session();
  has_forgotten_ = false;
  connected_ = true;
  had_session_ = !ends_session_;
  for (const auto& message : outgoing_) {  // in order [MQTT-4.6.0-1]
    // On a full disk it may have been refused, and the news been lost with the connection: what the
    // client sends again then is newer than what it sent afterwards.
    if (!message.released && message.refusals < world_.refusals())
      world_.note({.kind = Event::Kind::Refused,
                   .client = plan_.id,
                   .sequence = message.sequence,
                   .qos = static_cast<int>(message.qos)});
    if (message.released)
      send(mqtt::Ack{.type = PacketType::Pubrel,
                     .packet_id = message.packet_id,
                     .reason = ReasonCode::Success,
                     .properties = {}});
    else
      send_publish(message, true);
  }
  // With a backlog that has to be read first.
  if (!calm_ && !world_.random().one_in(4)) change_at_will();
}

std::string Client::consumer_of(std::string_view topic) const {
  for (const auto& wish : plan_.wishes)
    if (wish.consumer != plan_.id) return wish.consumer;
  static_cast<void>(topic);
  return plan_.id;
}

void Client::on_publish(const mqtt::Publish& publish) {
  const auto is_known = publish.qos == Qos::ExactlyOnce && unreleased_.contains(publish.packet_id);
  if (!is_known) {
    const auto [client, sequence] = World::origin_of(publish.payload);
    world_.note({.kind = Event::Kind::Delivered,
                 .client = client,
                 .sequence = sequence,
                 .consumer = consumer_of(publish.topic),
                 .qos = static_cast<int>(publish.qos),
                 .is_group = consumer_of(publish.topic) != plan_.id});
  }
  if (publish.qos == Qos::AtMostOnce) return;
  if (publish.qos == Qos::ExactlyOnce) unreleased_.insert(publish.packet_id);
  held_acks_.push_back(
      {.type = publish.qos == Qos::ExactlyOnce ? PacketType::Pubrec : PacketType::Puback,
       .packet_id = publish.packet_id,
       .reason = ReasonCode::Success,
       .properties = {}});
}

void Client::send_held_acks() {
  auto count = 1 + world_.random().below(held_acks_.size());
  while (count-- > 0) {
    send(held_acks_.front());
    held_acks_.pop_front();
  }
}

void Client::on_ack(const mqtt::Ack& ack) {
  if (ack.type == PacketType::Pubrel) {
    unreleased_.erase(ack.packet_id);
    held_acks_.push_back({.type = PacketType::Pubcomp,
                          .packet_id = ack.packet_id,
                          .reason = ReasonCode::Success,
                          .properties = {}});
    return;
  }
  const auto entry = std::ranges::find(outgoing_, ack.packet_id, &Outgoing::packet_id);
  if (entry == outgoing_.end())
    Violation::report("an acknowledgement of nothing for " + plan_.id + ", packet id " +
                      std::to_string(ack.packet_id));
  if (ack.type == PacketType::Pubrec && !mqtt::is_error(ack.reason)) {
    entry->released = true;
    send(mqtt::Ack{.type = PacketType::Pubrel,
                   .packet_id = ack.packet_id,
                   .reason = ReasonCode::Success,
                   .properties = {}});
    return;
  }
  const auto message = *entry;
  outgoing_.erase(entry);
  // PUBCOMP 0x92: the one before was lost with its connection, the exchange is complete.
  const bool is_refused = mqtt::is_error(ack.reason) && !message.released;
  world_.note({.kind = is_refused ? Event::Kind::Refused : Event::Kind::Acknowledged,
               .client = plan_.id,
               .sequence = message.sequence,
               .qos = static_cast<int>(message.qos)});
  // Sent again it would be newer than what followed it: with RETAIN the client gives up.
  if (is_refused && !message.retain)
    refused_.push_back(message);
  else if (!is_refused && message.topic == "r/" + plan_.id)
    last_retained_ = std::max(last_retained_, message.sequence);
}

}  // namespace sluice::simulation
