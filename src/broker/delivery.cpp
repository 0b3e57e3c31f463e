#include "broker/delivery.hpp"

#include <algorithm>
#include <limits>

#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/point_to_point.hpp"
#include "broker/session.hpp"
#include "broker/shared_group.hpp"
#include "broker/worker.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {

using mqtt::Qos;

bool Delivery::ready() const {
  return session_.connection() != nullptr && session_.connection()->is_open() && !resuming_;
}

bool Delivery::has_room() const {
  return in_flight_.size() < window_ && session_.connection()->waiting_bytes() < kOutputHighWater;
}

bool Delivery::is_own(const model::Message& message) const {
  return message.client_id == session_.client().client_id;
}

bool Delivery::wants(const model::Message& message, bool no_local) const {
  if (no_local && is_own(message)) return false;
  if (session_.worker().broker().limits().point_to_point) {
    // Whoever subscribed before the switch was turned on, alone or in a group, gets none of it.
    const auto addressee = addressee_of(message.topic);
    if (addressee && *addressee != session_.client().client_id) return false;
  }
  const auto& permissions = session_.permissions();
  return permissions->nothing_denied() || permissions->may_receive(message.topic);
}

// Neighbours are mostly on one topic, which is asked about once.
bool Delivery::may_receive_all(const Run& run) const {
  const auto& permissions = session_.permissions();
  if (permissions->nothing_denied()) return true;
  std::string_view asked;
  for (std::size_t index = run.first; index < run.end; ++index) {
    const std::string_view topic = run.batch->message(index).topic;
    if (topic != asked && !permissions->may_receive(topic)) return false;
    asked = topic;
  }
  return true;
}

void Delivery::offer(const Run& run, const Receiver& receiver) {
  // Asked once: nothing in between takes rights away.
  const bool wants_all = ready() && !receiver.some_no_local &&
                         !session_.worker().broker().limits().point_to_point &&
                         may_receive_all(run);
  if (wants_all && run.forms != nullptr && leftovers() == 0 && send_whole(run, receiver)) return;
  for (std::size_t index = run.first; index < run.end; ++index)
    offer(run, index, receiver, wants_all);
}

// With QoS 0 a run goes out as it is, one copy for all its messages.
bool Delivery::send_whole(const Run& run, const Receiver& receiver) {
  auto& connection = *session_.connection();
  if (receiver.qos != Qos::AtMostOnce || receiver.retain_as_published ||
      !receiver.identifiers.empty() || connection.waiting_bytes() >= kOutputHighWater ||
      session_.worker().broker().tracer().is_on())  // each message has a time of its own then
    return false;
  const auto bytes = run.forms->whole_run(connection.version());
  return !bytes.empty() && connection.send_whole(bytes, run.end - run.first);
}

void Delivery::offer(const Run& run, std::size_t index, const Receiver& receiver, bool wants_all) {
  const auto& message = run.batch->message(index);
  const auto qos = std::min(receiver.qos, static_cast<Qos>(message.qos));
  const bool queued = receiver.qos != Qos::AtMostOnce;
  if (queued) {
    if (message.position() <= tracker_.read()) return;  // found in the queue already
    if (!at_tail_) return;                              // to be found there later
    if (!ready() || (qos != Qos::AtMostOnce && !has_room())) {
      at_tail_ = false;
      return;
    }
    tracker_.read_up_to(message.position());
  } else if (leftovers() > 0 && !goes_directly(message)) {
    return;
  }
  if (!wants_all && (!ready() || !wants(message, receiver.no_local))) return;
  if (receiver.some_no_local && is_own(message)) {
    hand_out(store::message_of(run.batch, index), own_options_for(message));
    if (queued) note_low();
    return;
  }
  const bool retain = receiver.retain_as_published && message.retain;
  if (qos == Qos::AtMostOnce) {
    send_unacknowledged(run, index, retain, receiver.identifiers);
    if (queued) note_low();
    return;
  }
  auto form = WireForms::Form();
  if (run.forms != nullptr && receiver.identifiers.empty())
    form = run.forms->of(index, session_.connection()->version(), qos, retain);
  hand_out(store::message_of(run.batch, index), {qos, retain, receiver.identifiers}, form);
}

