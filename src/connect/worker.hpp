#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/threads.hpp"
#include "broker/queues.hpp"
#include "connect/dead_letters.hpp"
#include "connect/division.hpp"
#include "connect/drain_pace.hpp"
#include "connect/processing/processor.hpp"
#include "connect/record_mapper.hpp"
#include "connect/reporting_runner.hpp"
#include "connect/task_counters.hpp"
#include "connect/task_spec.hpp"
#include "connect/window.hpp"
#include "store/store.hpp"

namespace sluice::connect {

// Runs one task: reads its queues as far as they are durable, maps, hands to the sink in order,
// settles each outcome, and lets the cursor follow. docs/adr/0007-delivery-and-cursor.md says why
// it is built so.
//
// Owns:    its thread, its sink, and the cursor record `task/<state id>` while it runs.
// Threads: start(), stop() from one thread at a time; progress() from any.
// Fails:   never by itself: what cannot go on is `waiting` or `failed` in progress(), and nothing
//          that was not delivered or dead-lettered is ever behind the cursor.
class Worker final : public ReportingRunner {
 public:
  using MakeSink = std::function<Result<std::unique_ptr<Sink>>(Sink::Callbacks)>;
  struct Context {
    store::Store& store;
    DeadLetters& dead_letters;
    const Clock& clock;
    TaskCounters counters;
    std::string task_id;
    std::string node_name;
    std::string worker_name;
    std::vector<store::QueueId> queues;
    store::Cursor cursor;  // where it begins
    // The queues hold what stands behind this place; before it the log itself is read.
    store::Position queues_from = {};
    std::vector<std::string> filters_before = {};  // by these; empty: those of the document
    std::optional<store::Position> ends_at = std::nullopt;  // the last that it takes; it is durable
    std::uint64_t generation = 0;                           // of the cursor: see Place
    Progress before;                                        // counters go on from here
    TaskListener on_change = {};
    RejectionListener on_rejection = {};
    std::function<void()> on_move = {};  // its cursor or its state is another one
    // How it stands in the origins of what goes out; empty: it does not. What bears `guard` has
    // gone out here before and is stopped; empty: nothing is.
    std::string origin = {};
    std::string guard = {};
    AskRights ask_rights = {};
    broker::Queues* publishers = nullptr;         // outlives the worker; with Backpressure::Block
    Threads* threads = &system_threads();         // outlive the worker
    std::uint64_t seed = std::random_device()();  // of the times between two tries
    // Where workers share the task: under what this one keeps what it keeps of itself (empty: the
    // task's id), how many of them divide the task's bounds, and what this one has (null: all).
    std::string state_id = {};
    unsigned workers = 1;
    std::unique_ptr<Share> share = nullptr;
    std::unique_ptr<ValueEncoder> encoder = nullptr;  // null: values stay as they are mapped
  };

  Worker(Context context, const TaskSpec& spec, MakeSink make_sink);
  ~Worker() override;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start() override;
  // Asks the thread to end: nothing more is handed over, what is in flight is settled for at most
  // the task's drain_timeout, the cursor is written. Does not wait.
  void request_stop() override;
  void rights_changed() override;
  void log_deleted(std::uint64_t lost) override;
  void stop() override;

  [[nodiscard]] static std::string cursor_key(std::string_view state_id);
  // StateKind::Document, the `in_flight` of the run: there while a run has not ended cleanly, so
  // that more may have arrived than its cursor says. Whoever starts a worker writes it, durably;
  // the worker takes it away when it parks.
  [[nodiscard]] static std::string run_key(std::string_view state_id);

  static constexpr std::chrono::milliseconds kCommitEvery{100};  // unless the window is filling
  // A transaction stays open while there is more to put into it, but not longer.
  static constexpr std::chrono::milliseconds kLongestTransaction{100};

