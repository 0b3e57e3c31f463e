#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadlines.hpp"
#include "broker/access_control.hpp"
#include "broker/delivery.hpp"
#include "broker/filter_table.hpp"
#include "broker/limits.hpp"
#include "broker/subscribe_properties.hpp"
#include "broker/unfinished.hpp"
#include "broker/will.hpp"
#include "store/store.hpp"

namespace sluice::broker {

class ClientConnection;
class Worker;

// One entry of a SUBSCRIBE that was granted.
struct Subscription {
  std::string name;  // the filter as the client wrote it
  SubscriptionOptions options;
  store::Position since;  // messages up to here were there before it
  store::QueueId queue = store::kNoQueue;

  [[nodiscard]] std::string_view filter() const;  // without `$share/{group}/`
  [[nodiscard]] std::string_view group() const;   // empty: not shared
};

// The session of one client id: what outlives its network connections. [MQTT-3.1.2.11.2]
//
// Owns:    subscriptions, both QoS 2 states, the delivery to the client.
// Threads: its worker's own.
class Session final : public Deadline, public std::enable_shared_from_this<Session> {
 public:
  // What it is called, for the bound on that of all sessions.
  [[nodiscard]] static std::size_t name_bytes(const Client& client);

  Session(Worker& worker, ClientPtr client);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] Worker& worker() { return worker_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }  // grows with each that is made
  [[nodiscard]] const Client& client() const { return *client_; }
  // `user_id` as AccessControl knows it. Before attach(). The client id stays the same.
  void set_client(ClientPtr client, std::string user_id);
  [[nodiscard]] Delivery& delivery() { return delivery_; }
  // Lives longer than its connection; false: it ends with it and nothing of it is written.
  [[nodiscard]] bool persistent() const { return saved_ || expiry_s_ > 0; }
  [[nodiscard]] std::uint32_t expiry_s() const { return expiry_s_; }
  [[nodiscard]] std::int64_t created_ms() const { return created_ms_; }

  // --- connection
  void attach(std::shared_ptr<ClientConnection> connection, std::uint32_t expiry_s);
  // The connection is gone; a persistent session waits, any other ends.
  void detach();
  [[nodiscard]] const std::shared_ptr<ClientConnection>& connection() const { return connection_; }
  void set_expiry(std::uint32_t expiry_s) { expiry_s_ = expiry_s; }
  // Unsubscribes, forgets and erases everything; the will, if it waits, is due.
  void end();
  [[nodiscard]] bool ended() const { return ended_; }
  void save();  // the session record, into this turn's state

  [[nodiscard]] const PermissionsPtr& permissions();  // of the newest generation

  // --- rights that were taken away (rights_review.cpp)
  // The user it belongs to was deleted; one made later by the same name is another one.
  [[nodiscard]] bool user_is_gone() const;
  [[nodiscard]] bool has_lost_terms() const;
  // Ends it without its will: nothing is left for whoever comes by that name later.
  void end_with_user();
  // Of its subscriptions those that no allow covers.
  [[nodiscard]] std::vector<std::string> uncovered_by(const Permissions& permissions) const;
  // Drops them. Returns how many.
  std::size_t drop_uncovered(const Permissions& permissions);
  // Whether it can be said what policies mean for it while its client is away. Without an address,
  // a listener or the rules of its token nobody can: CONNECT looks then.
  [[nodiscard]] bool is_known_while_away() const;

  // Into this turn's state: what of its subscriptions is not finished, as far as it has come.
  void save_unfinished();

