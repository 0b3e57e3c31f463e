#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/event_loop.hpp"
#include "broker/answers.hpp"
#include "broker/condition_turns.hpp"
#include "broker/conditions.hpp"
#include "broker/delayed.hpp"
#include "broker/delivery.hpp"
#include "broker/drain.hpp"
#include "broker/due_wills.hpp"
#include "broker/events.hpp"
#include "broker/filter_table.hpp"
#include "broker/link.hpp"
#include "broker/publish_memo.hpp"
#include "broker/rights_review.hpp"
#include "broker/sorted_blocks.hpp"
#include "broker/waiting_for_room.hpp"
#include "broker/wire_forms.hpp"
#include "mqtt/packet.hpp"
#include "store/store.hpp"

namespace sluice::broker {

class Broker;
class ClientConnection;

// What one turn of one worker appended: handed to every worker that has a receiver for it.
struct Turn {
  store::BatchPtr batch;
  std::vector<const Match*> matches;  // by index of the message in the batch
  std::vector<MatchPtr> kept;         // each of them; neighbours are mostly the same one
  bool refused = false;               // by the log: nothing of it has a place
};
using TurnPtr = std::shared_ptr<const Turn>;

// One event loop and everything that lives on it: client connections, their sessions, groups.
//
// A turn: handle what is ready (sockets are read, packets handled) while messages and changes of
// state collect in two batches; append them; dispatch what was appended, here and on other workers;
// write every connection's output with one call. What waits for the disk waits in order behind the
// turn that it belongs to.
//
// Owns:    the event loop, the sessions by client id, the mailbox.
// Threads: run() is the worker's thread; post(), deliver() and wake_durable() from any; everything
//          else from the worker's own.
class Worker {
 public:
  Worker(Broker& broker, std::size_t index);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void run();   // until stop()
  void stop();  // any thread
  void post(std::function<void()> work);
  [[nodiscard]] bool is_current() const;  // called on the worker's own thread (or before run)
  [[nodiscard]] EventLoop& loop() { return loop_; }
  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] Broker& broker() { return broker_; }
  [[nodiscard]] Timers& timers() { return loop_.timers(); }
  [[nodiscard]] Deadlines& deadlines() { return loop_.deadlines(); }

  // One round of run() that does not wait, for tests.
  void run_round();
  // What follows the handlers that were ready, for tests and for the loop.
  void end_turn();

  // --- what packet handlers put into this turn
  [[nodiscard]] store::Batch& state();  // changes of small state
  // A publish to be appended with the turn; `acknowledge` is sent when it is durable, if QoS > 0.
  void publish(const store::NewMessage& message, const MatchPtr& match);
  void acknowledge_publish(const Answers::Answer& answer) { answers_.add(answer); }
  [[nodiscard]] store::Batch& publishing();  // the batch of publish(), to join state to a message
  // The same for state without a message whose acknowledgement waits for it.
  [[nodiscard]] store::Batch& publishing_state();
  // The same for the record of a message of the batch that is retained.
  [[nodiscard]] store::Batch& publishing_with_record();
  // It is in the log and is retained; its record is to follow.
  void note_retained(model::MessagePtr message) { retained_.push_back(std::move(message)); }
  // The turn of publish(); its batch stands in it once it is appended.
  [[nodiscard]] TurnPtr publishing_turn() const { return turn_; }
  // Runs when all that this turn has put so far is durable; not at all if the log closes.
  void when_durable(std::function<void()> work);
  // Cached until a filter changes; good until the next call.
  [[nodiscard]] const MatchPtr& match(std::string_view topic);
  // PUBLISH packets of this turn; into the counters at its end.
  struct Traffic {
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
  };
  [[nodiscard]] Traffic& traffic() { return traffic_; }
  [[nodiscard]] std::string& scratch() { return scratch_; }  // for one packet
  [[nodiscard]] PublishMemo& decisions() { return decisions_; }
  [[nodiscard]] ConditionJudge& judge() { return judge_; }
  [[nodiscard]] ConditionTurns& condition_turns() { return condition_turns_; }
  [[nodiscard]] DueWills& wills() { return wills_; }
  [[nodiscard]] DelayedMessages& delayed() { return delayed_; }
  [[nodiscard]] Events& events() { return events_; }
  [[nodiscard]] RightsReview& rights() { return rights_; }
  [[nodiscard]] Drain& drain() { return drain_; }
  [[nodiscard]] WaitingForRoom& room() { return room_; }

  // The log is behind: nothing more is read from clients until it has caught up.
  [[nodiscard]] bool stalled() const { return stalled_; }
  void when_flowing(std::function<void()> work);
  // More waits for the disk than is good: QoS 0 is dropped first.
  [[nodiscard]] bool log_is_busy() const { return log_is_busy_; }
  // Enough was read in this turn: append before more is read.
  [[nodiscard]] bool turn_is_full() const;

  // --- between workers
  void deliver(const TurnPtr& turn);  // called while the log's order is held
  void wake_durable();

  // --- output
  void mark_dirty(std::shared_ptr<Link> link);
  void mark_pump(const SessionPtr& session);
  void mark_cursor(Session& session, bool now);
  void mark_cursor(SharedGroup& group, bool now);

