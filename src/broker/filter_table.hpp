#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/container/flat_map.hpp>

#include "broker/conditions.hpp"
#include "broker/filter_tree.hpp"
#include "broker/publish_limit.hpp"
#include "broker/queues.hpp"
#include "mqtt/packet.hpp"
#include "store/store.hpp"

namespace sluice::broker {

class Session;
class SharedGroup;
using SessionPtr = std::shared_ptr<Session>;
using SharedGroupPtr = std::shared_ptr<SharedGroup>;

// Who came first gets first: not an order of addresses, which would be another one in each run.
struct ByAge {
  bool operator()(const Session* one, const Session* other) const;
  bool operator()(const SharedGroup* one, const SharedGroup* other) const;
};

// How one session wants what matches one filter.
struct SubscriptionOptions {
  mqtt::Qos qos = mqtt::Qos::AtMostOnce;
  bool no_local = false;
  // There may be very many: whether it has a condition, which stands elsewhere, takes no room.
  bool retain_as_published : 1 = false;
  bool has_condition : 1 = false;
  bool is_mail : 1 = false;           // the server made it, for what is addressed to the client
  bool lacks_properties : 1 = false;  // its SUBSCRIBE had user properties that are not kept
  std::uint8_t retain_handling = 0;
  std::uint32_t identifier = 0;  // 0: none
};

// One session that is to get a message once, however many of its filters match: the highest QoS,
// every identifier. [MQTT-3.3.4-2] [MQTT-3.3.4-3]
struct Receiver {
  SessionPtr session;
  mqtt::Qos qos = mqtt::Qos::AtMostOnce;
  bool retain_as_published = false;
  bool no_local = false;       // every matching subscription says so
  bool some_no_local = false;  // one of them does: what the client published counts without it
  std::vector<std::uint32_t> identifiers;
};

// One session of whose matching subscriptions at least one has a condition: by which of them it is
// to get a message is known with the message.
struct ChoosyReceiver {
  struct Wish {
    SubscriptionOptions options;
    ConditionPtr condition;  // none: any message
  };
  SessionPtr session;
  mqtt::Qos qos = mqtt::Qos::AtMostOnce;  // the highest
  std::vector<Wish> wishes;
};

// All that is to happen with a message on one topic.
struct Match {
  struct OnWorker {
    std::vector<Receiver> receivers;
    std::vector<SharedGroupPtr> groups;
    std::unique_ptr<std::vector<ChoosyReceiver>> choosy;  // mostly none
    [[nodiscard]] bool empty() const { return receivers.empty() && groups.empty() && !choosy; }
    [[nodiscard]] std::size_t sessions() const {
      return receivers.size() + (choosy ? choosy->size() : 0);
    }
  };
  std::vector<store::QueueId> queues;                             // in which the message is indexed
  std::vector<std::shared_ptr<const std::string>> queue_filters;  // theirs, for trim()
  std::vector<PublishLimitPtr> limits;                            // of those queues; mostly none
  std::vector<OnWorker> workers;                                  // by index of the worker
  std::size_t topic_levels = 0;
  [[nodiscard]] bool nobody() const;
};
using MatchPtr = std::shared_ptr<const Match>;

// Which filters exist, who subscribed to them, and the queue of each that somebody must not miss.
//
// Owns:    the tree of filters; opens and drops queues of the store.
// Threads: every call from any thread. subscribe and acquire may open a queue in the store, which
//          only touches memory and the log's order.
class FilterTable final : public Queues {
 public:
  FilterTable(store::Store& store, std::size_t workers);

  // Adds or replaces the session's subscription to the filter. Returns the filter's queue if the
  // session needs it, otherwise kNoQueue: with QoS 0 only while it has something left to read there
  // (`keeps_queue`).
  Result<store::QueueId> subscribe(std::string_view filter, const SessionPtr& session,
                                   std::size_t worker, SubscriptionOptions options, bool persistent,
                                   bool keeps_queue = false, ConditionPtr condition = nullptr);
  void unsubscribe(std::string_view filter, const Session& session);
  Result<store::Store::OpenedQueue> join(std::string_view filter, const SharedGroupPtr& group,
                                         std::size_t worker, bool persistent);
  void leave(std::string_view filter, const SharedGroup& group);

  [[nodiscard]] Result<store::Store::OpenedQueue> acquire(std::string_view filter) override;
  void release(std::string_view filter) override;
  [[nodiscard]] Result<void> settle() override { return settle_ ? settle_() : Result<void>(); }
  [[nodiscard]] std::unique_ptr<Brake> brake(std::string_view filter,
                                             std::function<void()> on_held) override;
  // Runs on any thread when there may be room for who is held back; set before there are brakes.
  void set_room_listener(std::function<void()> listener) { room_listener_ = std::move(listener); }
  // Waits for the turn of each worker; set by the broker before there are any.
  void set_settle(std::function<Result<void>()> settle) { settle_ = std::move(settle); }

