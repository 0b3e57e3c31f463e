#include "broker/session.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/session_records.hpp"
#include "broker/shared_group.hpp"
#include "broker/worker.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {

namespace {
constexpr std::uint32_t kNever = std::numeric_limits<std::uint32_t>::max();  // [MQTT-3.1.2-11]
}

std::string_view Subscription::filter() const {
  const auto shared = mqtt::parse_shared_filter(name);
  return shared ? shared->filter : std::string_view(name);
}

std::string_view Subscription::group() const {
  const auto shared = mqtt::parse_shared_filter(name);
  return shared ? shared->group : std::string_view();
}

Session::Session(Worker& worker, ClientPtr client)
    : worker_(worker),
      number_(worker.broker().next_number()),
      client_(std::move(client)),
      created_ms_(worker.broker().clock().wall_ms()),
      delivery_(*this) {
  worker_.broker().memory().sessions->add(name_bytes(*client_));
}

Session::~Session() = default;

std::size_t Session::name_bytes(const Client& client) {
  return client.client_id.size() + client.username.size();
}

void Session::set_client(ClientPtr client, std::string user_id) {
  const auto before = name_bytes(*client_);
  client_ = std::move(client);
  if (const auto& memory = worker_.broker().memory().sessions; !ended_) {
    memory->add(name_bytes(*client_));
    memory->take_away(before);
  }
  user_id_ = std::move(user_id);
  knows_user_id_ = true;
}

const PermissionsPtr& Session::permissions() {
  auto& access = worker_.broker().access();
  if (const auto generation = access.generation();
      !permissions_ || permissions_generation_ != generation) {
    permissions_generation_ = generation;
    permissions_ = access.compile(*client_);
  }
  return permissions_;
}

void Session::attach(std::shared_ptr<ClientConnection> connection, std::uint32_t expiry_s) {
  clear_deadline();
  stop_will_timer();  // [MQTT-3.1.3-9]
  if (!connection_) ++worker_.tally().connected;
  connection_ = std::move(connection);
  expiry_s_ = expiry_s;
  permissions_ = nullptr;
  delivery_.set_connected_at(last_before(worker_.broker().store().head()));
  worker_.wills().make_way(client_->client_id);
  save();
  save_will();
}

void Session::save() {
  if (expiry_s_ == 0 && !saved_) return;
  saved_ = true;
  const SessionRecord record{
      .username = client_->username,
      .user_id = knows_user_id_ ? std::optional(user_id_) : std::nullopt,
      .host = client_->host,
      .listener = client_->listener,
      .has_username = client_->has_username,
      .expiry_s = expiry_s_,
      .created_ms = created_ms_,
      .disconnected_ms = connection_ ? 0 : worker_.broker().clock().wall_ms()};
  worker_.state().put(store::StateKind::Session, client_->client_id, encode(record));
}

// State is appended before publishes: behind a will that ends the record in this very turn, the new
// one goes with the publishes.
void Session::save_will() {
  const bool ends = worker_.wills().ends_record(client_->client_id);
  auto& batch = ends && will ? worker_.publishing() : worker_.state();
  if (will)
    batch.put(store::StateKind::Will, client_->client_id, encode(*will));
  else if (saved_)
    batch.erase(store::StateKind::Will, client_->client_id);
}

void Session::detach() {
  if (std::exchange(connection_, nullptr)) --worker_.tally().connected;
  delivery_.suspend();
  leave_groups();
  if (expiry_s_ == 0) {
    end();
    return;
  }
  save();
  save_unfinished();
  if (saved_) worker_.mark_cursor(*this, true);
  start_waiting(std::chrono::milliseconds(0));
}

void Session::start_waiting(std::chrono::milliseconds will_grace) {
  using std::chrono::seconds;
  if (will) {
    const auto delay = std::max<std::chrono::milliseconds>(
        seconds(std::min(will->delay_s, expiry_s_)), will_grace);
    if (delay.count() == 0) {
      send_will();
    } else {
      will_timer_ =
          std::make_unique<Timers::Id>(worker_.timers().after(delay, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) {
              self->will_timer_.reset();
              self->send_will();
            }
          }));
    }
  }
  if (expiry_s_ != kNever)
    worker_.deadlines().set(*this, worker_.broker().clock().steady() + seconds(expiry_s_));
}

void Session::stop_will_timer() {
  if (will_timer_) worker_.timers().cancel(*will_timer_);
  will_timer_.reset();
}

void Session::on_deadline() {
  end();
}

void Session::end() {
  if (ended_) return;
  ended_ = true;
  worker_.broker().memory().sessions->take_away(name_bytes(*client_));
  clear_deadline();
  stop_will_timer();
  const auto self = shared_from_this();  // the worker's map may hold the last reference
  send_will();                           // [MQTT-3.1.2-8]: at the end of the session at the latest
  if (auto& events = worker_.events(); !only_will_ && events.wants(Event::SessionTerminated))
    events.add(Event::SessionTerminated, *client_,
               {{"created_at", created_ms_}, {"subscriptions", subscriptions_.size()}});
  delivery_.end();
  while (!subscriptions_.empty()) unsubscribe(std::string(subscriptions_.back().name));
  auto& state = worker_.state();
  if (saved_) {
    if (rare_)
      for (const auto packet_id : rare_->incoming)
        state.erase(store::StateKind::Incoming, packet_key(client_->client_id, packet_id));
    state.erase(store::StateKind::Cursor, session_cursor_key(client_->client_id));
    state.erase(store::StateKind::Session, client_->client_id);
  }
  rare_.reset();
  worker_.remove_session(client_->client_id);
}

