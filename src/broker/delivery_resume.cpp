// What happens to deliveries when the connection comes and goes, and what of them is on disk.
#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/bytes.hpp"
#include "broker/client_connection.hpp"
#include "broker/delivery.hpp"
#include "broker/session.hpp"
#include "broker/session_records.hpp"
#include "broker/shared_group.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

void Delivery::resume(std::uint16_t window) {
  window_ = window;
  ++epoch_;
  at_tail_ = false;
  reading_ = false;
  load_then_resend();
}

// Messages in flight were let go when the client left; they are read again before they are sent.
void Delivery::load_then_resend() {
  std::vector<store::Position> missing;
  for (const auto& entry : in_flight_)
    if (!entry.message && (entry.phase == Phase::Sent || entry.phase == Phase::Waiting ||
                           entry.phase == Phase::AwaitingDurable))
      missing.push_back(entry.position);
  if (missing.empty()) {
    resend();
    pump();
    return;
  }
  resuming_ = true;
  auto positions = missing;
  session_.worker().broker().load_on_pool(
      session_.worker(), std::move(missing),
      [session = session_.shared_from_this(), epoch = epoch_,
       missing = positions](const std::vector<Broker::Loaded>& loaded) {
        auto& delivery = session->delivery();
        if (delivery.epoch_ != epoch) return;
        if (std::ranges::any_of(loaded, &Broker::Loaded::is_unread)) {
          delivery.try_again_later(&Delivery::load_then_resend);
          return;
        }
        delivery.resuming_ = false;
        for (auto& entry : delivery.in_flight_)
          for (std::size_t i = 0; i < missing.size(); ++i) {
            if (entry.message || missing[i] != entry.position) continue;
            entry.message = loaded[i].message;
            entry.is_damaged = loaded[i].is_damaged;
          }
        delivery.resend();
        delivery.pump();
      });
}

void Delivery::try_again_later(void (Delivery::*what)()) {
  session_.worker().timers().after(kReadAgainAfter,
                                   [weak = session_.weak_from_this(), epoch = epoch_, what] {
                                     const auto session = weak.lock();
                                     if (session && session->delivery().epoch_ == epoch)
                                       (session->delivery().*what)();
                                   });
}

// In the order in which they were sent first. [MQTT-4.6.0-1]
void Delivery::resend() {
  if (!ready()) return;
  std::vector<std::uint16_t> lost;
  std::size_t outstanding = 0;
  std::vector<std::uint16_t> to_send;
  for (auto& entry : in_flight_) {
    const bool has_room = ++outstanding <= window_;
    if (entry.phase == Phase::Released) {
      send_release(entry.packet_id);  // the window is one of PUBLISH alone
    } else if (!has_room) {
      if (entry.phase == Phase::Sent) entry.phase = Phase::Waiting;
      some_wait_ = some_wait_ || entry.phase == Phase::Waiting;
    } else if (entry.phase == Phase::Sent || entry.phase == Phase::Waiting) {
      (entry.message ? to_send : lost).push_back(entry.packet_id);
    }
  }
  for (const auto packet_id : to_send) {
    const auto entry = find(packet_id);
    if (entry == in_flight_.end()) continue;
    entry->phase = Phase::Sent;
    send(*entry, true);
  }
  for (const auto packet_id : lost) {
    const auto entry = find(packet_id);
    auto& broker = session_.worker().broker();
    if (entry->is_damaged)
      broker.note_damaged(session_.client().client_id, {&entry->position, 1});
    else
      broker.counters().lost_to_retention.add();
    if (entry->options.qos == mqtt::Qos::ExactlyOnce)
      conclude(entry);
    else
      finish(entry);
  }
}

// The client takes fewer at a time than before: the rest follows as it acknowledges.
// [MQTT-3.3.4-9]
void Delivery::send_waiting() {
  some_wait_ = false;
  std::vector<std::uint16_t> to_send;
  std::size_t outstanding = 0;
  for (auto& entry : in_flight_) {
    if (entry.phase != Phase::Waiting) {
      ++outstanding;
    } else if (entry.message && outstanding < window_) {
      ++outstanding;
      to_send.push_back(entry.packet_id);
    } else {
      some_wait_ = true;
    }
  }
  for (const auto packet_id : to_send) {
    const auto entry = find(packet_id);
    if (entry == in_flight_.end()) continue;
    entry->phase = Phase::Sent;
    send(*entry, true);
  }
}

