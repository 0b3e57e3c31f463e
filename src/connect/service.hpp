#pragma once
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/refusal.hpp"
#include "broker/accounts.hpp"
#include "broker/intake.hpp"
#include "broker/queues.hpp"
#include "connect/letter_filter.hpp"
#include "connect/progress.hpp"
#include "connect/registry.hpp"
#include "model/message.hpp"
#include "store/store.hpp"

namespace sluice::connect {

// What tasks count, for the reference page: their metrics are there once there are tasks.
void declare_task_metrics(metrics::Registry& registry);

struct Options {
  std::string node_name = "sluice-1";
  std::uint64_t dead_letter_bytes = std::uint64_t{1} << 30;
  std::string files_directory = {};  // below it sinks may write; empty: none may
  TaskListener on_task_change = {};
  RejectionListener on_task_rejection = {};
  broker::Intake* intake = nullptr;      // where messages of sources enter; outlives the service
  broker::Accounts* accounts = nullptr;  // outlives the service; null: policies are not asked
  std::size_t maximum_hops = 4;          // how often a message may come in from outside
};

class Task;

// How a connection is tried before it is saved.
struct Verification {
  bool is_wanted = true;
  std::string topic = {};  // may records be written to it? Empty: that is not asked
};
struct ConnectionChange {
  Verification verification = {};
  bool restart_tasks = true;  // otherwise each goes on with the old settings until it starts again
  // Its tasks' sources may leave behind what they have at the other side.
  bool is_forced = false;
};

struct TaskCreation {
  // Together with the task a user that it runs as is made, and policies for exactly what it reads
  // or publishes; they are taken away with it.
  bool makes_account = false;
};

// Connections and tasks: kept as documents, run by workers.
//
// Owns:    documents `connection/...` and `task/...`, cursors `task/...`, dead letters, and the
//          threads of the workers.
// Threads: every call from any thread but an event loop: they block.
class Service {
 public:
  Service(store::Store& store, broker::Queues& queues, const Registry& registry, const Clock& clock,
          metrics::Registry& metrics, Options options);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Loads all documents, acquires every task's queues, starts the enabled tasks. Before listeners.
  [[nodiscard]] Result<void> start();
  // Nothing is changed any more, and letters that are being sent again stop. Does not wait.
  void close();
  // Parks every worker: nothing new is handed over, what is in flight is settled (bounded by each
  // task's drain_timeout), cursors are durable.
  void stop();

  // Entities are the documents of interface.md §4 with secrets masked and `id`, `created`,
  // `updated`, status fields added. `which` is an id or a name.
  [[nodiscard]] Outcome<boost::json::object> create_connection(const boost::json::object& document,
                                                               const Verification& verification);
  // `patch` is a merge patch (RFC 7396) of the document. A connection that is renamed keeps its id
  // and its tasks; they are restarted then.
  [[nodiscard]] Outcome<boost::json::object> change_connection(std::string_view which,
                                                               const boost::json::object& patch,
                                                               const ConnectionChange& how);
  [[nodiscard]] std::vector<boost::json::object> connections() const;
  [[nodiscard]] Outcome<boost::json::object> connection(std::string_view which) const;
  [[nodiscard]] Outcome<void> remove_connection(std::string_view which);
  // {"ok":bool,"steps":[{"name","ok","ms","detail","hint"}]} for settings that are not saved yet.
  [[nodiscard]] Outcome<boost::json::object> verify_connection(const boost::json::object& document,
                                                               std::string_view topic);
  [[nodiscard]] Outcome<boost::json::object> verify_saved_connection(std::string_view which,
                                                                     std::string_view topic);