void Session::forget_will() {
  if (!will) return;
  will.reset();
  worker_.state().erase(store::StateKind::Will, client_->client_id);
}

void Session::send_will() {
  if (!will) return;
  auto due = std::move(*will);
  will.reset();
  worker_.wills().send({client_->client_id, std::move(due), client_->client_id});
}

Session::Subscriptions::const_iterator Session::place_of(std::string_view name) const {
  return std::ranges::lower_bound(subscriptions_, name, {}, &Subscription::name);
}

const Subscription* Session::find_subscription(std::string_view name) const {
  const auto it = place_of(name);
  return it != subscriptions_.end() && it->name == name ? &*it : nullptr;
}

void Session::keep(Subscription subscription) {
  const auto it = subscriptions_.begin() + (place_of(subscription.name) - subscriptions_.cbegin());
  if (it != subscriptions_.end() && it->name == subscription.name) {
    *it = std::move(subscription);
  } else {
    filter_bytes_ += static_cast<std::uint32_t>(subscription.name.size());
    worker_.broker().memory().sessions->add(subscription.name.size());
    subscriptions_.insert(it, std::move(subscription));
    ++worker_.tally().subscriptions;
  }
  refresh_queues();
}

ConditionPtr Session::find_condition(std::string_view name) const {
  if (!rare_) return nullptr;
  const auto it = rare_->conditions.find(name);
  return it == rare_->conditions.end() ? nullptr : it->second;
}

void Session::keep_condition(std::string_view name, ConditionPtr condition) {
  if (condition) {
    rare().conditions.insert_or_assign(std::string(name), std::move(condition));
    return;
  }
  if (!rare_) return;
  const auto it = rare_->conditions.find(name);
  if (it == rare_->conditions.end()) return;
  rare_->conditions.erase(it);
  drop_rare_if_empty();
}

void Session::drop_rare_if_empty() {
  if (rare_ && rare_->incoming.empty() && rare_->conditions.empty() &&
      rare_->user_properties.empty())
    rare_.reset();
}

Result<bool> Session::subscribe(Subscription subscription, ConditionPtr condition,
                                UserPropertiesPtr user_properties) {
  subscription.options.has_condition = condition != nullptr;
  const auto* existing = find_subscription(subscription.name);
  const bool is_new = existing == nullptr;
  auto& broker = worker_.broker();
  const auto head = last_before(broker.store().head());
  // One of QoS 0 got at once what came until now: its first queue, which may be older than it, must
  // not bring that again.
  const bool had_queue = !is_new && existing->queue != store::kNoQueue;
  subscription.since =
      had_queue || (!is_new && !subscription.group().empty()) ? existing->since : head;
  const bool is_queued = subscription.options.qos != mqtt::Qos::AtMostOnce;
  if (subscription.group().empty()) {
    const bool lowered = had_queue && !is_queued;
    if (lowered && delivery_.leftovers() >= broker.limits().subscriptions_per_client)
      return fail(Errc::Overloaded, "too many subscriptions still deliver what came before");
    SL_TRY(queue, broker.filters().subscribe(subscription.filter(), shared_from_this(),
                                             worker_.index(), subscription.options, persistent(),
                                             lowered || delivery_.has_leftover(subscription.name),
                                             condition));
    if (is_queued) subscription.queue = queue;
    if (lowered)
      delivery_.leave_over(subscription.name,
                           {.options = existing->options, .since = existing->since}, queue);
    else if (is_queued)
      delivery_.close_leftovers(subscription.name, subscription.since);
  } else {
    SL_TRY_VOID(broker.join_group(shared_from_this(), subscription, condition, is_new));
  }
  keep_condition(subscription.name, std::move(condition));
  keep_user_properties(subscription.name, std::move(user_properties));
  if (saved_) save(subscription);
  if (subscription.queue != store::kNoQueue && !delivery_.reads_queues()) delivery_.read_from(head);
  if (auto& events = worker_.events(); events.wants(Event::SessionSubscribed))
    events.add(Event::SessionSubscribed, *client_,
               {{"topic", subscription.name},
                {"qos", static_cast<int>(subscription.options.qos)},
                {"is_new", is_new}});
  keep(std::move(subscription));
  return is_new;
}

void Session::save(const Subscription& subscription) {
  const auto user_properties = user_properties_of(subscription.name);
  worker_.state().put(store::StateKind::Subscription,
                      subscription_key(client_->client_id, subscription.name),
                      encode(subscription, delivery_.unfinished(subscription.name),
                             find_condition(subscription.name).get(),
                             user_properties ? std::string_view(*user_properties) : ""));
}

