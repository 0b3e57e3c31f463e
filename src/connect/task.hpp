#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "broker/queues.hpp"
#include "connect/dead_letters.hpp"
#include "connect/division.hpp"
#include "connect/downstream.hpp"
#include "connect/letter_copier.hpp"
#include "connect/registry.hpp"
#include "connect/reporting_runner.hpp"
#include "connect/runner.hpp"
#include "connect/service.hpp"
#include "connect/task_counters.hpp"
#include "connect/task_spec.hpp"

namespace sluice::connect {

class Task;

void declare_copy_metrics(metrics::Registry& registry);

// What every task works with; outlives them all.
struct Surroundings {
  store::Store& store;
  broker::Queues& queues;
  const Registry& registry;
  const Clock& clock;
  metrics::Registry& metrics;
  DeadLetters& dead_letters;
  const Options& options;
  Moves& moves;  // of any of them
  std::function<std::shared_ptr<Task>(std::string_view which)> find_task = {};
};

// A task's document as it is kept under `task/<id>`.
struct TaskRecord {
  std::string id;
  std::string connection_id;              // empty where the sink needs none
  std::string copies_connection_id = {};  // over which its dead letters are copied; or empty
  std::string created, updated;
  boost::json::object document;  // as it was given
  // From here on the queues hold everything; 0: from wherever the cursor stands.
  store::Position queues_from = {};
  // What matters of the log before that place; empty: what the document's filters match.
  std::vector<std::string> filters_before = {};
  // The last that it takes; nothing: it goes on for ever.
  std::optional<store::Position> ends_at = std::nullopt;
  // Of its start: grows with each seek, over all runs, also when an older copy was restored.
  std::uint64_t generation = 0;
  std::optional<broker::MadeAccount> made_account = std::nullopt;  // together with the task

  [[nodiscard]] boost::json::object to_json() const;
  [[nodiscard]] static Result<TaskRecord> from_json(const boost::json::object& json);
};

struct MessageCount {
  std::uint64_t messages = 0;
  bool is_least = false;  // there was no time for more
};

// What going on from another place would mean.
struct SeekEffect {
  MessageCount again;        // was delivered before, and goes once more
  MessageCount passed_over;  // waits, and would not be delivered
};

// A saved flow from queues to a sink: its document, the queues it holds, and its worker while it
// runs.
//
// Threads: any; start() and pause() exclude each other and block.
class Task {
 public:
  // `connection` is the connection's name, or the sink's type where there is none.
  Task(Surroundings& around, TaskRecord record, TaskSpec spec, std::string connection);
  ~Task();
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  // Makes sure that every message that matches is kept for this task from now on.
  [[nodiscard]] Result<void> acquire_queues();
  void release_queues();
  // A new task: saves the document and the cursor from which it starts, and in the same step the
  // account that is made with it (null: none). Durable.
  [[nodiscard]] Result<void> create(const broker::AccountChange* account);
  // A task of an earlier run: finds its cursor.
  [[nodiscard]] Result<void> resume();
  // Document, cursor and dead letters; with the document what was made of an account.
  [[nodiscard]] Result<void> erase(const broker::AccountChange* account);
  // What its sources have kept of the other side, before erase(), and to take it away there, after.
  [[nodiscard]] std::string source_note() const;
  void leave_source(const boost::json::object& settings, std::string_view note) const;
  // What its source would leave behind if the next one had these settings and this `source`; empty:
  // nothing.
  [[nodiscard]] std::string left_behind(const boost::json::object& settings,
                                        const boost::json::object& source) const;
  // This task takes the place of `old`, which is retired: its queues are acquired. Goes on where
  // that one stopped; durable. A filter that is added counts from now on, and one that is gone not
  // any more.
  [[nodiscard]] Result<void> take_over(const Task& old);