  // --- subscriptions; `name` is the filter as the client wrote it
  // `condition`: of `$where`; none: every message. `user_properties`: there is room for them.
  [[nodiscard]] Result<bool> subscribe(Subscription subscription, ConditionPtr condition = nullptr,
                                       UserPropertiesPtr user_properties = nullptr);
  bool unsubscribe(std::string_view name);
  // Whether one filter more of that length stays within kSessionFilterBytes.
  [[nodiscard]] bool has_room_for_filter(std::size_t bytes) const {
    return filter_bytes_ + bytes <= kSessionFilterBytes;
  }
  void wake_groups();   // this member is there and takes messages
  void leave_groups();  // it is not there any more
  [[nodiscard]] const std::vector<Subscription>& subscriptions() const { return subscriptions_; }
  [[nodiscard]] const Subscription* find_subscription(std::string_view name) const;
  // Null where it has none.
  [[nodiscard]] const SubscriptionCondition* condition_of(const Subscription& subscription) const {
    if (!subscription.options.has_condition || !rare_) return nullptr;
    const auto it = rare_->conditions.find(subscription.name);
    return it == rare_->conditions.end() ? nullptr : it->second.get();
  }
  // Of the SUBSCRIBE; null where it had none (subscribe_properties.cpp).
  [[nodiscard]] UserPropertiesPtr user_properties_of(std::string_view name) const;
  // Whether a subscription of that name may keep them.
  [[nodiscard]] bool has_room_for_properties(std::string_view name,
                                             const std::string& properties) const;
  [[nodiscard]] std::size_t conditions() const { return rare_ ? rare_->conditions.size() : 0; }
  // From delivery: something that the subscription had not finished is done.
  void note_finished(std::string_view name);
  void release_queue(std::string_view name);  // which was kept for what was left over

  // --- publishes of QoS 2 from the client that it has not released yet. [MQTT-4.3.3-10]
  [[nodiscard]] bool is_incoming(std::uint16_t packet_id) const {
    return rare_ && rare_->incoming.contains(packet_id);
  }
  void add_incoming(std::uint16_t packet_id, store::Batch& batch);
  bool release_incoming(std::uint16_t packet_id);

  // --- will
  std::unique_ptr<WillMessage> will;
  void forget_will();  // a clean DISCONNECT. [MQTT-3.14.4-3]
  void send_will();    // at once
  void save_will();

  // --- after a restart, before anything runs
  [[nodiscard]] Result<void> restore_subscription(Subscription subscription, Unfinished unfinished,
                                                  ConditionPtr condition,
                                                  UserPropertiesPtr user_properties);
  void restore_incoming(std::uint16_t packet_id) { rare().incoming.insert(packet_id); }
  void restore(std::uint32_t expiry_s, std::int64_t created_ms, std::optional<std::string> user_id);
  // Nothing is left of the session but its will.
  void restore_for_will(std::chrono::seconds grace) {
    expiry_s_ = static_cast<std::uint32_t>(grace.count());
    only_will_ = true;
  }
  [[nodiscard]] bool only_will() const { return only_will_; }
  void start_waiting(std::chrono::milliseconds will_grace);  // as after detach()

 private:
  using Subscriptions = std::vector<Subscription>;  // by name
  [[nodiscard]] Subscriptions::const_iterator place_of(std::string_view name) const;
  [[nodiscard]] ConditionPtr find_condition(std::string_view name) const;
  void keep_condition(std::string_view name, ConditionPtr condition);
  void keep_user_properties(std::string_view name, UserPropertiesPtr properties);
  void keep(Subscription subscription);
  void save(const Subscription& subscription);
  void refresh_queues();
  // What most sessions do not have, or not for long.
  struct Rare {
    std::set<std::uint16_t> incoming;                             // packet ids
    std::map<std::string, ConditionPtr, std::less<>> conditions;  // by the subscription's name
    std::map<std::string, UserPropertiesPtr, std::less<>> user_properties;  // likewise
    std::uint32_t property_bytes = 0;  // theirs, with the names
  };
  [[nodiscard]] Rare& rare() {
    if (!rare_) rare_ = std::make_unique<Rare>();
    return *rare_;
  }
  void drop_rare_if_empty();
  void stop_will_timer();
  void on_deadline() override;  // of the session itself

  // There may be a million of them: what few need stands behind a pointer.
  Worker& worker_;
  const std::uint64_t number_;
  ClientPtr client_;
  std::string user_id_;         // empty: begun while the switch was off
  bool knows_user_id_ = false;  // otherwise the name decides
  bool ended_ = false;
  bool saved_ = false;
  bool only_will_ = false;
  std::uint32_t expiry_s_ = 0;
  std::uint32_t filter_bytes_ = 0;  // of the names in subscriptions_
  std::int64_t created_ms_ = 0;
  std::shared_ptr<ClientConnection> connection_;
  PermissionsPtr permissions_;
  std::uint64_t permissions_generation_ = 0;
  Subscriptions subscriptions_;
  std::unique_ptr<Rare> rare_;
  std::unique_ptr<Timers::Id> will_timer_;  // of one that waits
  Delivery delivery_;
};

}  // namespace sluice::broker
