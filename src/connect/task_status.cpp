// What a task tells of itself: its entity and its metrics.
#include <algorithm>
#include <limits>

#include <boost/json/array.hpp>

#include "connect/documents.hpp"
#include "connect/service.hpp"
#include "connect/task.hpp"
#include "connect/text.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using store::Position;

// Connected and silent for so long with something unsent: not healthy, whatever the client says.
constexpr auto kStalledAfter = 5s;

const metrics::Declaration kDelivered{"sluice_task_delivered_total",
                                      "Records that the other side has acknowledged.",
                                      metrics::Kind::Counter,
                                      {"task", "task_id"}};
const metrics::Declaration kRetried{"sluice_task_retried_total",
                                    "Records that came back and were handed over again.",
                                    metrics::Kind::Counter,
                                    {"task", "task_id"}};
const metrics::Declaration kRejected{"sluice_task_rejected_total",
                                     "Messages that can never be delivered as they stand.",
                                     metrics::Kind::Counter,
                                     {"task", "task_id"}};
const metrics::Declaration kFiltered{"sluice_task_filtered_total",
                                     "Messages passed over by rule: expired.",
                                     metrics::Kind::Counter,
                                     {"task", "task_id"}};
const metrics::Declaration kDenied{
    "sluice_task_denied_total",
    "Messages passed over because a policy keeps the task's account from receiving them.",
    metrics::Kind::Counter,
    {"task", "task_id"}};
const metrics::Declaration kLooped{
    "sluice_task_looped_total",
    "Messages that a task did not carry again: it had before, or too many had brought them in.",
    metrics::Kind::Counter,
    {"task", "task_id"}};
const metrics::Declaration kShed{
    "sluice_task_shed_total",
    "Messages passed over because the back-log was beyond its bound: delivery.backpressure.",
    metrics::Kind::Counter,
    {"task", "task_id"}};
const metrics::Declaration kLost{"sluice_task_lost_total",
                                 "Messages that retention deleted before they were delivered.",
                                 metrics::Kind::Counter,
                                 {"task", "task_id"}};
const metrics::Declaration kDuplicates{
    "sluice_task_possible_duplicates_total",
    "Records handed over again that may have arrived the first time. After a killed run: all that "
    "may be, at most the task's in_flight.",
    metrics::Kind::Counter,
    {"task", "task_id"}};
const metrics::Declaration kDelivery{
    "sluice_task_delivery_seconds",
    "From the store timestamp of a message to the other side's acknowledgement of its record.",
    metrics::Kind::Histogram,
    {"task", "task_id"}};
const metrics::Declaration kLag{
    "sluice_task_lag_messages",
    "Messages in the task's queues that are not delivered yet. One that several of its filters "
    "match may count for each of them, unless one of these covers the others.",
    metrics::Kind::Gauge,
    {"task", "task_id"}};
const metrics::Declaration kAge{"sluice_task_oldest_unsent_age_seconds",
                                "Age of the oldest message not delivered yet.",
                                metrics::Kind::Gauge,
                                {"task", "task_id"}};
const metrics::Declaration kInFlight{"sluice_task_in_flight",
                                     "Records handed over and not answered yet.",
                                     metrics::Kind::Gauge,
                                     {"task", "task_id"}};
const metrics::Declaration kUp{"sluice_task_up",
                               "1 while the task runs or has finished, 0 while it waits, is paused "
                               "or failed.",
                               metrics::Kind::Gauge,
                               {"task", "task_id"}};

// Of each worker alone, as it tells them itself: its counters go on over restarts.
const metrics::Declaration kWorkerDelivered{"sluice_task_worker_delivered_total",
                                            "Records of one worker that were acknowledged.",
                                            metrics::Kind::Counter,
                                            {"task", "task_id", "worker"}};
const metrics::Declaration kWorkerRetried{
    "sluice_task_worker_retried_total",
    "Records of one worker that came back and were handed over again.",
    metrics::Kind::Counter,
    {"task", "task_id", "worker"}};