// What the client published itself goes to it by those subscriptions alone that do not say No
// Local. [MQTT-3.8.3-3]
DeliveryOptions Delivery::own_options_for(const model::Message& message) const {
  DeliveryOptions options;
  for (const auto& subscription : session_.subscriptions())
    if (subscription.group().empty() && !subscription.options.no_local &&
        mqtt::matches(subscription.filter(), message.topic))
      merge(subscription.options, message, options);
  options.qos = std::min(options.qos, static_cast<Qos>(message.qos));
  return options;
}

void Delivery::merge(const SubscriptionOptions& wanted, const model::Message& message,
                     DeliveryOptions& options) {
  options.qos = std::max(options.qos, wanted.qos);
  options.retain = options.retain || (wanted.retain_as_published && message.retain);
  if (wanted.identifier != 0) options.identifiers.push_back(wanted.identifier);
}

void Delivery::hand_out(model::MessagePtr&& message, DeliveryOptions&& options,
                        WireForms::Form form) {
  if (options.qos == Qos::AtMostOnce) {
    send_unacknowledged(*message, options);
    return;
  }
  const auto position = message->position();
  tracker_.hand_out(position);
  start({.packet_id = next_packet_id(),
         .phase = Phase::Waiting,
         .tracked = true,
         .position = position,
         .message = std::move(message),
         .options = std::move(options),
         .group = nullptr},
        form);
}

bool Delivery::offer_from_group(const SharedGroupPtr& group, const model::MessagePtr& message,
                                DeliveryOptions options) {
  if (!ready() || !has_room()) return false;
  if (!wants(*message, false) || options.qos == Qos::AtMostOnce) {
    if (wants(*message, false)) send_unacknowledged(*message, options);
    group->acknowledge(message->position());
    return true;
  }
  start_untracked(message, std::move(options), group);
  return true;
}

void Delivery::start_untracked(const model::MessagePtr& message, DeliveryOptions options,
                               const SharedGroupPtr& group) {
  start({.packet_id = next_packet_id(),
         .phase = Phase::Waiting,
         .tracked = false,
         .position = message->position(),
         .message = message,
         .options = std::move(options),
         .group = group});
}

void Delivery::wake_group_when_room(const SharedGroupPtr& group) {
  auto& groups = rare().groups;
  if (std::ranges::find(groups, group) == groups.end()) groups.push_back(group);
}

// QoS 1 leaves with this turn. QoS 2 leaves once its packet id is on disk, so that after a crash
// the same message goes out under the same id and the client can tell that it has it.
void Delivery::start(InFlight&& entry, WireForms::Form form) {
  in_flight_.push_back(std::move(entry));
  auto& started = in_flight_.back();
  if (started.options.qos == Qos::AtLeastOnce) {
    started.phase = Phase::Sent;
    if (form.bytes.empty() || !session_.connection()->send_form(form, started.packet_id))
      send(started, false);
    else
      trace(Tracer::What::Sent, *started.message, Qos::AtLeastOnce);
    return;
  }
  started.phase = Phase::AwaitingDurable;
  if (session_.persistent()) save_outgoing(started);
  leave_when_durable(started.packet_id);
}

void Delivery::leave_when_durable(std::uint16_t packet_id) {
  session_.worker().when_durable([session = session_.shared_from_this(), packet_id] {
    auto& delivery = session->delivery();
    const auto entry = delivery.find(packet_id);
    if (entry == delivery.in_flight_.end() || entry->phase != Phase::AwaitingDurable) return;
    entry->phase = Phase::Sent;
    if (delivery.ready()) delivery.send(*entry, false);
  });
}

// Ascending, without those in flight. What is in flight is looked through once for all ids up to
// the next one that is taken, not once for each message.
std::uint16_t Delivery::next_packet_id() {
  constexpr std::uint32_t kIds = 65535;
  while (free_packet_ids_ == 0) {
    std::uint32_t nearest = kIds;
    for (const auto& entry : in_flight_)
      nearest = std::min(nearest, (entry.packet_id + kIds - last_packet_id_ - 1) % kIds);
    if (nearest == 0)
      last_packet_id_ = last_packet_id_ % kIds + 1;
    else
      free_packet_ids_ = static_cast<std::uint16_t>(nearest);
  }
  --free_packet_ids_;
  last_packet_id_ = last_packet_id_ % kIds + 1;
  return last_packet_id_;
}

Delivery::Iterator Delivery::find(std::uint16_t packet_id) {
  return std::ranges::find(in_flight_, packet_id, &InFlight::packet_id);
}