void Session::save_unfinished() {
  if (!saved_ || !delivery_.some_unfinished()) return;
  for (const auto& subscription : subscriptions_)
    if (delivery_.is_unfinished(subscription.name)) save(subscription);
}

void Session::note_finished(std::string_view name) {
  const auto* subscription = find_subscription(name);
  if (saved_ && subscription != nullptr) save(*subscription);
}

void Session::release_queue(std::string_view name) {
  const auto* subscription = find_subscription(name);
  if (subscription == nullptr) return;
  const auto done = worker_.broker().filters().subscribe(
      subscription->filter(), shared_from_this(), worker_.index(), subscription->options,
      persistent(), delivery_.has_leftover(name), find_condition(name));
  if (!done)  // it may be needed by nobody, but it stays
    log::warn("queue not released", {{"filter", name}, {"reason", done.error().detail}});
  refresh_queues();
  if (saved_) worker_.mark_cursor(*this, true);
  note_finished(name);
}

bool Session::unsubscribe(std::string_view name) {
  const auto it = subscriptions_.begin() + (place_of(name) - subscriptions_.cbegin());
  if (it == subscriptions_.end() || it->name != name) return false;
  const auto subscription = std::move(*it);
  filter_bytes_ -= static_cast<std::uint32_t>(subscription.name.size());
  worker_.broker().memory().sessions->take_away(subscription.name.size());
  subscriptions_.erase(it);
  --worker_.tally().subscriptions;
  if (auto& events = worker_.events(); !ended_ && events.wants(Event::SessionUnsubscribed))
    events.add(Event::SessionUnsubscribed, *client_, {{"topic", subscription.name}});
  keep_condition(subscription.name, nullptr);
  keep_user_properties(subscription.name, nullptr);
  delivery_.forget_unfinished(subscription.name);
  refresh_queues();
  auto& broker = worker_.broker();
  if (subscription.group().empty())
    broker.filters().unsubscribe(subscription.filter(), *this);
  else
    broker.leave_group(shared_from_this(), subscription);
  if (saved_)
    worker_.state().erase(store::StateKind::Subscription,
                          subscription_key(client_->client_id, subscription.name));
  return true;
}

void Session::refresh_queues() {
  std::vector<store::QueueId> queues;
  for (const auto& subscription : subscriptions_)
    if (subscription.queue != store::kNoQueue) queues.push_back(subscription.queue);
  delivery_.set_queues(std::move(queues));
}

void Session::wake_groups() {
  for (const auto& subscription : subscriptions_) {
    const auto group_name = subscription.group();
    if (group_name.empty()) continue;
    const auto key = SharedGroup::key_of(group_name, subscription.filter());
    if (const auto group = worker_.broker().find_group(key)) group->member_has_room(*this);
  }
}

void Session::leave_groups() {
  for (const auto& subscription : subscriptions_) {
    const auto group_name = subscription.group();
    if (group_name.empty()) continue;
    const auto key = SharedGroup::key_of(group_name, subscription.filter());
    if (const auto group = worker_.broker().find_group(key)) group->member_left(*this);
  }
}

void Session::add_incoming(std::uint16_t packet_id, store::Batch& batch) {
  rare().incoming.insert(packet_id);
  if (saved_) batch.put(store::StateKind::Incoming, packet_key(client_->client_id, packet_id), "");
}

bool Session::release_incoming(std::uint16_t packet_id) {
  if (!rare_ || rare_->incoming.erase(packet_id) == 0) return false;
  drop_rare_if_empty();
  if (saved_)
    worker_.state().erase(store::StateKind::Incoming, packet_key(client_->client_id, packet_id));
  return true;
}

Result<void> Session::restore_subscription(Subscription subscription, Unfinished unfinished,
                                           ConditionPtr condition,
                                           UserPropertiesPtr user_properties) {
  auto& broker = worker_.broker();
  subscription.options.has_condition = condition != nullptr;
  if (subscription.group().empty()) {
    SL_TRY(queue, broker.filters().subscribe(subscription.filter(), shared_from_this(),
                                             worker_.index(), subscription.options, true,
                                             !unfinished.leftovers.empty(), condition));
    if (subscription.options.qos != mqtt::Qos::AtMostOnce) subscription.queue = queue;
    delivery_.restore_unfinished(subscription.name, std::move(unfinished), queue);
  } else {
    SL_TRY_VOID(broker.restore_member(shared_from_this(), subscription, condition));
  }
  keep_condition(subscription.name, std::move(condition));
  keep_user_properties(subscription.name, std::move(user_properties));
  keep(std::move(subscription));
  return {};
}

void Session::restore(std::uint32_t expiry_s, std::int64_t created_ms,
                      std::optional<std::string> user_id) {
  knows_user_id_ = user_id.has_value();
  user_id_ = std::move(user_id).value_or("");
  expiry_s_ = expiry_s;
  created_ms_ = created_ms;
  saved_ = true;
}

}  // namespace sluice::broker