 private:
  // What other threads leave for the worker.
  struct Inbox {
    bool sink_is_ready = false;  // with outcomes
    bool woken = false;          // the store has something to read
    bool stopping = false;
    bool somebody_is_held = false;        // by our brakes
    bool log_deleted = false;             // retention deleted something
    std::uint64_t lost_before_queue = 0;  // of what it had not read of the log itself
  };
  struct Rejection {
    Window::Token token = 0;
    std::string reason;
    unsigned attempts = 0;
    LetterClass error = LetterClass::Unmapped;
  };

  struct Unmapped {
    std::size_t index = 0;
    bool is_rejected = false;  // otherwise passed over
    std::string reason;
    bool is_shed = false;    // passed over because the back-log is beyond its bound
    bool is_looped = false;  // passed over because it went out here before
    bool is_denied = false;  // passed over because the account may not have it
  };

  void run();
  [[nodiscard]] bool is_own_event(const model::Message& message) const;
  [[nodiscard]] bool open_sink();
  [[nodiscard]] bool find_last_place();
  [[nodiscard]] bool go_on_from(const std::string& place);
  [[nodiscard]] bool knows_its_place() const;
  [[nodiscard]] bool is_of_this_log(model::MessageId newest) const;
  void sleep_before_next_try();
  [[nodiscard]] bool is_transaction_due();
  void end_transaction();
  void turn();
  void take_inbox();
  void collect();
  void park();
  [[nodiscard]] bool is_away_for_long() const;
  void drain();
  void wait();
  [[nodiscard]] SteadyTime next_deadline() const;

  void settle(std::span<Delivery> deliveries);
  [[nodiscard]] std::uint64_t settle_delivered(std::span<const Delivery> deliveries);
  void retry_later(Delivery& delivery);
  [[nodiscard]] bool is_given_up(Window::Token token);
  void reject(Window::Token token, std::string reason, LetterClass error);
  void keep_dead_letters();
  void commit();
  [[nodiscard]] Result<store::Position> save_cursor(bool ends_run);
  void settle_commits();
  [[nodiscard]] std::size_t room_in_flight();
  [[nodiscard]] bool wait_for_cursor();

  void read_more();
  void fail_behind_what_was_read();
  void skip_deleted();
  void note_lost(std::uint64_t lost);
  [[nodiscard]] bool read_once(Window::Lane lane);
  [[nodiscard]] bool is_back_filling() const;
  [[nodiscard]] Result<store::ReadResult> read_store(Window::Lane lane);
  [[nodiscard]] std::optional<Window::Lane> lane_to_read() const;
  [[nodiscard]] std::pair<store::Position, store::Position> read_positions() const {
    return {window_.read_position(), window_.read_position(Window::Lane::Fresh)};
  }
  [[nodiscard]] bool has_read_all() const;
  // Nothing of it lies behind `last`; with a read up to the end of the log it reaches there.
  void end_at(store::Position last, store::ReadResult& read);
  [[nodiscard]] bool has_reached_end() const;
  [[nodiscard]] bool has_finished() const;
  void skip_deleted(Window::Lane lane);
  void let_fresh_ones_pass();
  void read_again_after(std::string reason);
  [[nodiscard]] bool map_all(ReadBatch& batch);
  [[nodiscard]] bool is_wanted(std::size_t index, const model::Message& message, Arena& arena,
                               std::int64_t now_ms);
  void map_one(std::size_t index, ReadBatch& batch, std::int64_t now_ms,
               std::optional<std::string_view> payload);
  [[nodiscard]] bool process(ReadBatch& batch, std::int64_t now_ms);
  [[nodiscard]] bool encode_values(ReadBatch& batch);
  [[nodiscard]] std::function<bool()> asks_whether_stopping();
  void postpone(const Error& error);
  [[nodiscard]] bool judge(std::size_t index, const model::Message& message, Arena& arena);
  void apply_unmapped(Window::Token first);
  void pass_over(const Unmapped& unmapped);
  void end_gathering();
  void ask_for_wake();
  void hand_over();
  [[nodiscard]] bool may_hand_over();
  // Those of them before the first that the account may not have. Is it the very first, that one is
  // passed over, and there are none.
  [[nodiscard]] std::span<const Record> before_denied(std::span<const Record> records);
  [[nodiscard]] bool is_denied(const model::Message& message) const {
    return rights_ && !rights_->nothing_denied() && !rights_->may_receive(message.topic);
  }
  [[nodiscard]] bool is_beyond_bound(const model::Message& message) const;
  void begin_shedding();
  void put_brakes_on();
  void move_brakes();
  [[nodiscard]] bool has_something_left();
  void has_caught_up();
  [[nodiscard]] std::size_t room_in_pace(std::int64_t stored_ms);
  [[nodiscard]] bool is_late(std::int64_t stored_ms) const;

