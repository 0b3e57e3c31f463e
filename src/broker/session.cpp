#include "broker/session.hpp"

#include <algorithm>
#include <limits>

#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/session_records.hpp"
#include "broker/shared_group.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

namespace {
constexpr std::uint32_t kNever = std::numeric_limits<std::uint32_t>::max();  // [MQTT-3.1.2-11]
}

Session::Session(Worker& worker, Client client)
    : worker_(worker),
      number_(worker.broker().next_number()),
      client_(std::move(client)),
      created_ms_(worker.broker().clock().wall_ms()),
      delivery_(*this) {}

Session::~Session() = default;

const PermissionsPtr& Session::permissions() {
  auto& access = worker_.broker().access();
  if (const auto generation = access.generation();
      !permissions_ || permissions_generation_ != generation) {
    permissions_generation_ = generation;
    permissions_ = access.compile(client_);
  }
  return permissions_;
}

void Session::attach(std::shared_ptr<ClientConnection> connection, std::uint32_t expiry_s) {
  if (expiry_timer_) worker_.timers().cancel(*expiry_timer_);
  if (will_timer_) worker_.timers().cancel(*will_timer_);  // [MQTT-3.1.3-9]
  expiry_timer_.reset();
  will_timer_.reset();
  connection_ = std::move(connection);
  expiry_s_ = expiry_s;
  permissions_ = nullptr;
  delivery_.set_connected_at(last_before(worker_.broker().store().head()));
  worker_.wills().make_way(client_.client_id);
  save();
  save_will();
}

void Session::save() {
  if (expiry_s_ == 0 && !saved_) return;
  saved_ = true;
  const SessionRecord record{
      .username = client_.username,
      .user_id = user_id_,
      .host = client_.host,
      .has_username = client_.has_username,
      .expiry_s = expiry_s_,
      .created_ms = created_ms_,
      .disconnected_ms = connection_ ? 0 : worker_.broker().clock().wall_ms()};
  worker_.state().put(store::StateKind::Session, client_.client_id, encode(record));
}

// State is appended before publishes: behind a will that ends the record in this very turn, the new
// one goes with the publishes.
void Session::save_will() {
  const bool ends = worker_.wills().ends_record(client_.client_id);
  auto& batch = ends && will ? worker_.publishing() : worker_.state();
  if (will)
    batch.put(store::StateKind::Will, client_.client_id, encode(*will));
  else if (saved_)
    batch.erase(store::StateKind::Will, client_.client_id);
}

void Session::detach() {
  connection_.reset();
  delivery_.suspend();
  if (expiry_s_ == 0) {
    end();
    return;
  }
  save();
  if (saved_) worker_.mark_cursor(*this, true);
  start_waiting(std::chrono::milliseconds(0));
}

void Session::start_waiting(std::chrono::milliseconds will_grace) {
  using std::chrono::seconds;
  const auto weak = weak_from_this();
  if (will) {
    const auto delay = std::max<std::chrono::milliseconds>(
        seconds(std::min(will->delay_s, expiry_s_)), will_grace);
    if (delay.count() == 0) {
      send_will();
    } else {
      will_timer_ = worker_.timers().after(delay, [weak] {
        if (const auto self = weak.lock()) {
          self->will_timer_.reset();
          self->send_will();
        }
      });
    }
  }
  if (expiry_s_ == kNever) return;
  expiry_timer_ = worker_.timers().after(seconds(expiry_s_), [weak] {
    if (const auto self = weak.lock()) {
      self->expiry_timer_.reset();
      self->end();
    }
  });
}

void Session::end() {
  if (ended_) return;
  ended_ = true;
  if (expiry_timer_) worker_.timers().cancel(*expiry_timer_);
  if (will_timer_) worker_.timers().cancel(*will_timer_);
  const auto self = shared_from_this();  // the worker's map may hold the last reference
  send_will();                           // [MQTT-3.1.2-8]: at the end of the session at the latest
  delivery_.end();
  while (!subscriptions_.empty()) unsubscribe(std::string(subscriptions_.begin()->first));
  auto& state = worker_.state();
  if (saved_) {
    for (const auto packet_id : incoming_)
      state.erase(store::StateKind::Incoming, packet_key(client_.client_id, packet_id));
    state.erase(store::StateKind::Cursor, session_cursor_key(client_.client_id));
    state.erase(store::StateKind::Session, client_.client_id);
  }
  incoming_.clear();
  worker_.remove_session(client_.client_id);
}

