#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/background_queue.hpp"
#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/line_limit.hpp"
#include "base/recent_map.hpp"
#include "base/threads.hpp"
#include "broker/access_control.hpp"
#include "broker/client_subscription.hpp"
#include "broker/counters.hpp"
#include "broker/drain.hpp"
#include "broker/filter_table.hpp"
#include "broker/intake.hpp"
#include "broker/limits.hpp"
#include "broker/memory_bounds.hpp"
#include "broker/outside_message.hpp"
#include "broker/publish_pace.hpp"
#include "broker/retained.hpp"
#include "broker/session_counts.hpp"
#include "broker/tracer.hpp"
#include "broker/will.hpp"
#include "mqtt/packet.hpp"
#include "store/store.hpp"

namespace sluice::broker {

class AutoSubscriptions;
class BlockRules;
class EnrichmentRules;
class MadeGroups;
class Session;
class SharedGroup;
class Statistics;
class Worker;
struct Subscription;

// Everything between the protocol and the log: sessions, subscriptions, groups, retained messages,
// wills, access control, dispatch, delivery. Knows neither sockets nor Kafka.
//
// Owns:    the workers (one thread each), the thread that reads files for them.
// Threads: construction, load(), start() and stop() from one thread; the rest as each call says.
class Broker final : public Intake {
 public:
  struct Options {
    std::size_t workers = 1;
    Limits limits;
    std::vector<ListenerLimits> listener_limits = {};
    bool deliver_after_durable = false;
    // What a subscription that no policy allows is answered with; UnspecifiedError tells nothing.
    mqtt::ReasonCode refused_subscription = mqtt::ReasonCode::NotAuthorized;
    std::string node_name = "sluice-1";  // as events and statistics show it
    std::string version = {};
    Threads* threads = &system_threads();  // of the readers of files; outlive the broker
  };
  Broker(store::Store& store, AccessControl& access, const Clock& clock,
         metrics::Registry& registry, Options options);
  ~Broker() override;
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  // Brings back sessions, subscriptions, groups, retained messages and wills. Before start().
  [[nodiscard]] Result<void> load();
  void start();  // the workers' threads
  // DISCONNECT 0x8B to everybody, cursors written, threads ended.
  void stop();
  [[nodiscard]] bool is_stopping() const { return stopping_.load(std::memory_order_relaxed); }

  // The worker on which a client's session lives. Any thread.
  [[nodiscard]] Worker& worker_of(std::string_view client_id);
  [[nodiscard]] Worker& worker(std::size_t index) { return *workers_[index]; }
  [[nodiscard]] std::size_t worker_count() const { return workers_.size(); }

  // What subscribers may be sent: all that is ordered, or only what no crash can take back.
  [[nodiscard]] store::Visibility visibility() const {
    return options_.deliver_after_durable ? store::Visibility::Durable : store::Visibility::Ordered;
  }

  // --- the publish path (publish_path.cpp); from the worker's thread
  [[nodiscard]] mqtt::ReasonCode may_publish(Session& session, const mqtt::Publish& publish);
  void publish(Worker& worker, const Client& client, const mqtt::Publish& publish,
               const MatchPtr& match);
  void publish_will(Worker& worker, const std::string& client_id, const WillMessage& will);
  // The records of these topics, as their newest messages say now; returns the end of what was
  // appended. Errors: as Store::append().
  [[nodiscard]] Result<store::Position> record_retained(
      std::span<const model::MessagePtr> appended);
  // Delayed messages wait in memory: whether one more may.
  [[nodiscard]] bool has_room_for_delayed(std::size_t bytes) const;
  void count_delayed(int how_many, std::size_t bytes);  // 1 or -1
  // Whether a topic may have a retained message of so many bytes. What has expired makes room.
  [[nodiscard]] bool has_room_for_retained(std::string_view topic, std::size_t bytes);
  // Into the batch of the message, of QoS 2: when the client sends that again after a crash, it is
  // known and nothing more becomes of it.
  void keep_retained(Worker& worker, const Client& client, const mqtt::Publish& publish);

  // --- groups
  [[nodiscard]] Result<void> join_group(const SessionPtr& session, const Subscription& subscription,
                                        const ConditionPtr& condition, bool is_new);
  void leave_group(const SessionPtr& session, const Subscription& subscription);
  [[nodiscard]] Result<void> restore_member(const SessionPtr& session,
                                            const Subscription& subscription,
                                            const ConditionPtr& condition);
  [[nodiscard]] SharedGroupPtr find_group(std::string_view key);
  [[nodiscard]] GroupStrategy group_strategy(std::string_view group) const;
  // Whether a name is the group of a task, which clients may not join; set by app.
  void set_task_groups(std::function<bool(std::string_view)> owns) {
    owns_group_ = std::move(owns);
  }
  [[nodiscard]] bool is_task_group(std::string_view group) const {
    return owns_group_ && owns_group_(group);
  }

