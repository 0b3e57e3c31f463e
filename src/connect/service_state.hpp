#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/function_ref.hpp"
#include "connect/dead_letters.hpp"
#include "connect/service.hpp"
#include "connect/task.hpp"

namespace sluice::connect {

// A saved address with credentials, as it is kept under `connection/<id>`.
struct Connection {
  std::string id, created, updated;
  boost::json::object document;  // as it was given, secrets included
  boost::json::object settings;  // checked and complete
  std::string name;
  const Connector* connector = nullptr;
  // What the last verification in this process found.
  enum class Verified : std::uint8_t { Never, Ok, Failed } verified = Verified::Never;
  std::string verified_detail;

  [[nodiscard]] boost::json::object to_json() const;
};
using ConnectionPtr = std::shared_ptr<const Connection>;
using TaskPtr = std::shared_ptr<Task>;

// Threads: `mutex` guards the maps; what they hold is immutable (connections) or guards itself
// (tasks). `changing` is taken first, by whoever adds or removes.
struct Service::State {
  State(store::Store& store, broker::Queues& queues, const Registry& connectors, const Clock& time,
        metrics::Registry& metrics, Options given)
      : options(std::move(given)),
        dead_letters(store, options.dead_letter_bytes),
        around{store, queues, connectors, time, metrics, dead_letters, options, moves} {
    around.find_task = [this](std::string_view which) { return find_task(which); };
  }

  const Options options;
  DeadLetters dead_letters;
  Moves moves;
  Surroundings around;

  std::mutex changing;
  mutable std::mutex mutex;
  std::map<std::string, ConnectionPtr, std::less<>> connections;  // by id
  std::map<std::string, TaskPtr, std::less<>> tasks;              // by id
  std::set<std::string, std::less<>> redriving;                   // ids of tasks
  bool is_open = false;                                           // between start() and stop()

  [[nodiscard]] ConnectionPtr find_connection(std::string_view which) const;
  [[nodiscard]] TaskPtr find_task(std::string_view which) const;
  [[nodiscard]] std::vector<TaskPtr> all_tasks() const;
  // Those that it is for, and those whose dead letters are copied over it.
  [[nodiscard]] std::vector<TaskPtr> tasks_of(std::string_view connection_id) const;
  // The id of the connection over which the task's dead letters are to be copied; empty: it needs
  // none. Refuses: invalid_document.
  [[nodiscard]] Outcome<std::string> copies_connection_of(const TaskSpec& spec) const;
  [[nodiscard]] boost::json::object connection_entity(const Connection& connection) const;
  [[nodiscard]] Outcome<void> must_be_open() const;

  // Checked, but neither saved nor verified.
  [[nodiscard]] Outcome<Connection> parse_connection(const boost::json::object& document) const;
  // Tries it where that is wanted, and notes in it what was found.
  [[nodiscard]] static Outcome<void> verify_first(Connection& connection,
                                                  const Verification& verification);
  [[nodiscard]] Result<void> load_connections();
  [[nodiscard]] Result<void> load_tasks();
  // Under `changing`: another task takes the place of `old`, with its id, and goes on where it
  // stopped. `flow` stands for the connection in its names.
  [[nodiscard]] Result<TaskPtr> replace_task(const TaskPtr& old, TaskRecord record, TaskSpec spec,
                                             std::string flow);
  // Whether the account that it names may do all that it needs, as each of its workers; `flow` as
  // above. `made`: once that is done. Refuses: account_lacks_right.
  [[nodiscard]] Outcome<void> check_account(const TaskSpec& spec, std::string_view flow,
                                            const broker::AccountChange* made = nullptr) const;
  // An account for a new task, which runs as it from now on.
  [[nodiscard]] Outcome<std::unique_ptr<broker::AccountChange>> prepare_account(
      TaskSpec& spec, boost::json::object& document) const;
  // What was made with the task; null: nothing, or others run as it.
  [[nodiscard]] std::unique_ptr<broker::AccountChange> prepare_account_removal(
      const Task& task) const;
  void tell_rights_changed() const;
  void restart_tasks(const std::vector<TaskPtr>& tasks);
  // Under `changing`: the tasks of a connection that was renamed get their new names.
  [[nodiscard]] Result<void> rename_tasks(const Connection& connection);
  // The task that has this group; null: nobody.
  [[nodiscard]] TaskPtr find_group(std::string_view group) const;
  [[nodiscard]] Result<void> save(const Connection& connection);
  void start(Task& task);
  // Those of these ids; none: all that match.
  template <class Sender>
  [[nodiscard]] Outcome<boost::json::object> send_letters(Sender& sender, const Task& task,
                                                          std::span<const model::MessageId> ids,
                                                          const LetterFilter& filter);
  // Gives the letters that match to `each`, a part of them at a time, until that says false, there
  // are no more, or it stops: why is answered then. Blocks.
  using EachPart = FunctionRef<Result<bool>(const DeadLetters::Found& part)>;
  [[nodiscard]] Result<std::string> walk_letters(const std::string& task_id,
                                                 const LetterFilter& filter,
                                                 std::chrono::milliseconds at_most,
                                                 EachPart each) const;
};

// Shared by what answers requests.
inline constexpr std::chrono::seconds kActOnLettersFor{25};  // then it says that it has stopped
// What stands for the connection in group and client names.
[[nodiscard]] std::string flow_name(const ConnectionPtr& connection, const TaskSpec& spec);
[[nodiscard]] tl::unexpected<Refusal> no_such_connection(const TaskSpec& spec);
// What encodes the task's records; null where nothing does. Asks no registry yet.
// Refuses: invalid_document (the connection names no registry).
[[nodiscard]] Outcome<std::unique_ptr<ValueEncoder>> encoder_for(const Registry& registry,
                                                                 const TaskSpec& spec,
                                                                 const ConnectionPtr& connection);
// What decodes the records of its source; else as encoder_for().
[[nodiscard]] Outcome<std::unique_ptr<ValueDecoder>> decoder_for(const Registry& registry,
                                                                 const TaskSpec& spec,
                                                                 const ConnectionPtr& connection);
[[nodiscard]] tl::unexpected<Refusal> group_taken(std::string_view group);
// Later than `before`, so that no two versions of a document look the same.
[[nodiscard]] std::string time_of_change(const Clock& clock, std::string_view before);
[[nodiscard]] tl::unexpected<Refusal> not_found(std::string_view what, std::string_view which);
[[nodiscard]] tl::unexpected<Refusal> name_taken(std::string_view what, std::string_view name);
[[nodiscard]] tl::unexpected<Refusal> failed(const Error& error);
// Of a task whose document was good, as far as can be seen without the log.
[[nodiscard]] tl::unexpected<Refusal> not_made(const Error& error);

}  // namespace sluice::connect