  void publish_progress();
  void tell_of_move();

  Context context_;
  const TaskSpec& spec_;
  const std::size_t in_flight_, window_bytes_, window_messages_;  // its part of the task's
  const MakeSink make_sink_;

  mutable std::mutex mutex_;  // guards inbox_
  std::condition_variable wake_;
  Inbox inbox_;

  // All below: the worker's thread only.
  RecordMapper mapper_;
  std::optional<processing::Processor> processor_;  // nothing: payloads are taken as they are
  Window window_;
  std::unique_ptr<Sink> sink_;
  Transactions* transactions_ = nullptr;  // of the sink; null: not exactly once
  bool is_place_known_ = false;           // where they have brought this task, as of the start
  bool is_ending_ = false;                // a transaction: nothing is handed over until it has
  bool is_sink_full_ = false;             // it did not take all that it was offered last
  std::optional<SteadyTime> end_by_;      // the transaction that is open
  std::vector<Delivery> deliveries_;
  std::vector<Rejection> rejections_;  // Held in the window until their dead letters are durable
  std::vector<Unmapped> unmapped_;     // of the batch that was read last, as are the next two
  std::vector<std::size_t> wanted_, mapped_;
  std::vector<processing::Processor::Outcome> outcomes_;
  // What came back first in the last round, and since when: the one that holds up the others.
  std::optional<Window::Token> culprit_;
  SteadyTime culprit_since_{};
  store::Cursor committed_;
  std::pair<store::Position, TaskState> told_{};  // what on_move has told of
  SteadyTime last_commit_{};
  // Records delivered: ever, up to the cursor that was appended last, and up to the last durable
  // one. Between them the cursors that are on their way to the disk.
  struct Commit {
    store::Position end;
    std::uint64_t delivered = 0;
  };
  std::uint64_t delivered_ = 0, delivered_appended_ = 0, delivered_durable_ = 0;
  std::deque<Commit> commits_;
  bool cursor_moved_ = false;
  bool log_was_deleted_ = false;
  std::uint64_t lost_before_queue_ = 0;
  bool stopping_ = false;
  bool is_asked_to_wake_ = false;
  bool at_end_ = false;                        // nothing new to read until the store wakes us
  std::optional<SteadyTime> gathering_until_;  // at the end, and not asked to wake before
  store::Position bound_;                      // of the back-log, when it was read last
  std::vector<std::unique_ptr<broker::Brake>> brakes_;  // one for each filter
  bool is_shedding_ = false;                            // and has said so
  DrainPace pace_;
  bool is_catching_up_ = false;            // with Drain::Rate: what goes out is paced
  std::optional<SteadyTime> paced_until_;  // nothing was handed over because of that
  bool came_back_ = false;  // something is to be retried: nothing goes out before all is settled
  bool is_hasty_ = false;   // and then at once: the sink will do otherwise
  SteadyTime collect_at_ = SteadyTime::max();  // even if the sink says nothing
  std::optional<SteadyTime> letters_at_;       // not before: dead letters found no room
  std::optional<SteadyTime> read_again_;       // not before: a read failed
  std::string read_reason_, away_reason_;
  std::string damage_;  // why nothing more can be read: what was read before is delivered first
  std::unique_ptr<Threads::Thread> thread_;
};

}  // namespace sluice::connect