  [[nodiscard]] MadeGroups& made_groups() { return *made_groups_; }

  // --- files, read on a thread of their own; `done` runs on the worker
  void read_on_pool(Worker& worker, std::vector<store::QueueId> queues, store::ReadRequest request,
                    std::function<void(Result<store::ReadResult>)> done);
  // One for each position, in order.
  struct Loaded {
    model::MessagePtr message;  // none: it is not there any more, or it cannot be read
    bool is_damaged = false;
    bool is_unread = false;  // the read failed for a reason that may pass
  };
  void load_on_pool(Worker& worker, std::vector<store::Position> positions,
                    std::function<void(const std::vector<Loaded>&)> done);
  // Messages that `consumer` will never get, because they are damaged on the disk.
  void note_damaged(std::string_view consumer, std::span<const store::Position> positions);

  // What rules subscribe a client to that connects, and the filter of its mail, into this turn's
  // state. Returns those that bring retained messages.
  [[nodiscard]] std::vector<std::string> subscribe_at_connect(Session& session);
  void keep_mail_filter(Session& session);

  // By the user that counts for a session's limit.
  [[nodiscard]] SessionCounts& session_counts() { return session_counts_; }
  [[nodiscard]] std::string_view counted_user(const Client& client) const {
    return access_.enabled() ? std::string_view(client.username) : std::string_view();
  }
  // Of sessions and groups, in the order in which they come. Any thread.
  [[nodiscard]] std::uint64_t next_number() {
    return last_number_.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  [[nodiscard]] store::Store& store() { return store_; }
  [[nodiscard]] AccessControl& access() { return access_; }
  [[nodiscard]] const Clock& clock() const { return clock_; }
  // The newest limits. The reference stays valid as long as the broker: a connection keeps those of
  // its CONNECT, because they were promised in CONNACK.
  [[nodiscard]] const Limits& limits() const {
    return limits_.load(std::memory_order_acquire)->common;
  }
  [[nodiscard]] const Limits& limits(ListenerName listener) const;  // for its clients
  void set_limits(const Limits& limits);                            // any thread
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] FilterTable& filters() { return filters_; }
  [[nodiscard]] const Conditions& conditions() const { return conditions_; }
  // As Conditions::compile(), within the limits. Any thread.
  [[nodiscard]] Result<ConditionPtr> compile_condition(std::string_view text);
  [[nodiscard]] Retained& retained() { return retained_; }
  [[nodiscard]] BlockRules& block_rules() { return *block_rules_; }
  [[nodiscard]] EnrichmentRules& enrichment_rules() { return *enrichment_rules_; }
  [[nodiscard]] AutoSubscriptions& auto_subscriptions() { return *auto_subscriptions_; }
  [[nodiscard]] Counters& counters() { return counters_; }
  [[nodiscard]] const MemoryBounds& memory() const { return memory_; }
  [[nodiscard]] Tracer& tracer() { return tracer_; }
  // How many clients wait for room in the back-log of a task. Any thread.
  [[nodiscard]] std::atomic<std::size_t>& waiting_for_room() { return *waiting_for_room_; }
  // For what clients can make the log say again and again. Any thread.
  [[nodiscard]] LineLimit& client_lines() { return client_lines_; }

  // Runs when every message that was received before has its place in the log and is durable. Any
  // thread; `work` runs on a worker.
  void when_settled(std::function<void()> work);

  // What another part of the server has to tell, as a message: `$events/...`. Costs one load while
  // nobody is subscribed to any. Any thread; does not wait. `subject`: as in Events::add_state().
  void tell_event(std::string subject, std::string topic, boost::json::object event);
  class EventListener* event_listener = nullptr;  // set before start()