void Delivery::send(InFlight& entry, bool dup) {
  mqtt::Publish publish{.topic = entry.message->topic,
                        .payload = entry.message->payload,
                        .qos = entry.options.qos,
                        .retain = entry.options.retain,
                        .dup = dup,
                        .packet_id = entry.packet_id,
                        .properties = {}};
  if (!session_.connection()->send_publish(*entry.message, publish, entry.options.identifiers)) {
    // Expired, or larger than the client takes: done with, as if it had been delivered.
    // [MQTT-3.1.2-25] [MQTT-3.3.2-5]
    if (entry.options.qos == Qos::ExactlyOnce)
      conclude(find(entry.packet_id));
    else
      finish(find(entry.packet_id));
    return;
  }
  trace(dup ? Tracer::What::SentAgain : Tracer::What::Sent, *entry.message, entry.options.qos);
}

void Delivery::trace(Tracer::What what, const model::Message& message, Qos qos) const {
  auto& tracer = session_.worker().broker().tracer();
  if (!tracer.is_on()) return;
  tracer.note(what, message, session_.client().client_id, static_cast<std::uint8_t>(qos));
}

void Delivery::send_unacknowledged(const Run& run, std::size_t index, bool retain,
                                   const std::vector<std::uint32_t>& identifiers) {
  auto& connection = *session_.connection();
  if (run.forms != nullptr && identifiers.empty() &&
      connection.waiting_bytes() < kOutputHighWater) {
    const auto form = run.forms->of(index, connection.version(), Qos::AtMostOnce, retain);
    if (!form.bytes.empty() && connection.send_form(form, 0)) {
      trace(Tracer::What::Sent, run.batch->message(index), Qos::AtMostOnce);
      return;
    }
  }
  send_unacknowledged(run.batch->message(index), {Qos::AtMostOnce, retain, identifiers});
}

void Delivery::send_unacknowledged(const model::Message& message, const DeliveryOptions& options) {
  auto& connection = *session_.connection();
  auto& broker = session_.worker().broker();
  if (connection.waiting_bytes() >= kOutputHighWater) {
    broker.counters().dropped_slow_client.add();
    session_.worker().events().add_undelivered(session_.client(), message, "slow_client");
    return;
  }
  mqtt::Publish publish{.topic = message.topic,
                        .payload = message.payload,
                        .qos = Qos::AtMostOnce,
                        .retain = options.retain,
                        .dup = false,
                        .packet_id = 0,
                        .properties = {}};
  if (connection.send_publish(message, publish, options.identifiers))
    trace(Tracer::What::Sent, message, Qos::AtMostOnce);
}

bool Delivery::on_puback(std::uint16_t packet_id) {
  const auto entry = find(packet_id);
  if (entry == in_flight_.end() || entry->options.qos != Qos::AtLeastOnce) return false;
  if (entry->message) trace(Tracer::What::Acknowledged, *entry->message, Qos::AtLeastOnce);
  finish(entry);
  return true;
}

bool Delivery::on_pubrec(std::uint16_t packet_id, mqtt::ReasonCode reason) {
  const auto entry = find(packet_id);
  if (entry == in_flight_.end() || entry->options.qos != Qos::ExactlyOnce) return false;
  if (entry->phase == Phase::AwaitingDurable) return false;  // its PUBLISH has not left
  if (entry->phase == Phase::Concluding) return true;
  if (mqtt::is_error(reason)) {  // [MQTT-4.3.3-4]: no PUBREL for it, the message is done with
    conclude(entry);
    return true;
  }
  if (entry->phase == Phase::Released) {
    send_release(packet_id);
    return true;
  }
  if (entry->phase == Phase::Releasing) return true;
  entry->phase = Phase::Releasing;
  if (entry->message) trace(Tracer::What::Acknowledged, *entry->message, Qos::ExactlyOnce);
  entry->message = nullptr;  // the client has it: only the packet id counts from here
  if (session_.persistent()) save_outgoing(*entry);
  session_.worker().when_durable([session = session_.shared_from_this(), packet_id] {
    auto& delivery = session->delivery();
    const auto released = delivery.find(packet_id);
    if (released == delivery.in_flight_.end() || released->phase != Phase::Releasing) return;
    released->phase = Phase::Released;
    if (delivery.ready()) delivery.send_release(packet_id);
  });
  return true;
}

void Delivery::send_release(std::uint16_t packet_id) {
  session_.connection()->send_ack(mqtt::PacketType::Pubrel, packet_id, mqtt::ReasonCode::Success);
}