void Session::forget_will() {
  if (!will) return;
  will.reset();
  worker_.state().erase(store::StateKind::Will, client_.client_id);
}

void Session::send_will() {
  if (!will) return;
  auto due = std::move(*will);
  will.reset();
  worker_.wills().send({client_.client_id, std::move(due), client_.client_id});
}

Result<bool> Session::subscribe(const std::string& name, Subscription subscription) {
  const auto existing = subscriptions_.find(name);
  const bool is_new = existing == subscriptions_.end();
  auto& broker = worker_.broker();
  const auto head = last_before(broker.store().head());
  // One of QoS 0 got at once what came until now: its first queue, which may be older than it, must
  // not bring that again.
  const bool had_queue = !is_new && existing->second.queue.has_value();
  subscription.since =
      had_queue || (!is_new && !subscription.group.empty()) ? existing->second.since : head;
  if (subscription.group.empty()) {
    const auto client_queue =
        broker.filters().subscribe(subscription.filter, shared_from_this(), worker_.index(),
                                   subscription.options, persistent());
    if (!client_queue) return tl::unexpected(client_queue.error());
    if (*client_queue) subscription.queue = (*client_queue)->id;
  } else {
    SL_TRY_VOID(broker.join_group(shared_from_this(), subscription, is_new));
  }
  if (saved_)
    worker_.state().put(store::StateKind::Subscription, subscription_key(client_.client_id, name),
                        encode(subscription));
  const bool first_queue = delivery_has_no_queue();
  if (first_queue && subscription.queue) delivery_.read_from(head);
  if (is_new) filter_bytes_ += name.size();
  subscriptions_.insert_or_assign(name, std::move(subscription));
  refresh_queues();
  return is_new;
}

bool Session::unsubscribe(const std::string& name) {
  const auto it = subscriptions_.find(name);
  if (it == subscriptions_.end()) return false;
  const auto subscription = std::move(it->second);
  filter_bytes_ -= name.size();
  subscriptions_.erase(it);
  refresh_queues();
  auto& broker = worker_.broker();
  if (subscription.group.empty())
    broker.filters().unsubscribe(subscription.filter, *this);
  else
    broker.leave_group(shared_from_this(), subscription);
  if (saved_)
    worker_.state().erase(store::StateKind::Subscription,
                          subscription_key(client_.client_id, name));
  return true;
}

bool Session::delivery_has_no_queue() const {
  return std::ranges::none_of(subscriptions_,
                              [](const auto& entry) { return entry.second.queue.has_value(); });
}

void Session::refresh_queues() {
  std::vector<const Subscription*> readable;
  for (const auto& [name, subscription] : subscriptions_)
    if (subscription.queue) readable.push_back(&subscription);
  delivery_.set_queues(std::move(readable));
}

void Session::wake_groups() {
  for (const auto& [name, subscription] : subscriptions_) {
    if (subscription.group.empty()) continue;
    const auto key = SharedGroup::key_of(subscription.group, subscription.filter);
    if (const auto group = worker_.broker().find_group(key)) group->member_has_room(*this);
  }
}

void Session::add_incoming(std::uint16_t packet_id, store::Batch& batch) {
  incoming_.insert(packet_id);
  if (saved_) batch.put(store::StateKind::Incoming, packet_key(client_.client_id, packet_id), "");
}

bool Session::release_incoming(std::uint16_t packet_id) {
  if (incoming_.erase(packet_id) == 0) return false;
  if (saved_)
    worker_.state().erase(store::StateKind::Incoming, packet_key(client_.client_id, packet_id));
  return true;
}

Result<void> Session::restore_subscription(const std::string& name, Subscription subscription) {
  auto& broker = worker_.broker();
  if (subscription.group.empty()) {
    SL_TRY(queue, broker.filters().subscribe(subscription.filter, shared_from_this(),
                                             worker_.index(), subscription.options, true));
    subscription.queue = queue ? std::optional(queue->id) : std::nullopt;
  } else {
    SL_TRY_VOID(broker.restore_member(shared_from_this(), subscription));
  }
  filter_bytes_ += name.size();
  subscriptions_.insert_or_assign(name, std::move(subscription));
  refresh_queues();
  return {};
}

void Session::restore(std::uint32_t expiry_s, std::int64_t created_ms,
                      std::optional<std::string> user_id) {
  user_id_ = std::move(user_id);
  expiry_s_ = expiry_s;
  created_ms_ = created_ms;
  saved_ = true;
}

}  // namespace sluice::broker