  // --- sessions of this worker
  [[nodiscard]] SessionPtr find_session(std::string_view client_id) const;
  // It has been counted for its user (Broker::session_counts).
  void add_session(const SessionPtr& session);
  void remove_session(std::string_view client_id);
  [[nodiscard]] const auto& sessions() const { return sessions_; }
  [[nodiscard]] const auto& sessions_in_order() const { return order_; }  // of client ids
  // Kept up to date by the sessions: there may be too many to count them whenever somebody asks.
  struct Tally {
    std::size_t connected = 0;
    std::size_t subscriptions = 0;
  };
  [[nodiscard]] Tally& tally() { return tally_; }

 private:
  // By client id, which stands in the session.
  struct SessionHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view client_id) const { return TextHash{}(client_id); }
    std::size_t operator()(const SessionPtr& session) const;
  };
  struct SessionEqual {
    using is_transparent = void;
    bool operator()(const SessionPtr& one, const SessionPtr& other) const;
    bool operator()(std::string_view client_id, const SessionPtr& session) const;
    bool operator()(const SessionPtr& session, std::string_view client_id) const {
      return (*this)(client_id, session);
    }
  };
  static std::string_view client_id_of(const Session& session);
  struct Waiting {
    store::Position end;
    Answers answers;
    std::vector<std::function<void()>> work;
    bool never = false;                                // the log closed before it was appended
    std::chrono::steady_clock::time_point since = {};  // appended; of publishes alone
  };
  void append_state();
  [[nodiscard]] bool append_records();
  [[nodiscard]] bool has_state() const { return !state_->empty() || !retained_.empty(); }
  void append_publishing();
  [[nodiscard]] bool nobody_waits() const;
  // What the next append would take: a log that is behind takes nothing more.
  [[nodiscard]] bool has_to_publish() const {
    return !stalled_ && !(publishing_->empty() && events_.empty());
  }
  void refuse_publishing(Errc reason);
  void drain_mailbox();
  void dispatch(const TurnPtr& turn);
  [[nodiscard]] static std::size_t end_of_run(const Turn& turn, std::size_t first);
  void seal_waiting();
  // What durable work itself wants durable, of a session that writes no state: nobody else would
  // wake the worker for it.
  [[nodiscard]] bool has_unsealed_work() const {
    return !current_.work.empty() && !stalled_ && !has_state();
  }
  void run_durable();
  void answer_when_durable(store::Position end);
  void refuse_waiting_if_log_stopped();
  void refuse(const Answers::Answer& refused);
  void expect_durable();
  void shut_down();
  void want_cursors(bool now);
  void write_cursors(bool all);
  void flush_output();
  void count_traffic();
  void end_turn_of_conditions();
  void take_buffer(std::string& output);
  void trim_later(const Turn& turn);

  Broker& broker_;
  const std::size_t index_;
  EventLoop loop_;
  std::atomic<bool> stopping_{false};

  Traffic traffic_;
  WireForms forms_;
  std::string scratch_;
  PublishMemo decisions_;
  ConditionJudge judge_;
  ConditionTurns condition_turns_{*this};
  DueWills wills_{*this};
  DelayedMessages delayed_{*this};
  Events events_{*this};
  RightsReview rights_{*this};
  Drain drain_{*this};
  WaitingForRoom room_{*this};

  store::BatchPtr state_;
  store::BatchPtr publishing_;
  std::shared_ptr<Turn> turn_;               // of publishing_
  bool turn_is_qos_0_ = true;                // every message of it
  bool turn_retains_ = false;                // one of its messages is to be retained
  bool turn_records_ = false;                // it has records of such messages
  std::vector<model::MessagePtr> retained_;  // appended, but not their records
  Answers answers_;                          // to the publishes in publishing_
  bool state_is_open_ = false;               // its atomic group has begun and not ended
  bool state_refused_ = false;               // by the last append
  Waiting current_;
  std::deque<Waiting> waiting_;
  std::atomic<bool> durable_wake_pending_{false};
  std::atomic<bool> wants_durable_{false};  // something here waits for the disk
  bool stalled_ = false;
  bool log_is_busy_ = false;
  std::vector<std::function<void()>> flowing_;

  std::mutex mailbox_mutex_;
  std::vector<TurnPtr> mailbox_;
  std::atomic<bool> mailbox_wake_pending_{false};
  std::deque<TurnPtr> held_;  // deliver_after: durable

  // Filters whose queues have grown since they were trimmed last.
  std::set<std::shared_ptr<const std::string>> grown_;
  bool trim_timer_armed_ = false;

  std::vector<std::shared_ptr<Link>> dirty_;
  std::vector<std::string> spare_buffers_;  // for output: who has nothing to say needs none
  std::vector<SessionPtr> pumps_;
  std::vector<SessionPtr> dirty_sessions_;
  std::vector<SharedGroupPtr> dirty_groups_;
  bool cursor_timer_armed_ = false;
  bool cursors_now_ = false;

  std::unordered_map<std::string, MatchPtr, TextHash, std::equal_to<>> match_cache_;
  std::size_t match_cache_bytes_ = 0;  // of the topics in it
  std::uint64_t match_version_ = 0;
  std::pair<const std::string, MatchPtr>* last_match_ = nullptr;  // in match_cache_
  std::unordered_set<SessionPtr, SessionHash, SessionEqual> sessions_;
  SortedBlocks<Session, client_id_of> order_;  // of sessions_
  Tally tally_;
};

}  // namespace sluice::broker