bool Delivery::on_pubcomp(std::uint16_t packet_id) {
  const auto entry = find(packet_id);
  if (entry == in_flight_.end() || entry->phase != Phase::Released) return false;
  conclude(entry);
  return true;
}

// The packet id of a group's message ends once the group's cursor, which another worker may write,
// is on disk: a crash between the two would have the group hand the message out again.
void Delivery::conclude(Iterator entry) {
  const auto packet_id = entry->packet_id;
  if (!entry->group) {
    erase_outgoing(packet_id);
    finish(entry);
    return;
  }
  entry->phase = Phase::Concluding;
  entry->message = nullptr;
  const auto position = entry->position;
  entry->group->acknowledge(position, [session = session_.shared_from_this(), packet_id, position] {
    session->worker().post([session, packet_id, position] {
      session->delivery().conclude_of_group(packet_id, position);
    });
  });
}

void Delivery::conclude_of_group(std::uint16_t packet_id, store::Position position) {
  const auto entry = find(packet_id);
  if (entry == in_flight_.end() || entry->phase != Phase::Concluding || entry->position != position)
    return;
  erase_outgoing(packet_id);
  in_flight_.erase(entry);
  mark_pump();
}

void Delivery::finish(Iterator entry) {
  auto& worker = session_.worker();
  const bool exactly_once = entry->options.qos == Qos::ExactlyOnce;
  if (entry->tracked) {
    tracker_.acknowledge(entry->position);
    note_low();
    // With QoS 2 the cursor goes to disk together with the end of the packet id: otherwise a crash
    // between the two would deliver the message again.
    if (session_.persistent()) worker.mark_cursor(session_, exactly_once);
  }
  if (entry->group) entry->group->acknowledge(entry->position);
  if (entry == in_flight_.begin())
    in_flight_.pop_front();
  else
    in_flight_.erase(entry);
  mark_pump();
}

void Delivery::mark_pump() {
  if (pump_marked_) return;
  pump_marked_ = true;
  session_.worker().mark_pump(session_.shared_from_this());
}

void Delivery::set_queues(std::vector<store::QueueId> queues) {
  queues_ = std::move(queues);
  ++selection_;
  if (rare_)
    for (const auto& rest : rare_->leftovers)
      if (std::ranges::find(queues_, rest.queue) == queues_.end()) queues_.push_back(rest.queue);
  at_tail_ = false;
  mark_pump();  // only that finds out whether it is at the tail
}

std::uint64_t Delivery::lag() const {
  if (queues_.empty()) return 0;
  return session_.worker().broker().store().count_after(queues_, tracker_.read(), kMostCountedLag);
}

bool Delivery::is_put_off() const {
  return session_.conditions() > 0 && session_.worker().judge().is_spent();
}

// How many messages of its queues are looked at in a turn: each condition is asked about each, and
// may take all that it may take.
std::size_t Delivery::looks_at_once() const {
  const auto conditions = session_.conditions();
  if (conditions == 0) return std::numeric_limits<std::size_t>::max();
  const auto affordable = session_.worker().judge().steps_left() / kConditionSteps;
  return std::max<std::size_t>(std::min<std::size_t>(kPassedAtOnce, affordable) / conditions, 1);
}

std::size_t Delivery::room_for_a_read() const {
  return std::min(static_cast<std::size_t>(window_) - in_flight_.size(), looks_at_once());
}

void Delivery::pump() {
  pump_marked_ = false;
  if (!ready()) return;
  if (rare_ && !rare_->walks.empty()) walk_retained();
  if (some_wait_) send_waiting();
  if (!at_tail_ && queues_.empty()) at_tail_ = true;
  std::size_t passed = 0;
  std::size_t looked_at = 0;
  while (!at_tail_ && !reading_ && has_room()) {
    if (passed >= kPassedAtOnce || looked_at >= looks_at_once() || is_put_off())
      return mark_pump();  // others want their turn
    const store::ReadRequest request{.queues = queues_,
                                     .after = tracker_.read(),
                                     .maximum_messages = room_for_a_read(),
                                     .maximum_bytes = kOutputHighWater,
                                     .visibility = session_.worker().broker().visibility()};
    const auto result = session_.worker().broker().store().read_cached(request);
    if (!result) {
      read_from_log();
      return;
    }
    looked_at += result->entries.size();
    passed += take(*result);
  }
  if (rare_ && !rare_->groups.empty() && has_room()) {
    const auto groups = std::exchange(rare_->groups, {});
    for (const auto& group : groups) group->member_has_room(session_);
  }
  if (leftovers() > 0) drop_leftovers();
}