const metrics::Declaration kWorkerRejected{
    "sluice_task_worker_rejected_total",
    "Messages of one worker that can never be delivered as they stand.",
    metrics::Kind::Counter,
    {"task", "task_id", "worker"}};
const metrics::Declaration kWorkerUnfinished{
    "sluice_task_worker_unfinished",
    "Messages that one worker has read and is not done with.",
    metrics::Kind::Gauge,
    {"task", "task_id", "worker"}};
const metrics::Declaration kWorkerUp{
    "sluice_task_worker_up",
    "1 while the worker runs or has finished, 0 while it waits, is paused or failed.",
    metrics::Kind::Gauge,
    {"task", "task_id", "worker"}};

json::value time_or_null(std::int64_t wall_ms) {
  return wall_ms == 0 ? json::value(nullptr) : json::value(rfc3339(wall_ms));
}

// One that has finished needs nobody.
bool is_up(TaskState state) {
  return state == TaskState::Running || state == TaskState::Finished;
}

// Health comes from progress: a worker that has handed something over and hears nothing waits.
Progress judged(Progress progress, std::int64_t now_ms) {
  const auto silent = std::chrono::steady_clock::now() - progress.last_movement;
  if (progress.state != TaskState::Running || progress.in_sink == 0 || silent < kStalledAfter)
    return progress;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(silent).count();
  progress.state = TaskState::Waiting;
  progress.reason = "the other side has not answered for " + std::to_string(seconds) +
                    " s; the client library keeps trying";
  progress.since_ms = now_ms - seconds * 1000;
  return progress;
}

json::object worker_entity(std::string client, const Progress& progress) {
  return {{"client", std::move(client)},
          {"status", name_of(progress.state)},
          {"status_reason", progress.reason},
          {"since", time_or_null(progress.since_ms)},
          {"in_flight", progress.in_sink},
          {"unfinished", progress.unfinished},
          {"delivered", progress.delivered},
          {"retried", progress.retried},
          {"rejected", progress.rejected},
          {"filtered", progress.filtered},
          {"last_error",
           progress.last_error.empty() ? json::value(nullptr) : json::value(progress.last_error)}};
}

}  // namespace

void declare_task_metrics(metrics::Registry& registry) {
  for (const auto* declaration :
       {&kDelivered, &kRetried, &kRejected, &kFiltered, &kLooped, &kShed, &kLost, &kDuplicates,
        &kDenied, &kDelivery, &kLag, &kAge, &kInFlight, &kUp, &kWorkerDelivered, &kWorkerRetried,
        &kWorkerRejected, &kWorkerUnfinished, &kWorkerUp}) {
    registry.declare(*declaration);
  }
  declare_copy_metrics(registry);
}

metrics::Labels Task::labels() const {
  return {{"task", spec_.name}, {"task_id", record_.id}};
}

TaskCounters Task::counters() const {
  auto& registry = around_.metrics;
  return {registry.counter(kDelivered, labels()), registry.counter(kRetried, labels()),
          registry.counter(kRejected, labels()),  registry.counter(kFiltered, labels()),
          registry.counter(kLooped, labels()),    registry.counter(kShed, labels()),
          registry.counter(kLost, labels()),      registry.counter(kDuplicates, labels()),
          registry.counter(kDenied, labels()),    registry.histogram(kDelivery, labels())};
}

