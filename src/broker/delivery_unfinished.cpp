// What a subscription has not finished: retained messages that wait for room, and what waited for
// it before its QoS was lowered to 0.
#include <algorithm>
#include <utility>

#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/delivery.hpp"
#include "broker/session.hpp"
#include "broker/worker.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {

using mqtt::Qos;

namespace {
constexpr std::size_t kRetainedAtOnce = 64;
}

bool Delivery::has_leftover(std::string_view name) const {
  return rare_ && std::ranges::find(rare_->leftovers, name, &Rest::name) != rare_->leftovers.end();
}

bool Delivery::is_unfinished(std::string_view name) const {
  return has_leftover(name) ||
         (rare_ && std::ranges::find(rare_->walks, name, &Walk::name) != rare_->walks.end());
}

Unfinished Delivery::unfinished(std::string_view name) {
  Unfinished unfinished;
  if (!rare_) return unfinished;
  for (auto& walk : rare_->walks) {
    if (walk.name != name) continue;
    unfinished.retained = walk.at;
    walk.in_record = true;
  }
  for (const auto& rest : rare_->leftovers)
    if (rest.name == name) unfinished.leftovers.push_back(rest.leftover);
  return unfinished;
}

void Delivery::restore_unfinished(const std::string& name, Unfinished unfinished,
                                  store::QueueId queue) {
  if (unfinished.retained) rare().walks.push_back({name, *std::move(unfinished.retained), true});
  for (auto& leftover : unfinished.leftovers) {
    // Nothing is on the way any more.
    const auto end = last_before(session_.worker().broker().store().head());
    leftover.until = std::min(leftover.until, end);
    rare().leftovers.push_back({name, leftover, queue, 0});
  }
}

void Delivery::forget_unfinished(std::string_view name) {
  if (!rare_) return;
  std::erase_if(rare_->walks, [&](const Walk& walk) { return walk.name == name; });
  std::erase_if(rare_->leftovers, [&](const Rest& rest) { return rest.name == name; });
}

// --- retained messages. [MQTT-3.3.1-9]

void Delivery::send_retained(std::string_view name) {
  auto& walks = rare().walks;
  const RetainedWalk from_the_beginning{
      .after = {}, .until = last_before(session_.worker().broker().store().head())};
  const auto it = std::ranges::find(walks, name, &Walk::name);
  if (it == walks.end())
    walks.push_back({std::string(name), from_the_beginning});
  else
    it->at = from_the_beginning;
}

// Never more of them in memory than there is room for, however many there are.
void Delivery::walk_retained() {
  auto& walks = rare_->walks;
  const auto& retained = session_.worker().broker().retained();
  std::size_t looked_at = 0;
  while (!walks.empty() && has_room()) {
    if (looked_at >= kPassedAtOnce || is_put_off()) return mark_pump();  // others want their turn
    auto& walk = walks.front();
    const auto* subscription = session_.find_subscription(walk.name);
    const auto room = std::min<std::size_t>(kRetainedAtOnce, window_ - in_flight_.size());
    Retained::Step next;
    next.at_end = subscription == nullptr;
    if (subscription != nullptr) next = retained.step(subscription->filter(), walk.at.after, room);
    if (next.found.empty() && next.at_end) {
      const auto done = std::move(walk);
      walks.erase(walks.begin());
      if (done.in_record) session_.note_finished(done.name);
      continue;
    }
    for (const auto& message : next.found) {
      if (!has_room()) return;
      walk.at.after = message->topic;
      ++looked_at;
      if (message->position() <= walk.at.until) send_retained(*subscription, message);
    }
    if (!next.at_end) walk.at.after = std::move(next.after);
    if (next.looks >= Retained::kLooks) return mark_pump();
  }
}

void Delivery::send_retained(const Subscription& subscription, const model::MessagePtr& message) {
  const auto& wanted = subscription.options;
  if (!wants(*message, wanted.no_local)) return;
  if (!accepts(session_.condition_of(subscription), *message)) return;
  DeliveryOptions options{std::min(wanted.qos, static_cast<Qos>(message->qos)), true, {}};
  if (wanted.identifier != 0) options.identifiers.push_back(wanted.identifier);
  if (options.qos == Qos::AtMostOnce) {
    send_unacknowledged(*message, options);
    return;
  }
  start_untracked(message, std::move(options), nullptr);
}