std::size_t Delivery::take(const store::ReadResult& result) {
  std::size_t passed = 0;
  for (const auto& entry : result.entries) {
    const auto position = entry.message->position();
    if (position <= tracker_.read() || tracker_.knows(position)) continue;
    auto options = options_for(entry);
    if (!options) {
      ++passed;
      continue;
    }
    hand_out(model::MessagePtr(entry.message), std::move(*options));
  }
  if (result.lost > 0) session_.worker().broker().counters().lost_to_retention.add(result.lost);
  session_.worker().broker().note_damaged(session_.client().client_id, result.damaged);
  tracker_.read_up_to(result.next);
  note_low();
  at_tail_ = result.at_end;
  return passed;
}

std::optional<DeliveryOptions> Delivery::options_for(const store::ReadEntry& entry) const {
  const auto& message = *entry.message;
  DeliveryOptions options;
  bool matched = false;
  bool wanted = false;
  const bool own = is_own(message);
  const auto add = [&](const Subscription& subscription) {
    if (subscription.since >= message.position()) return;
    matched = true;
    if (own && subscription.options.no_local) return;
    if (!accepts(session_.condition_of(subscription), message)) return;
    wanted = true;
    merge(subscription.options, message, options);
  };
  std::size_t queue = 0;  // index in queues_
  for (const auto& subscription : session_.subscriptions()) {
    if (subscription.queue == store::kNoQueue) continue;
    const auto bit = std::min<std::size_t>(queue++, 63);
    if (((entry.queue_mask >> bit) & 1) == 0) continue;
    if (bit == 63 && !mqtt::matches(subscription.filter(), message.topic)) continue;
    add(subscription);
  }
  std::vector<std::string_view> left_over;
  if (leftovers() > 0) add_leftovers(entry, options, left_over);
  if (!left_over.empty()) {
    matched = wanted = true;
  }
  if (!matched) return std::nullopt;
  for (const auto& subscription : session_.subscriptions())
    if (subscription.queue == store::kNoQueue && subscription.group().empty() &&
        std::ranges::find(left_over, subscription.name) == left_over.end() &&
        mqtt::matches(subscription.filter(), message.topic))
      add(subscription);
  if (!wanted || !wants(message, false)) return std::nullopt;
  options.qos = std::min(options.qos, static_cast<Qos>(message.qos));
  // What has QoS 0 is not kept for a client that is away.
  if (options.qos == Qos::AtMostOnce && message.position() <= connected_at_) return std::nullopt;
  return options;
}

// The cache does not reach back that far: files are read, and files never block a loop.
void Delivery::read_from_log() {
  auto& turns = session_.worker().condition_turns();
  const bool has_conditions = session_.conditions() > 0;
  if (has_conditions) {
    if (rare().waits_for_read) return;
    rare().waits_for_read = !turns.begin_read(session_.shared_from_this());
    if (rare().waits_for_read) return;
  }
  reading_ = true;
  auto& broker = session_.worker().broker();
  const store::ReadRequest request{.queues = {},
                                   .after = tracker_.read(),
                                   .maximum_messages = room_for_a_read(),
                                   .maximum_bytes = kOutputHighWater,
                                   .visibility = broker.visibility(),
                                   .pass_damaged = true};
  broker.read_on_pool(
      session_.worker(), queues_, request,
      [session = session_.shared_from_this(), epoch = epoch_, selection = selection_, &turns,
       has_conditions](Result<store::ReadResult> result) {
        auto& delivery = session->delivery();
        delivery.reading_ = false;
        if (has_conditions) turns.end_read();
        // What was read of other queues neither says up to where these are read nor in which of
        // them a message stands.
        if (delivery.epoch_ == epoch && delivery.selection_ == selection && delivery.ready() &&
            result) {
          delivery.take(*result);
          // What was appended since that read was offered to a session that was behind: only a
          // read on the worker itself can tell that there is no more.
          delivery.at_tail_ = false;
        }
        if (result)
          delivery.pump();
        else if (delivery.epoch_ == epoch)
          delivery.try_again_later(&Delivery::pump);
      });
}

}  // namespace sluice::broker