  // --- for administration, from any thread but a worker's: asks each worker and waits
  [[nodiscard]] boost::json::object overview();
  // Sends the clients that are connected to another server, so many a second. Returns how many.
  std::size_t drain(const Redirect& to, double per_second);
  // Publishes as if a client had; durable when this returns (outside_publish.cpp).
  [[nodiscard]] Outcome<Published> publish_from_outside(const OutsideMessage& message);
  // As Intake says; any thread (outside_batch.cpp).
  void publish_all(Messages messages, Done done) override;
  // What a client is subscribed to; one more, if its rights cover it; one less. Durable when they
  // return. Not from a worker's thread (client_subscriptions.cpp).
  [[nodiscard]] Outcome<boost::json::array> subscriptions_of(const std::string& client_id);
  [[nodiscard]] Outcome<boost::json::object> subscribe_client(const std::string& client_id,
                                                              const ClientSubscription& wanted);
  [[nodiscard]] Outcome<void> unsubscribe_client(const std::string& client_id,
                                                 const std::string& filter);
  // One client; disconnected, with its session kept and its will sent; its session ended, with all
  // that waits for it: durable when this returns (client_administration.cpp).
  [[nodiscard]] Outcome<boost::json::object> client(const std::string& client_id);
  [[nodiscard]] Outcome<boost::json::object> disconnect_client(const std::string& client_id);
  [[nodiscard]] Outcome<void> end_client_session(const std::string& client_id);
  // Without those whose time is over. One less: nobody is sent anything, durable when this returns.
  [[nodiscard]] const Retained& unexpired_retained();
  [[nodiscard]] Outcome<void> remove_retained(const std::string& topic);
  // For each group and filter that clients are in: how many, what waits. `only`: of one group, with
  // the client ids of its members.
  [[nodiscard]] boost::json::array groups_in_use(const std::optional<std::string>& only);
  // Ends all subscriptions in it; durable when this returns.
  [[nodiscard]] Result<void> end_group(const std::string& name);
  // The sessions and groups that are to get a message and how far each is: arrays `sessions` and
  // `groups`, at most kMostConsumers in each; `more` says how many are left out.
  static constexpr std::size_t kMostConsumers = 500;
  [[nodiscard]] boost::json::object consumers_of(const model::Message& message);

 private:
  struct GroupEntry {
    SharedGroupPtr group;
    std::size_t members = 0;
    // Of the members that have one: only so many different ones may be in a group.
    std::map<const Session*, ConditionPtr> conditions;
    [[nodiscard]] bool has_room_for(const ConditionPtr& condition) const;
  };
  void choose_strategies();
  void review_rights();
  static void note_condition(GroupEntry& entry, const Session& session,
                             const ConditionPtr& condition);
  using Groups = std::map<std::string, GroupEntry, std::less<>>;
  [[nodiscard]] Worker& worker_of_group(std::string_view key);
  class Restored;
  [[nodiscard]] Result<void> load_sessions(Restored& restored);
  [[nodiscard]] Result<void> load_subscriptions(Restored& restored);
  [[nodiscard]] Result<void> load_deliveries(Restored& restored);
  [[nodiscard]] Result<void> load_retained();
  bool drop_expired_retained();
  bool forget_expired_retained();  // the caller holds the records
  [[nodiscard]] Result<void> load_delayed();
  [[nodiscard]] Result<model::MessagePtr> find_place(const model::MessagePtr& retained);
  [[nodiscard]] Result<void> load_wills();
  void end_sessions_without_user();
  struct Ticket;
  class BatchTicket;
  void publish_batch_on(Worker& worker, const std::shared_ptr<BatchTicket>& ticket);
  void publish_one(Worker& worker, const OutsideMessage& message);
  void publish_on(Worker& worker, const OutsideMessage& message,
                  const std::shared_ptr<Ticket>& ticket);
  [[nodiscard]] std::optional<Refusal> refuse_outside(Worker& worker,
                                                      const OutsideMessage& message);
  [[nodiscard]] std::optional<Refusal> refuse_user(Worker& worker, const OutsideMessage& message);
  [[nodiscard]] bool is_due(const Client& client);
  void ask_workers(const std::function<void(Worker&)>& question);
  [[nodiscard]] Result<void> settle();

  store::Store& store_;
  AccessControl& access_;
  const Clock& clock_;
  const Options options_;
  Guarded<RecentMap<PublishPace>> user_paces_{kPacedUsers};  // of who publishes by REST
  struct LimitSet {
    Limits common;
    std::vector<std::pair<ListenerName, Limits>> own;  // of listeners that have their own
  };
  Guarded<std::vector<std::unique_ptr<const LimitSet>>> every_limits_;  // since the start
  std::atomic<const LimitSet*> limits_{nullptr};
  Counters counters_;
  // Also looked at by whoever asks for metrics last.
  std::shared_ptr<std::atomic<std::size_t>> waiting_for_room_ =
      std::make_shared<std::atomic<std::size_t>>(0);
  Tracer tracer_;
  LineLimit client_lines_;
  Conditions conditions_;
  FilterTable filters_;
  Retained retained_;
  const MemoryBounds memory_;
  Guarded<Groups> groups_;
  SessionCounts session_counts_;
  std::atomic<std::size_t> delayed_{0};
  std::atomic<std::size_t> delayed_bytes_{0};
  std::function<bool(std::string_view)> owns_group_;
  std::atomic<std::uint64_t> last_number_{0};
  std::atomic<bool> stopping_{false};
  std::unique_ptr<Statistics> statistics_;
  std::unique_ptr<BlockRules> block_rules_;
  std::unique_ptr<AutoSubscriptions> auto_subscriptions_;
  std::unique_ptr<EnrichmentRules> enrichment_rules_;
  std::unique_ptr<MadeGroups> made_groups_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  BackgroundQueue readers_{*options_.threads};
  std::uint64_t durable_listener_ = 0;
};

}  // namespace sluice::broker
