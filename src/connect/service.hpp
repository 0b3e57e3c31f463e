#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/refusal.hpp"
#include "broker/queues.hpp"
#include "connect/registry.hpp"
#include "store/store.hpp"

namespace sluice::connect {

// What tasks count, for the reference page: their metrics are there once there are tasks.
void declare_task_metrics(metrics::Registry& registry);

struct Options {
  std::string node_name = "sluice-1";
  std::uint64_t dead_letter_bytes = std::uint64_t{1} << 30;
};

// How a connection is tried before it is saved.
struct Verification {
  bool is_wanted = true;
  std::string topic = {};  // may records be written to it? Empty: that is not asked
};
struct ConnectionChange {
  Verification verification = {};
  bool restart_tasks = true;  // otherwise each goes on with the old settings until it starts again
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

  [[nodiscard]] Outcome<boost::json::object> create_task(const boost::json::object& document);
  [[nodiscard]] std::vector<boost::json::object> tasks() const;
  [[nodiscard]] Outcome<boost::json::object> task(std::string_view which) const;
  [[nodiscard]] Outcome<boost::json::object> start_task(std::string_view which);
  [[nodiscard]] Outcome<boost::json::object> pause_task(std::string_view which);
  // {"start": ...} as in the task's source: goes on from there, running or not as it was.
  [[nodiscard]] Outcome<boost::json::object> seek_task(std::string_view which,
                                                       const boost::json::object& to);
  [[nodiscard]] Outcome<void> remove_task(std::string_view which);
  // Newest last; `after` is the `next` of the page before, empty for the first.
  [[nodiscard]] Outcome<boost::json::object> dead_letters(std::string_view task, std::size_t limit,
                                                          std::string_view after) const;

  // How far each task is with a message that one of its filters matches.
  [[nodiscard]] boost::json::array states_of(const model::Message& message) const;

  // What all tasks still need of the log, and that its beginning is gone: store::Readers.
  [[nodiscard]] std::vector<store::Hold> holds() const;
  void log_deleted(store::Position begin, const std::map<std::string, std::uint64_t>& lost);

  // Is this the group of a task? Clients that subscribe to it are refused with NotAuthorized.
  [[nodiscard]] bool owns_group(std::string_view group) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::connect