  // After a restart, when every owner has acquired: queues that nobody came back for are dropped.
  [[nodiscard]] Result<void> drop_unclaimed();

  // Tells the store what none of the filter's readers needs any more. Queues that a task reads are
  // left to retention.
  void trim(std::string_view filter);

  // What sessions and groups still need of their queues, for retention.
  [[nodiscard]] std::vector<store::Hold> holds();

  [[nodiscard]] MatchPtr match(std::string_view topic);
  // Sessions and groups with a filter that matches the topic; who has several stands there as
  // often. Nothing: there are more than `most`.
  struct Readers {
    std::vector<SessionPtr> sessions;
    std::vector<SharedGroupPtr> groups;
  };
  [[nodiscard]] std::optional<Readers> readers_of(std::string_view topic, std::size_t most);
  // From now on `{first}/p2p/{clientId}` is matched by the filter of that client's mail alone.
  void set_point_to_point(bool on);
  // Of a message that is for nobody: it stands in the log, and in no queue.
  [[nodiscard]] const MatchPtr& nobody() const { return nobody_; }
  // Whether anybody has subscribed to a topic that begins with `$`. Any thread, one load.
  [[nodiscard]] bool some_dollar_filter() const {
    return dollar_filters_.load(std::memory_order_relaxed) > 0;
  }
  // Runs when somebody subscribes to `$SYS/...`, with the table locked: may only leave word. Set
  // before there is anybody.
  void set_statistics_listener(std::function<void()> subscribed) {
    statistics_listener_ = std::move(subscribed);
  }
  // Grows with every change: a match of an older version is to be made again.
  [[nodiscard]] std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  [[nodiscard]] std::size_t size() const;

 private:
  struct Subscriber {
    SessionPtr session;
    SubscriptionOptions options;
    std::uint16_t worker = 0;
    bool persistent = false;
    bool reads = false;  // the queue
  };
  struct BySession {
    using is_transparent = void;
    bool operator()(const Subscriber& one, const Subscriber& other) const {
      return ByAge()(one.session.get(), other.session.get());
    }
    bool operator()(const Subscriber& one, const Session* other) const {
      return ByAge()(one.session.get(), other);
    }
    bool operator()(const Session* one, const Subscriber& other) const {
      return ByAge()(one, other.session.get());
    }
  };
  struct GroupEntry {
    SharedGroupPtr group;
    std::size_t worker = 0;
    bool persistent = false;
  };
  // There may be a million of them, each with one subscriber, or one with a million.
  struct Entry {
    std::shared_ptr<const std::string> filter;
    std::set<Subscriber, BySession> subscribers;
    boost::container::flat_map<const SharedGroup*, GroupEntry, ByAge> groups;
    std::uint32_t acquired = 0;  // by tasks
    // Subscribers and groups that read the queue: counted, as a filter may have a million of them.
    std::uint32_t persistent_readers = 0;
    std::uint32_t volatile_readers = 0;
    // A filter may have both: one that must survive, and one for those who are gone with the
    // process.
    store::QueueId persistent_queue = store::kNoQueue;
    store::QueueId volatile_queue = store::kNoQueue;
  };
  Entry& entry(std::string_view filter);
  void note_reader(std::string_view filter) const;
  Result<store::Store::OpenedQueue> open(Entry& entry, bool persistent);
  Result<store::QueueId> queue_of(Entry& entry, bool persistent);
  void drop_what_nobody_needs(Entry& entry);
  // How far all readers of each queue have come; nothing where there is none.
  struct Lows {
    std::optional<store::Position> persistent;
    std::optional<store::Position> in_memory;
  };
  [[nodiscard]] static Lows lows_of(const Entry& entry);
  static void count(Entry& entry, const Subscriber& subscriber, bool added);
  using Seen = std::unordered_map<const Session*, std::size_t>;  // index among the receivers
  static void add_receivers(const Entry& entry, Match& match, Seen& seen, bool may_repeat);
  class FilterBrake;
  void set_condition(const Entry& entry, const Session& session, ConditionPtr condition);
  [[nodiscard]] ConditionPtr condition_of(const Entry& entry, const Session& session) const;
  void choose_with_conditions(const std::vector<const Entry*>& entries, Match& match) const;

  store::Store& store_;
  const std::size_t workers_;
  MatchPtr nobody_;
  std::atomic<bool> point_to_point_{false};
  mutable std::shared_mutex mutex_;
  FilterTree<Entry> tree_;
  std::map<std::pair<const Entry*, const Session*>, ConditionPtr> conditions_;
  std::atomic<std::uint64_t> version_{1};
  std::function<Result<void>()> settle_;
  std::multimap<const Entry*, PublishLimitPtr> limits_;
  std::function<void()> room_listener_;
  std::atomic<std::uint32_t> dollar_filters_{0};  // that begin with `$`, in tree_
  std::function<void()> statistics_listener_;
};

}  // namespace sluice::broker
