#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/cursor_tracker.hpp"
#include "broker/delivery.hpp"
#include "broker/filter_table.hpp"
#include "broker/group_strategy.hpp"
#include "broker/limits.hpp"

namespace sluice::broker {

class Worker;
enum class Progress : std::uint8_t;

// What a strategy remembers.
struct GroupChoices {
  std::uint64_t random = 0;
  const Session* sticky = nullptr;
  // By hash of the key, as long as the members stay the same. Nobody: none is connected.
  std::unordered_map<std::uint64_t, std::optional<std::size_t>> by_key;
  std::unordered_map<std::uint64_t, const Session*> holders;  // by position, with LeastInFlight
};

// Of a group with a member that has a condition. Each message is asked about once, when it is first
// to be handed out, and what comes of it is kept until it is.
struct GroupConditions {
  std::unordered_map<const Session*, ConditionPtr> by_member;
  std::vector<ConditionPtr> different;
  std::unordered_map<std::uint64_t, std::uint64_t> accepted;  // by position: a bit for each of them
  std::size_t passed_over = 0;                                // since the pump began
  bool is_put_off = false;                                    // in ConditionTurns
};

// One shared subscription: one cursor over one filter, many members, each message to one of them.
// MQTT 5.0 §4.8.2. Which one says the strategy (group_choice.cpp); it has to have room. What a
// member did not acknowledge goes to another when it leaves.
//
// Threads: its worker's own (the worker of its key); member calls and answers cross by post.
class SharedGroup : public std::enable_shared_from_this<SharedGroup> {
 public:
  SharedGroup(Worker& worker, std::string name, std::string filter);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& filter() const { return filter_; }
  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] std::string subscription_name() const { return "$share/" + name_ + '/' + filter_; }
  [[nodiscard]] Worker& worker() { return worker_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }  // grows with each that is made
  [[nodiscard]] static std::string key_of(std::string_view name, std::string_view filter);

  // Opens the queue and begins at `cursor`, or at the queue's creation where there is none.
  [[nodiscard]] Result<store::Position> open(const store::Cursor* cursor);
  // Its last member has left: it hands out nothing more. One of that name that is made before
  // close() gets all that comes from here on. Any thread.
  void end() { ended_.store(true, std::memory_order_relaxed); }
  void close();  // no member is left: queue, cursor and record go

  void add_member(const SessionPtr& session, SubscriptionOptions options, ConditionPtr condition);
  void remove_member(const Session& session);
  [[nodiscard]] bool empty() const { return members_.empty(); }
  [[nodiscard]] std::size_t member_count() const { return members_.size(); }

  // From any thread: crosses to the group's worker.
  void acknowledge(store::Position position) { acknowledge(position, nullptr); }
  // `when_durable` runs once the cursor that says so is on disk, on the group's worker.
  void acknowledge(store::Position position, std::function<void()> when_durable);
  void give_back(store::Position position, model::MessagePtr message);
  void member_has_room(const Session& session);
  void member_left(const Session& session);  // its connection is gone
  void set_strategy(GroupStrategy strategy, std::chrono::seconds latency);
  void go_on();  // it was put off, until there is time for its conditions
  // From dispatch, on its own worker: messages that were just appended. Runs arrive in log order.
  void offer(const Delivery::Run& run);

  // Up to here its queue is not needed. Any thread; may lag behind.
  [[nodiscard]] store::Position low() const {
    return store::Position(low_.load(std::memory_order_relaxed));
  }
  void write_cursor(store::Batch& batch);
  [[nodiscard]] bool cursor_is_marked() const { return cursor_marked_; }
  void mark_cursor() { cursor_marked_ = true; }
  void restore_member(const SessionPtr& session, SubscriptionOptions options,
                      ConditionPtr condition) {
    members_.push_back({.session = session, .options = options});
    set_condition(*session, std::move(condition));
  }
  void restore_handed_out(store::Position position) {
    if (position > tracker_.read()) tracker_.hand_out(position);  // else it was acknowledged
  }
  [[nodiscard]] boost::json::array member_ids(std::size_t most) const;
  [[nodiscard]] std::vector<SessionPtr> member_sessions() const;
  [[nodiscard]] GroupStrategy strategy() const { return strategy_.load(); }
  [[nodiscard]] std::uint64_t lag() const;
  [[nodiscard]] UncountedLag uncounted_lag() const;  // subscription_counts.cpp
  [[nodiscard]] Progress progress_of(store::Position position) const;