  // Both do nothing when it is so already. `settings` are the connection's, `copies` those of the
  // one over which its dead letters are copied; null: there is none.
  void start(const boost::json::object& settings, const boost::json::object* copies);
  void fail(std::string reason);  // instead of start(): it cannot run as it stands
  // It cannot run before a person mends its document.
  void invalidate(std::string reason) { invalid_ = std::move(reason); }
  void pause();
  void request_pause();  // does not wait
  void retire();         // pause(), and no start() nor set_enabled() any more
  void revive();         // retire() came to nothing
  // Goes on from there; what was in flight is settled first. Paused afterwards.
  [[nodiscard]] Result<void> seek(const Start& start);
  // What that would mean, and how much a range holds; counted in the log, for a second or two.
  // Blocks. Errors: of the log; InvalidArgument, `to` lies in the future.
  [[nodiscard]] Result<SeekEffect> effect_of_seek(const Start& start) const;
  [[nodiscard]] Result<MessageCount> count_range(const Start& from, const Start& to) const;
  // Of a source: with what its next one begins. Paused afterwards.
  [[nodiscard]] Result<void> seek_source(std::string_view note);
  // For retention: what it needs, and that the beginning of the log is gone.
  void add_holds(std::vector<store::Hold>& holds) const;
  void log_deleted(store::Position begin, std::uint64_t lost);

  [[nodiscard]] const std::string& id() const { return record_.id; }
  [[nodiscard]] const std::string& name() const { return spec_.name; }
  [[nodiscard]] const std::string& connection_id() const { return record_.connection_id; }
  [[nodiscard]] const std::string& copies_connection_id() const {
    return record_.copies_connection_id;
  }
  // Why copies of its dead letters do not go just now; empty: nothing keeps them.
  [[nodiscard]] std::string copies_trouble() const;
  [[nodiscard]] std::string group() const;
  [[nodiscard]] const std::string& sink_type() const { return spec_.sink_type; }
  [[nodiscard]] TaskRecord record() const;
  [[nodiscard]] const TaskSpec& spec() const { return spec_; }
  [[nodiscard]] std::string origin() const;  // of what its sink sends; empty: it notes none
  [[nodiscard]] std::string guard() const;   // what bears it has been sent; empty: none can tell
  [[nodiscard]] const std::string& invalid() const { return invalid_; }
  // Of its account, as its first worker, as of now; null: nobody is asked.
  [[nodiscard]] broker::AccountRightsPtr rights() const;
  [[nodiscard]] std::vector<std::string> worker_clients() const;  // their client ids
  void rights_changed() const;                                    // does not wait
  [[nodiscard]] bool is_enabled() const { return enabled_; }
  [[nodiscard]] Result<void> set_enabled(
      bool enabled);  // saved before it returns; WrongState: retired
  [[nodiscard]] boost::json::object entity() const;
  [[nodiscard]] Progress progress() const;
  [[nodiscard]] std::vector<Progress> workers() const;  // of each of them
  // Nothing: it is done with all that its queues hold before that place. Otherwise why not; empty:
  // that is on its way. Blocks.
  [[nodiscard]] std::optional<std::string> why_not_delivered(store::Position position) const;
  // How far it is with one message; empty: none of its filters matches it. Blocks.
  [[nodiscard]] boost::json::object state_of(const model::Message& message) const;
  void watch(const std::shared_ptr<Task>& self);  // its gauges, until forget()
  void forget();
  void forget_workers();  // those of its workers alone: others may take their place

 private:
  static constexpr std::uint64_t kMostCounted = 1'000'000'000;  // of a queue, by one question
  struct Cover {
    std::size_t outer, inner;  // of the spec's filters: one matches all that the other does
    bool is_mutual;            // as `#` and `+/#`
  };
  [[nodiscard]] static std::vector<Cover> covers_among(const std::vector<std::string>& filters);