// A group's message of QoS 1 goes to another member at once; of QoS 2 it stays with this session
// once its PUBLISH has left. [MQTT-4.8.2-4] [MQTT-4.8.2-5]
void Delivery::suspend() {
  ++epoch_;
  at_tail_ = false;
  resuming_ = false;
  std::vector<InFlight> returned;
  for (auto it = in_flight_.begin(); it != in_flight_.end();) {
    // Of QoS 2 also what waits because the window became smaller: its PUBLISH has left before.
    if (it->group && it->options.qos == mqtt::Qos::AtLeastOnce) {
      returned.push_back(std::move(*it));
      it = in_flight_.erase(it);
      continue;
    }
    // A retained message may be older than the log: it is kept.
    if (it->tracked || it->group) it->message = nullptr;
    ++it;
  }
  for (auto& entry : returned)
    if (entry.group) entry.group->give_back(entry.position, entry.message);
}

void Delivery::end() {
  suspend();
  rare_.reset();
  for (const auto& entry : in_flight_) {
    if (entry.options.qos == mqtt::Qos::ExactlyOnce) erase_outgoing(entry.packet_id);
    if (!entry.group) continue;
    if (entry.phase == Phase::AwaitingDurable)
      entry.group->give_back(entry.position, nullptr);
    else
      entry.group->acknowledge(entry.position);
  }
  in_flight_.clear();
}

void Delivery::write_cursor(store::Batch& batch) {
  cursor_marked_ = false;
  batch.put(store::StateKind::Cursor, session_cursor_key(session_.client().client_id),
            store::encode(tracker_.cursor()));
}

void Delivery::save_outgoing(const InFlight& entry) {
  auto record = ByteWriter();
  record.number(std::uint8_t{1})
      .number(entry.position.get())
      .boolean(entry.phase == Phase::Releasing || entry.phase == Phase::Released)
      .boolean(entry.options.retain)
      .boolean(entry.tracked)
      .text(entry.group ? entry.group->key() : std::string())
      .number(static_cast<std::uint32_t>(entry.options.identifiers.size()));
  for (const auto identifier : entry.options.identifiers) record.number(identifier);
  session_.worker().state().put(store::StateKind::Outgoing,
                                packet_key(session_.client().client_id, entry.packet_id),
                                record.take());
}

void Delivery::erase_outgoing(std::uint16_t packet_id) {
  if (session_.persistent())
    session_.worker().state().erase(store::StateKind::Outgoing,
                                    packet_key(session_.client().client_id, packet_id));
}

Result<void> Delivery::restore_outgoing(std::uint16_t packet_id, std::string_view record) {
  ByteReader in(record);
  if (in.number<std::uint8_t>() != 1) return fail(Errc::Corrupt, "outgoing record of unknown form");
  InFlight entry;
  entry.packet_id = packet_id;
  entry.position = store::Position(in.number<std::uint64_t>());
  entry.phase = in.boolean() ? Phase::Released : Phase::Sent;
  entry.options.qos = mqtt::Qos::ExactlyOnce;
  entry.options.retain = in.boolean();
  entry.tracked = in.boolean();
  const auto group = in.text();
  const auto identifiers = in.number<std::uint32_t>();
  for (std::uint32_t i = 0; in.ok() && i < identifiers; ++i)
    entry.options.identifiers.push_back(in.number<std::uint32_t>());
  if (!in.ok()) return fail(Errc::Corrupt, "outgoing record is too short");
  if (entry.tracked) tracker_.hand_out(entry.position);
  if (!group.empty()) {
    entry.group = session_.worker().broker().find_group(group);
    if (entry.group) entry.group->restore_handed_out(entry.position);
  }
  last_packet_id_ = std::max(last_packet_id_, packet_id);
  // Found by packet id; they go out again in the order in which they did first. [MQTT-4.6.0-1]
  const auto behind = std::ranges::upper_bound(in_flight_, entry.position, {}, &InFlight::position);
  in_flight_.insert(behind, std::move(entry));
  return {};
}

}  // namespace sluice::broker