// --- what is left over when QoS is lowered to 0. [MQTT-3.8.4-4]
//
// It stays in its queue, which is read as before, up to the last message that may have been
// received under the old options. From the change on messages go to the client directly; while old
// ones may be on the way still, those stand in the queue too and are noted, so that they are not
// read there.

void Delivery::leave_over(std::string_view name, Leftover leftover, store::QueueId queue) {
  rare().leftovers.push_back({std::string(name), leftover, queue, ++rare_->last_leftover});
  settle_leftovers();
}

void Delivery::close_leftovers(std::string_view name, store::Position since) {
  if (!rare_) return;
  for (auto& rest : rare_->leftovers)
    if (rest.name == name) rest.leftover.until = std::min(rest.leftover.until, since);
}

void Delivery::settle_leftovers() {
  if (std::exchange(rare_->settling, true)) return;
  auto& worker = session_.worker();
  worker.broker().when_settled(
      [&worker, weak = session_.weak_from_this(), upto = rare_->last_leftover] {
        worker.post([weak, upto] {
          if (const auto session = weak.lock()) session->delivery().on_leftovers_settled(upto);
        });
      });
}

void Delivery::on_leftovers_settled(std::uint64_t upto) {
  if (!rare_) return;
  rare_->settling = false;
  const auto end = last_before(session_.worker().broker().store().durable());
  bool some_are_open = false;
  for (auto& rest : rare_->leftovers) {
    if (rest.number <= upto)
      rest.leftover.until = std::min(rest.leftover.until, end);
    else
      some_are_open = some_are_open || rest.leftover.until == Leftover::kOpen;
  }
  if (some_are_open) settle_leftovers();
  at_tail_ = false;  // read up to there
  mark_pump();
}

// A message of QoS 0 to this client. False: it was found in the queue of a leftover before.
bool Delivery::goes_directly(const model::Message& message) {
  const auto position = message.position();
  for (const auto& [name, leftover, queue, number] : rare_->leftovers) {
    if (position <= leftover.since || position > leftover.until) continue;
    if (!mqtt::matches(name, message.topic)) continue;
    if (position <= tracker_.read()) return false;
    tracker_.hand_out(position);
    tracker_.acknowledge(position);
  }
  return true;
}

// As the subscription was when they came. `names`: of those that match.
void Delivery::add_leftovers(const store::ReadEntry& entry, DeliveryOptions& options,
                             std::vector<std::string_view>& names) const {
  const auto& message = *entry.message;
  for (const auto& rest : rare_->leftovers) {
    const auto& leftover = rest.leftover;
    if (message.position() <= leftover.since || message.position() > leftover.until) continue;
    const auto queue = std::ranges::find(queues_, rest.queue) - queues_.begin();
    const auto bit = std::min<std::size_t>(static_cast<std::size_t>(queue), 63);
    if (((entry.queue_mask >> bit) & 1) == 0) continue;
    if (bit == 63 && !mqtt::matches(rest.name, message.topic)) continue;
    if (leftover.options.no_local && is_own(message)) continue;
    const auto* subscription = session_.find_subscription(rest.name);
    if (subscription != nullptr && !accepts(session_.condition_of(*subscription), message))
      continue;
    merge(leftover.options, message, options);
    names.emplace_back(rest.name);
  }
}

void Delivery::drop_leftovers() {
  tracker_.forget_acknowledged();
  note_low();
  // At the tail all that there was up to `until` has been read, though nothing may stand there.
  const bool nothing_waits = at_tail_ && tracker_.low() >= tracker_.read();
  std::vector<std::string> done;
  std::erase_if(rare_->leftovers, [&](const Rest& rest) {
    const auto until = rest.leftover.until;
    if (until == Leftover::kOpen || (!nothing_waits && tracker_.low() < until)) return false;
    done.push_back(rest.name);
    return true;
  });
  for (const auto& name : done) session_.release_queue(name);
}

}  // namespace sluice::broker