  void watch_worker(const std::shared_ptr<Task>& self, unsigned number);
  // Null: the document alone. `settles_runs`: how earlier ones ended does not matter any more.
  [[nodiscard]] Result<void> save(const Places* places, bool settles_runs = false,
                                  const broker::AccountChange* account = nullptr);
  [[nodiscard]] AskRights ask_rights(unsigned worker) const;
  [[nodiscard]] Result<Places> load_places() const;
  [[nodiscard]] Result<void> begin_all_at(const store::Cursor& cursor);
  [[nodiscard]] Result<void> divide_again(Places& places, const Division& division,
                                          const Progress& parked);
  // Counts in `before` what an earlier run may have sent.
  [[nodiscard]] Result<void> begin_run(const std::string& state_id, const store::Cursor& cursor,
                                       Progress& before);
  [[nodiscard]] bool has_read_all(const Places& places) const;
  [[nodiscard]] bool is_done_before(store::Position position) const;
  [[nodiscard]] Downstream downstream() const;
  // Null: fail_parked() has been told why.
  [[nodiscard]] std::shared_ptr<Runner> make_worker(const boost::json::object& settings);
  [[nodiscard]] std::shared_ptr<Runner> make_source_worker(const boost::json::object& settings);
  [[nodiscard]] static std::string source_key(std::string_view id);
  [[nodiscard]] SourceConfig source_config(const boost::json::object& settings,
                                           const boost::json::object& source) const;
  void start_copier(const boost::json::object* settings);
  void stop_copier();
  [[nodiscard]] LetterCopier::MakeSink makes_copies(const boost::json::object* settings) const;
  [[nodiscard]] boost::json::value copies_entity() const;
  void watch_copies(const std::shared_ptr<Task>& self);
  void place_parked(const Places& places);
  void count_parked();
  void fail_parked(std::string reason);
  void finish_parked();
  [[nodiscard]] std::shared_ptr<Runner> cannot_start(std::string reason);  // null
  void tell_parked() const;                                                // with mutex_ held
  [[nodiscard]] Result<void> skip_deleted(store::Position begin, std::uint64_t lost);
  [[nodiscard]] Result<std::uint64_t> pass_deleted(store::Cursor& cursor,
                                                   store::Position begin) const;
  [[nodiscard]] Result<void> find_queues_from();
  // Where its range ends, from now on. Errors: InvalidArgument, in the future.
  [[nodiscard]] Result<void> find_end();
  [[nodiscard]] Result<store::Position> end_of(const Start& end) const;
  [[nodiscard]] std::optional<store::Position> ends_at() const;
  [[nodiscard]] bool has_finished(const Places& places) const;
  [[nodiscard]] Result<store::Cursor> begin(const Start& start) const;
  // Of the log, both at most a place at which a message stands; `after` exclusive.
  [[nodiscard]] Result<MessageCount> count_between(store::Position after,
                                                   store::Position last) const;
  [[nodiscard]] store::Position queues_from() const;
  [[nodiscard]] std::vector<std::string> filters_before() const;
  [[nodiscard]] std::vector<store::QueueId> queue_ids() const;
  // Of its messages behind there; one in several queues counts once if one of them has all that is
  // in the others.
  [[nodiscard]] std::uint64_t count_after(store::Position after) const;
  [[nodiscard]] store::Position earliest() const;
  [[nodiscard]] std::uint64_t lag(std::span<const Progress> workers) const;
  // Entries of its queues behind there that are not in what is ahead.
  [[nodiscard]] std::uint64_t count_left(store::Position after,
                                         const store::Cursor::Ahead& ahead) const;
  [[nodiscard]] std::int64_t oldest_unsent_ms(const Progress& progress) const;
  [[nodiscard]] metrics::Labels labels() const;
  [[nodiscard]] TaskCounters counters() const;
  [[nodiscard]] std::string worker_client(unsigned number = 0) const;
  // Whoever has it shuts out whoever had it before.
  [[nodiscard]] std::string transactional_id(unsigned worker) const;
  // WrongState: how the last transaction of one of its workers ended is not known here.
  [[nodiscard]] Result<void> must_be_settled(const Division& division) const;
  // What the other side keeps of where it was is void from now on.
  void begin_generation();

  Surroundings& around_;
  TaskRecord record_;
  TaskSpec spec_;
  const std::string connection_;
  std::vector<store::Store::OpenedQueue> queues_;
  std::size_t acquired_ = 0;  // of the spec's filters
  const std::vector<Cover> covers_;

  std::mutex changing_;  // start(), pause() and retire()
  bool is_retired_ = false;
  std::string invalid_;       // why it can never start
  mutable std::mutex mutex_;  // guards worker_, copier_, parked_, record_
  std::shared_ptr<Runner> worker_;
  std::shared_ptr<LetterCopier> copier_;  // while it runs, where dead letters are copied
  Progress parked_;                       // while there is no worker
  std::vector<Progress> parked_workers_;
  std::atomic<bool> enabled_;
};

}  // namespace sluice::connect
