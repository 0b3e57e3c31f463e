// What a client subscribes to, and how that changes while it lives.
#include <algorithm>

#include "simulation/client.hpp"
#include "simulation/world.hpp"

namespace sluice::simulation {

using mqtt::Qos;
using mqtt::ReasonCode;
using mqtt::Version;
using test::Event;

void Client::change_subscription() {
  if (asked_ || plan_.wishes.empty()) return;
  for (std::size_t i = 0; i < plan_.wishes.size(); ++i)
    if (!plan_.wishes[i].comes_and_goes && !subscribed_.contains(i)) return subscribe(i);
  if (!calm_ && world_.random().one_in(3)) change_at_will();
}

// Whatever it may: one filter more or less, or the same one with other options.
void Client::change_at_will() {
  if (asked_ || plan_.wishes.empty()) return;
  auto& random = world_.random();
  const auto index = random.below(plan_.wishes.size());
  const auto& wish = plan_.wishes[index];
  if (!subscribed_.contains(index))
    subscribe(index);
  else if (wish.comes_and_goes && (wish.qos.size() == 1 || random.one_in(2)))
    unsubscribe(index);
  else if (wish.qos.size() > 1)
    subscribe(index);
}

void Client::subscribe(std::size_t index) {
  const auto& wish = plan_.wishes[index];
  auto& random = world_.random();
  const auto qos = wish.qos[random.below(wish.qos.size())];
  asked_ = Asked{next_packet_id(), index, qos};
  ++changes_;
  std::string properties;
  if (plan_.version == Version::V5 && wish.qos.size() > 1 && random.one_in(2))
    mqtt::PropertyWriter(properties)
        .number(mqtt::PropertyId::SubscriptionIdentifier,
                static_cast<std::uint32_t>(1 + random.below(9)));
  mqtt::Subscribe packet;
  packet.packet_id = asked_->packet_id;
  packet.properties = mqtt::Properties::from_checked(properties);
  packet.subscriptions.push_back({.filter = wish.filter, .qos = qos});
  send(packet);
  const auto known = subscribed_.find(index);
  if (known != subscribed_.end() && known->second != qos)
    note_promise(Event::Kind::Asked, wish, qos);
}

void Client::unsubscribe(std::size_t index) {
  const auto& wish = plan_.wishes[index];
  asked_ = Asked{next_packet_id(), index, std::nullopt};
  ++changes_;
  mqtt::Unsubscribe packet;
  packet.packet_id = asked_->packet_id;
  packet.filters.push_back(wish.filter);
  send(packet);
  subscribed_.erase(index);
  if (is_promised(wish)) note_promise(Event::Kind::Unsubscribed, wish, Qos::AtMostOnce);
}

// A group ends with its last member: messages are its own for certain while one is there who stays,
// or while its only one is.
bool Client::is_promised(const Wish& wish) const {
  return wish.consumer == plan_.id || !wish.comes_and_goes || wish.is_alone;
}

void Client::note_promise(Event::Kind kind, const Wish& wish, Qos qos) {
  const bool is_group = wish.consumer != plan_.id;
  world_.note({.kind = kind,
               .topic = is_group ? wish.filter.substr(wish.filter.find('/', 7) + 1) : wish.filter,
               .consumer = wish.consumer,
               .qos = static_cast<int>(qos),
               .is_group = is_group});
}

void Client::on_suback(std::uint16_t packet_id, ReasonCode reason) {
  if (!asked_ || asked_->packet_id != packet_id || !asked_->qos) return;
  const auto asked = *std::exchange(asked_, std::nullopt);
  if (mqtt::is_error(reason)) return;
  subscribed_.insert_or_assign(asked.wish, *asked.qos);
  const auto& wish = plan_.wishes[asked.wish];
  if (is_promised(wish)) note_promise(Event::Kind::Subscribed, wish, *asked.qos);
}

// What it was subscribed to and what was under way went with the session.
void Client::forget_session() {
  for (const auto& [wish, qos] : subscribed_)
    if (plan_.wishes[wish].consumer == plan_.id || plan_.wishes[wish].is_alone)
      note_promise(Event::Kind::Unsubscribed, plan_.wishes[wish], Qos::AtMostOnce);
  subscribed_.clear();
  unreleased_.clear();
  had_session_ = false;
  has_forgotten_ = true;
  // Of QoS 2 nobody knows now what became of it: it is not sent again. [MQTT-4.4]
  std::erase_if(outgoing_, [](const Outgoing& message) { return message.qos == Qos::ExactlyOnce; });
}

}  // namespace sluice::simulation