 private:
  static constexpr std::size_t kFetch = 256;  // messages read ahead for the members
  struct Member {
    SessionPtr session;
    SubscriptionOptions options;
    bool has_room = true;
    bool is_there = false;    // its client is connected, as far as the group knows
    bool takes_part = false;  // as is_there, with a hash strategy after its latency
    std::chrono::steady_clock::time_point changed_at{};  // that it is there or not
    std::size_t in_flight = 0;                           // of this group; with LeastInFlight alone
  };
  template <class Work>
  void on_worker(Work work);
  [[nodiscard]] bool hands_out() const {
    return open_.load(std::memory_order_acquire) && !ended_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool nothing_waits() const;
  void pump();
  void pump_in_order();
  void pump_by_key();
  [[nodiscard]] bool hand_out_fetched();
  bool hand_out(const model::MessagePtr& message);
  bool hand_out_by_strategy(const model::MessagePtr& message);
  bool hand_out_by_turns(const model::MessagePtr& message);
  bool hand_out_by_key(const model::MessagePtr& message);
  bool hand_out_to_least(const model::MessagePtr& message);
  // --- conditions of members (group_conditions.cpp)
  void set_condition(const Session& session, ConditionPtr condition);
  [[nodiscard]] bool accepts(const Member& member, const model::Message& message);
  [[nodiscard]] std::uint64_t judged(const model::Message& message);
  [[nodiscard]] bool passes_over(const model::MessagePtr& message);
  [[nodiscard]] bool has_passed_enough() const;
  // There is no time left to ask about the message in this turn.
  [[nodiscard]] bool has_no_time_for(const model::Message& message) const;
  void put_off();
  [[nodiscard]] bool goes_past() const { return is_keyed(strategy()) || conditions_ != nullptr; }
  [[nodiscard]] Member* member_for(const model::Message& message);
  [[nodiscard]] std::optional<std::size_t> sticky_member(const model::Message& message);
  [[nodiscard]] std::optional<std::size_t> drawn_member(const model::Message& message,
                                                        std::uint64_t hash);
  [[nodiscard]] std::optional<std::size_t> member_for_key(std::string_view key,
                                                          const model::Message& message);
  // --- who has which share (group_choice.cpp)
  void note_presence(Member& member, bool is_there);
  [[nodiscard]] bool some_take_part() const;
  void settle_shares(std::chrono::seconds latency);
  void settle_shares_later();
  void note_change_of_members();
  void no_longer_held(store::Position position);
  bool offer(Member& member, const model::MessagePtr& message);
  void fetch();
  void load_given_back();
  void try_again_later();  // a read failed
  void broker_lost(std::uint64_t count);

  Worker& worker_;
  const std::uint64_t number_;
  const std::string name_;
  const std::string filter_;
  const std::string key_;
  store::QueueId queue_;
  std::atomic<bool> open_{false};
  std::atomic<bool> ended_{false};
  CursorTracker tracker_;
  std::atomic<std::uint64_t> low_{0};
  std::vector<Member> members_;
  std::atomic<GroupStrategy> strategy_;
  std::chrono::seconds latency_;
  bool settles_later_ = false;
  std::size_t next_ = 0;
  std::unique_ptr<GroupChoices> choices_;        // of other strategies than RoundRobin
  std::unique_ptr<GroupConditions> conditions_;  // mostly none
  bool reading_ = false;
  bool at_tail_ = false;
  bool cursor_marked_ = false;  // on the worker's list of cursors to write
  bool pumping_ = false;
  std::map<store::Position, model::MessagePtr> given_back_;  // none: to be read again
  std::vector<model::MessagePtr> fetched_;  // read, not handed out: at most one read's worth
  std::size_t fetched_next_ = 0;
};

}  // namespace sluice::broker
