#pragma once
#include <cstdint>
#include <deque>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "broker/access_control.hpp"
#include "broker/broker.hpp"
#include "connect/dead_letters.hpp"
#include "connect/task_spec.hpp"
#include "connect/worker.hpp"
#include "simulation/client.hpp"
#include "simulation/disk.hpp"
#include "simulation/scheduler.hpp"
#include "simulation/sink.hpp"
#include "simulation/slow_pool.hpp"
#include "store/embedded/engine.hpp"
#include "support/history.hpp"

namespace sluice::simulation {

// What happened in one or many episodes.
struct Totals {
  std::uint64_t steps = 0;
  std::uint64_t episodes = 0;
  std::uint64_t kills = 0;
  std::uint64_t power_cuts = 0;
  std::uint64_t kills_while_starting = 0;
  std::uint64_t clean_stops = 0;
  std::uint64_t views_lost = 0;
  std::uint64_t disk_operations = 0;
  std::uint64_t disk_failures = 0;
  std::uint64_t pieces_lost = 0;
  std::uint64_t torn = 0;
  std::uint64_t connections_broken = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t delivered = 0;
  std::uint64_t segments_deleted = 0;
  std::uint64_t subscriptions_changed = 0;
  std::uint64_t files_asked_for = 0;  // by the broker
  std::uint64_t trace = 0;
  void add(const Totals& other);
};

// One server with its clients, its disk and its network, driven by one seed: the real store, broker
// and task worker, which are killed and started again while the clients go on.
// docs/design/simulation.md says what is real and what is checked.
//
// Owns:    everything, and a scratch directory for the view.
// Threads: one.
class World {
 public:
  World(std::uint64_t seed, std::uint64_t steps, std::string scratch);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // To the end. A violation ends the program.
  Totals run();

  // --- for clients, wires and the sink
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] bool is_dead() const { return disk_.halted() || stopping_; }
  [[nodiscard]] bool is_running() const { return broker_ != nullptr; }
  [[nodiscard]] bool is_calm() const { return calm_; }
  [[nodiscard]] bool published_enough() const { return checker_.acknowledged() > 3000; }
  [[nodiscard]] std::shared_ptr<Wire> open_wire(const std::string& client, mqtt::Version version);
  void later(std::function<void()> work) { later_.push_back(std::move(work)); }
  void note(const test::Event& event);
  // Publishes that the log took not, so far.
  [[nodiscard]] std::uint64_t refusals() const;
  [[nodiscard]] std::uint64_t next_will(const std::string& name) { return ++wills_[name]; }
  void set_sink(SimulatedSink* sink) { sink_ = sink; }
  // Who published a payload, and its number.
  [[nodiscard]] static std::pair<std::string, std::uint64_t> origin_of(std::string_view payload);
  // By the other side of the task, for ever.
  [[nodiscard]] static bool is_rejected(std::uint64_t sequence) { return sequence % 29 == 17; }
  [[nodiscard]] std::string history() const;
  // All of it, as it goes.
  void write_history(const std::string& path) { file_.open(path); }

 private:
  using MessageId = std::pair<std::string, std::uint64_t>;
  void choose_plan();
  void step();
  void choose_faults();

  void start();                    // until it runs
  [[nodiscard]] bool try_start();  // false: killed, or a fault met it
  [[nodiscard]] bool open_task();
  [[nodiscard]] std::vector<store::Hold> hold(store::Position after) const;
  void drop();  // the process is gone
  void crash();
  void stop_cleanly();
  void settle();
  [[nodiscard]] bool is_quiet();

  void check_log();
  void check_cursors();
  void check_retained();
  void check_retained_is_last();
  [[nodiscard]] std::string content();
  void check_idempotence();

  Random random_;
  SimulatedClock clock_;
  Scheduler scheduler_{random_, clock_};
  SimulatedDisk disk_{scheduler_, random_};
  SlowPool pool_{scheduler_, disk_, random_};
  const std::uint64_t planned_steps_;
  const std::string scratch_;
  store::EmbeddedOptions options_;
  broker::Broker::Options broker_options_;
  connect::TaskSpec spec_;
  Totals totals_;
  std::uint64_t refusals_before_ = 0;  // of processes that are gone
  bool calm_ = false;
  bool stopping_ = false;
  bool may_lose_power_ = true;

  std::unique_ptr<store::Store> store_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<broker::AccessControl> access_;
  std::unique_ptr<broker::Broker> broker_;
  std::unique_ptr<connect::DeadLetters> letters_;
  std::unique_ptr<connect::Worker> task_;
  metrics::Counter counter_;
  metrics::Histogram histogram_;
  SimulatedSink* sink_ = nullptr;

  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::weak_ptr<Wire>> wires_;  // since the start, with those that clients left behind
  std::deque<std::function<void()>> later_;
  std::map<std::string, std::uint64_t> wills_;

  test::HistoryChecker checker_;
  std::deque<std::string> recent_;                // the end of the history
  std::ofstream file_;                            // all of it, if somebody wants it
  std::map<MessageId, std::uint64_t> stored_at_;  // the first place of each
  std::map<MessageId, int> sent_;                 // QoS
  std::set<MessageId> acknowledged_;
  std::set<MessageId> refused_;                   // at least once
  std::map<std::string, MessageId> last_in_log_;  // of topics with RETAIN
};

}  // namespace sluice::simulation