void Task::watch(const std::shared_ptr<Task>& self) {
  static_cast<void>(counters());  // shown from the beginning, at 0
  const auto observe = [&](const metrics::Declaration& declaration, auto value) {
    around_.metrics.observe(declaration, labels(), [weak = std::weak_ptr(self), value] {
      const auto task = weak.lock();
      return task ? value(*task) : 0.0;
    });
  };
  observe(kLag, [](const Task& task) {
    const auto workers = task.workers();
    const bool is_known = !task.spec_.is_inbound() || workers.front().source_lag.has_value();
    return is_known ? static_cast<double>(task.lag(workers))
                    : std::numeric_limits<double>::quiet_NaN();
  });
  observe(kAge, [](const Task& task) {
    const auto oldest = task.oldest_unsent_ms(task.progress());
    const auto age = oldest == 0 ? 0 : task.around_.clock.wall_ms() - oldest;
    return static_cast<double>(std::max<std::int64_t>(0, age)) / 1000.0;
  });
  observe(kInFlight, [](const Task& task) { return static_cast<double>(task.progress().in_sink); });
  observe(kUp, [](const Task& task) {
    const auto progress = judged(task.progress(), task.around_.clock.wall_ms());
    return is_up(progress.state) ? 1.0 : 0.0;
  });
  if (spec_.letter_copy) watch_copies(self);
  for (unsigned i = 0; i < spec_.workers; ++i) watch_worker(self, i);
}

void Task::watch_worker(const std::shared_ptr<Task>& self, unsigned number) {
  auto labels = this->labels();
  labels["worker"] = worker_client(number);
  const auto observe = [&](const metrics::Declaration& declaration, auto value) {
    around_.metrics.observe(
        declaration, labels, [weak = std::weak_ptr(self), number, value]() -> double {
          const auto task = weak.lock();
          if (!task) return 0;
          const auto workers = task->workers();
          if (number >= workers.size()) return 0;
          return static_cast<double>(value(judged(workers[number], task->around_.clock.wall_ms())));
        });
  };
  observe(kWorkerDelivered, [](const Progress& worker) { return worker.delivered; });
  observe(kWorkerRetried, [](const Progress& worker) { return worker.retried; });
  observe(kWorkerRejected, [](const Progress& worker) { return worker.rejected; });
  observe(kWorkerUnfinished, [](const Progress& worker) { return worker.unfinished; });
  observe(kWorkerUp, [](const Progress& worker) { return is_up(worker.state) ? 1 : 0; });
}

void Task::forget_workers() {
  for (const auto& client : worker_clients()) around_.metrics.forget("worker", client);
}

void Task::forget() {
  around_.metrics.forget("task_id", record_.id);
}

// While it is unread, a message that two of the task's filters match counts twice where neither of
// them matches all that the other does, as `a/+` and `+/b`. What lies before the queues has been
// counted by nobody: `back_fill_bytes` says how much of the log that is.
//
// Whose an unread message is of several workers it does not know: each is taken to have its part.
std::uint64_t Task::lag(std::span<const Progress> workers) const {
  if (spec_.is_inbound()) return workers.front().source_lag.value_or(0);
  if (queues_.empty()) return 0;
  const auto end = ends_at();
  const auto beyond = end ? count_after(std::max(*end, queues_from())) : 0;
  std::uint64_t lag = 0;
  for (const auto& worker : workers) {
    const auto read = std::max(worker.read_position, queues_from());
    const auto left = count_left(read, worker.ahead);
    const auto behind = (left - std::min(left, beyond) + workers.size() - 1) / workers.size();
    lag += behind - std::min(behind, worker.acknowledged_ahead) + worker.unfinished;
  }
  return lag;
}

std::uint64_t Task::count_left(Position after, const store::Cursor::Ahead& ahead) const {
  const auto behind = count_after(after);
  if (ahead.up_to == Position()) return behind;
  const auto from = count_after(ahead.after);
  const auto to = count_after(ahead.up_to);
  return behind - std::min(behind, from - std::min(from, to));
}

// What a cursor of a new task has not come to yet it may have to read.
bool Task::is_done_before(Position position) const {
  const auto ids = queue_ids();
  const auto beyond = around_.store.count_after(ids, position, kMostCounted);
  for (const auto& worker : workers()) {
    if (worker.cursor >= position) continue;
    if (worker.cursor < queues_from()) return false;
    if (around_.store.count_after(ids, worker.cursor, kMostCounted) > beyond) return false;
  }
  return true;
}