  // A flow of another server, from its own document: `{"connection", "task", "notes"}`. Both are
  // made, or neither. Refuses: as create_connection() and create_task(); not_found: the format.
  [[nodiscard]] Outcome<boost::json::object> import_flow(std::string_view format,
                                                         const boost::json::object& foreign,
                                                         const Verification& verification);
  [[nodiscard]] Outcome<boost::json::object> create_task(const boost::json::object& given,
                                                         const TaskCreation& how = {});
  [[nodiscard]] std::vector<boost::json::object> tasks() const;
  // By name: those that would wait if accounts might do what `rights_of` says, and do not wait for
  // their account's rights now.
  using RightsOf = std::function<broker::AccountRightsPtr(const std::string& user,
                                                          const std::string& client_id)>;
  [[nodiscard]] std::vector<std::string> tasks_held_up(const RightsOf& rights_of) const;
  [[nodiscard]] Outcome<boost::json::object> task(std::string_view which) const;
  [[nodiscard]] Outcome<boost::json::object> start_task(std::string_view which);
  [[nodiscard]] Outcome<boost::json::object> pause_task(std::string_view which);
  // `patch` is a merge patch of the document. What is in flight is settled first; then the task
  // goes on where it stopped, by the new document. A filter that is added counts from now on.
  // `is_forced`: its source may leave behind what it has at the other side.
  [[nodiscard]] Outcome<boost::json::object> change_task(std::string_view which,
                                                         const boost::json::object& patch,
                                                         bool is_forced = false);
  // A task like this one with these changes, a `name` among them; it does not run unless they say
  // `enabled`.
  [[nodiscard]] Outcome<boost::json::object> copy_task(std::string_view which,
                                                       const boost::json::object& changes);
  // {"start": ...} as in the task's source: goes on from there, running or not as it was.
  [[nodiscard]] Outcome<boost::json::object> seek_task(std::string_view which,
                                                       const boost::json::object& to);
  // What that would do: {"again", "again_at_least", "passed_over", "passed_over_at_least"}, in
  // messages. Blocks for a second or two.
  [[nodiscard]] Outcome<boost::json::object> preview_seek(std::string_view which,
                                                          const Start& start) const;
  // {"messages", "at_least"}: what a range holds.
  [[nodiscard]] Outcome<boost::json::object> preview_replay(std::string_view which,
                                                            const Start& from,
                                                            const Start& to) const;
  // {"from", "to", "topic", "name"}: another task that takes this range of the log the same way, to
  // another topic, and is `finished` then. Answers it.
  [[nodiscard]] Outcome<boost::json::object> replay_task(std::string_view which,
                                                         const boost::json::object& range);
  [[nodiscard]] Outcome<void> remove_task(std::string_view which);
  // Newest last; `after` is the `next` of the page before, empty for the first. A page may hold
  // fewer than `limit`, or none, while `next` goes on: one call looks at a part of them.
  [[nodiscard]] Outcome<boost::json::object> dead_letters(std::string_view task, std::size_t limit,
                                                          std::string_view after,
                                                          const LetterFilter& filter = {}) const;
  // How many match: {"letters","bytes","at_least","to"}; `to`: none that came then or later.
  [[nodiscard]] Outcome<boost::json::object> count_dead_letters(std::string_view task,
                                                                LetterFilter filter) const;
  // Of each task that has some: {"id","name","dead_letters","bytes","last_rejected_at","reason",
  // "reason_letters"}.
  [[nodiscard]] std::vector<boost::json::object> letters_of_tasks() const;
  [[nodiscard]] std::uint64_t dead_letter_bound() const;  // bytes, of all tasks together
  [[nodiscard]] Outcome<boost::json::object> dead_letter(std::string_view task,
                                                         model::MessageId id) const;
  // Sends letters again by the task's document as it is now; `ids` empty: all that match. A letter
  // goes once its record is acknowledged. Answers {"ok","redriven","refused","left","stopped",
  // "letters"}; after half a minute it stops, and may be called again.
  [[nodiscard]] Outcome<boost::json::object> redrive(std::string_view task,
                                                     std::span<const model::MessageId> ids,
                                                     const LetterFilter& filter = {});
  [[nodiscard]] Outcome<void> remove_dead_letter(std::string_view task, model::MessageId id);
  [[nodiscard]] Outcome<void> remove_dead_letters(std::string_view task);
  // Those that match: {"deleted","left","stopped"}; stops as redrive() does.
  [[nodiscard]] Outcome<boost::json::object> remove_dead_letters(std::string_view task,
                                                                 const LetterFilter& filter);

  // The record that a task makes of a message, or why it makes none: {"ok","matches","record"} or
  // {"ok","matches","error"}. `task` is a name, an id, or a document that is not saved. Nothing is
  // written; may ask the other side for some seconds.
  [[nodiscard]] Outcome<boost::json::object> preview(const boost::json::value& task,
                                                     const model::Message& message) const;

  // How far each task is with a message that one of its filters matches.
  [[nodiscard]] boost::json::array states_of(const model::Message& message) const;

  // What all tasks still need of the log, and that its beginning is gone: store::Readers.
  [[nodiscard]] std::vector<store::Hold> holds() const;
  void log_deleted(store::Position begin, const std::map<std::string, std::uint64_t>& lost);

  // Is this the group of a task? Clients that subscribe to it are refused with NotAuthorized.
  [[nodiscard]] bool owns_group(std::string_view group) const;

 private:
  struct State;
  class RedriveClaim;
  [[nodiscard]] Outcome<boost::json::object> redrive_source(const Task& task,
                                                            std::span<const model::MessageId> ids,
                                                            const LetterFilter& filter);
  std::unique_ptr<State> state_;
};

}  // namespace sluice::connect