std::optional<std::string> Task::why_not_delivered(Position position) const {
  const auto who = "the task `" + spec_.name + "`";
  if (spec_.is_inbound()) return who + " brings messages in itself, and delivers none";
  if (is_done_before(position)) return std::nullopt;
  const auto progress = judged(this->progress(), around_.clock.wall_ms());
  if (progress.state == TaskState::Running || progress.state == TaskState::Starting) return "";
  auto why = who + " is to deliver what comes, and is " + std::string(name_of(progress.state));
  return progress.reason.empty() ? why : why + ": " + progress.reason;
}

std::int64_t Task::oldest_unsent_ms(const Progress& progress) const {
  if (progress.oldest_unfinished_ms != 0) return progress.oldest_unfinished_ms;
  const auto ids = queue_ids();
  if (ids.empty()) return 0;
  const auto next = around_.store.read({.queues = ids,
                                        .after = std::max(progress.read_position, queues_from()),
                                        .maximum_messages = 1,
                                        .visibility = store::Visibility::Durable});
  return next && !next->entries.empty() ? next->entries.front().message->timestamp_ms : 0;
}

json::object Task::entity() const {
  const auto now_ms = around_.clock.wall_ms();
  const auto progress = judged(this->progress(), now_ms);
  const auto workers = this->workers();
  const auto lag_messages = lag(workers);
  const auto oldest_ms = lag_messages == 0 ? 0 : oldest_unsent_ms(progress);
  const auto average =
      progress.messages_read == 0 ? 0 : progress.bytes_read / progress.messages_read;

  json::object out;
  out["id"] = record_.id;
  for (const auto& member : spec_.shown) out[member.key()] = member.value();
  out["enabled"] = is_enabled();
  out["status"] = name_of(progress.state);
  out["status_reason"] = progress.reason;
  out["since"] = time_or_null(progress.since_ms);
  out["next_try"] = time_or_null(progress.next_try_ms);
  const bool is_known = !spec_.is_inbound() || progress.source_lag.has_value();
  out["lag_messages"] = is_known ? json::value(lag_messages) : json::value(nullptr);
  // An estimate: of payloads, by their average so far.
  out["lag_bytes"] = is_known ? json::value(lag_messages * average) : json::value(nullptr);
  out["back_fill_bytes"] = around_.store.log_bytes(
      progress.read_position, std::min(queues_from(), ends_at().value_or(queues_from())));
  out["oldest_unsent_age_seconds"] =
      oldest_ms == 0 ? 0.0
                     : static_cast<double>(std::max<std::int64_t>(0, now_ms - oldest_ms)) / 1e3;
  out["in_flight"] = progress.in_sink;
  out["delivered"] = progress.delivered;
  out["retried"] = progress.retried;
  out["rejected"] = progress.rejected;
  out["filtered"] = progress.filtered;
  if (spec_.is_inbound() || !guard().empty()) out["looped"] = progress.looped;
  if (!spec_.account.empty()) out["denied"] = progress.denied;
  out["shed"] = progress.shed;
  out["lost"] = progress.lost;
  out["possible_duplicates"] = progress.possible_duplicates;
  out["dead_letters"] = around_.dead_letters.count(record_.id);
  out["dead_letter_copies"] = copies_entity();
  out["last_error"] =
      progress.last_error.empty() ? json::value(nullptr) : json::value(progress.last_error);
  out["last_error_at"] = time_or_null(progress.last_error_ms);
  out["last_success"] = time_or_null(progress.last_success_ms);
  out["group"] = group();
  json::array clients, shown;
  for (std::size_t i = 0; i < workers.size(); ++i) {
    auto client = worker_client(static_cast<unsigned>(i));
    shown.push_back(worker_entity(client, judged(workers[i], now_ms)));
    clients.emplace_back(std::move(client));
  }
  out["clients"] = std::move(clients);
  out["workers"] = std::move(shown);
  const std::scoped_lock lock(mutex_);
  out["account_made"] = record_.made_account.has_value();
  out["created"] = record_.created;
  out["updated"] = record_.updated;
  return out;
}

}  // namespace sluice::connect
