#include "connect/task.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/json_text.hpp"
#include "base/log.hpp"
#include "connect/documents.hpp"
#include "connect/text.hpp"
#include "connect/totals.hpp"
#include "connect/worker.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;
using store::Position;
using store::StateKind;

std::string document_key(std::string_view id) {
  return "task/" + std::string(id);
}

Position before(Position position) {
  return Position(position.get() > 0 ? position.get() - 1 : 0);
}

}  // namespace

json::object TaskRecord::to_json() const {
  json::object out{
      {"id", id},           {"connection_id", connection_id}, {"created", created},
      {"updated", updated}, {"document", document},           {"queues_from", queues_from.get()}};
  if (generation != 0) out["generation"] = generation;
  if (!filters_before.empty())
    out["filters_before"] = json::array(filters_before.begin(), filters_before.end());
  return out;
}

Result<TaskRecord> TaskRecord::from_json(const json::object& saved) {
  const auto* document = saved.if_contains("document");
  TaskRecord record{.id = text_at(saved, "id"),
                    .connection_id = text_at(saved, "connection_id"),
                    .created = text_at(saved, "created"),
                    .updated = text_at(saved, "updated"),
                    .document = {},
                    .queues_from = {}};
  if (record.id.empty() || document == nullptr || !document->is_object())
    return fail(Errc::Corrupt, "a saved task cannot be understood");
  record.document = document->get_object();
  const auto number = [&](std::string_view name) -> Result<std::uint64_t> {
    const auto* value = saved.if_contains(name);
    if (value == nullptr) return 0;
    json::error_code error;
    const auto read = value->to_number<std::uint64_t>(error);
    if (error) return fail(Errc::Corrupt, "a saved task cannot be understood");
    return read;
  };
  // Tasks of the first version have none: their queues hold all that is theirs.
  SL_TRY(queues_from, number("queues_from"));
  record.queues_from = Position(queues_from);
  SL_TRY(generation, number("generation"));
  record.generation = generation;
  if (const auto* filters = saved.if_contains("filters_before"); filters && filters->is_array()) {
    for (const auto& filter : filters->get_array()) {
      if (filter.is_string()) record.filters_before.emplace_back(filter.get_string());
    }
  }
  return record;
}

Task::Task(Surroundings& around, TaskRecord record, TaskSpec spec, std::string connection)
    : around_(around),
      record_(std::move(record)),
      spec_(std::move(spec)),
      connection_(std::move(connection)),
      enabled_(spec_.enabled) {
  parked_.state = TaskState::Paused;
  parked_.since_ms = around_.clock.wall_ms();
}

Task::~Task() {
  pause();
}

std::string Task::group() const {
  return group_name(connection_, spec_.name);
}
// Of its only worker: whoever has it shuts out whoever had it before.
std::string Task::transactional_id() const {
  return "sluice-" + around_.options.node_name + "-" + record_.id + "-0";
}
std::string Task::worker_client() const {
  return worker_name(connection_, spec_.name, 0);
}

Result<void> Task::acquire_queues() {
  for (; acquired_ < spec_.filters.size(); ++acquired_) {
    auto queue = around_.queues.acquire(spec_.filters[acquired_]);
    if (!queue) return tl::unexpected(std::move(queue).error());
    queues_.push_back(*queue);
  }
  return {};
}

void Task::release_queues() {
  for (; acquired_ > 0; --acquired_) around_.queues.release(spec_.filters[acquired_ - 1]);
  queues_.clear();
}

Result<void> Task::create() {
  SL_TRY_VOID(find_queues_from());
  SL_TRY(cursor, begin(spec_.start));
  place_parked(cursor);
  return save(cursor);
}

Result<void> Task::resume() {
  SL_TRY(cursor, load_cursor());
  place_parked(cursor);
  const std::scoped_lock lock(mutex_);
  return load_totals(around_.store, record_.id, parked_);
}

// Whatever its queues have been given so far is done with.
bool Task::has_read_all(const store::Cursor& cursor) const {
  const auto done = cursor.acknowledged.size();
  return !cursor.has_ahead() && cursor.position >= queues_from() &&
         around_.store.count_after(queue_ids(), cursor.position, done + 1) <= done;
}

// The queues of filters that are added hold nothing of what lies between the cursor and now: there
// the log itself is read, by the filters that both have. Unless nothing is missing there.
Result<void> Task::take_over(const Task& old) {
  std::vector<std::string> kept;
  std::ranges::copy_if(old.spec_.filters, std::back_inserter(kept), [&](const auto& filter) {
    return std::ranges::find(spec_.filters, filter) != spec_.filters.end();
  });
  const bool has_new = kept.size() < spec_.filters.size();
  auto parked = old.progress();
  {
    const std::scoped_lock lock(mutex_);
    parked_ = std::move(parked);
  }
  SL_TRY(cursor, load_cursor());
  bool is_done_before = false;
  if (has_new) {
    SL_TRY_VOID(find_queues_from());
    is_done_before = kept.empty() || old.has_read_all(cursor);
    const std::scoped_lock lock(mutex_);
    record_.filters_before = std::move(kept);
  } else if (const std::scoped_lock lock(mutex_); !record_.filters_before.empty()) {
    std::erase_if(record_.filters_before, [&](const auto& filter) {
      return std::ranges::find(kept, filter) == kept.end();
    });
    is_done_before = record_.filters_before.empty() && cursor.position < record_.queues_from;
  }
  if (!is_done_before) return save(std::nullopt);
  const store::Cursor moved{queues_from(), {}};
  place_parked(moved);
  return save(moved);
}

void Task::place_parked(const store::Cursor& cursor) {
  const std::scoped_lock lock(mutex_);
  parked_.read_position = cursor.position;
  parked_.cursor = cursor.position;
  parked_.ahead = cursor.ahead;
  parked_.acknowledged_ahead = cursor.acknowledged.size();
}

Result<void> Task::save(const std::optional<store::Cursor>& cursor) {
  const auto batch = around_.store.new_batch();
  batch->begin_atomic();
  {
    const std::scoped_lock lock(mutex_);
    batch->put(StateKind::Document, document_key(record_.id), json::serialize(record_.to_json()));
  }
  if (cursor) batch->put(StateKind::Cursor, Worker::cursor_key(record_.id), store::encode(*cursor));
  batch->end_atomic();
  SL_TRY(end, around_.store.append(batch));
  return around_.store.wait_durable(end);
}

Result<void> Task::erase() {
  const auto batch = around_.store.new_batch();
  batch->begin_atomic();
  batch->erase(StateKind::Document, document_key(record_.id));
  batch->erase(StateKind::Cursor, Worker::cursor_key(record_.id));
  batch->erase(StateKind::Document, Worker::run_key(record_.id));
  batch->erase(StateKind::Document, source_key(record_.id));
  erase_totals(*batch, record_.id);
  batch->end_atomic();
  SL_TRY(end, around_.store.append(batch));
  SL_TRY_VOID(around_.store.wait_durable(end));
  return around_.dead_letters.erase_all(record_.id);
}

std::vector<store::QueueId> Task::queue_ids() const {
  std::vector<store::QueueId> ids;
  ids.reserve(queues_.size());
  for (const auto& queue : queues_) ids.push_back(queue.id);
  return ids;
}

Position Task::earliest() const {
  auto first = queues_.front().created;
  for (const auto& queue : queues_) first = std::min(first, queue.created);
  return first;
}

// The queues have been acquired: from which place on they hold everything that matches.
Result<void> Task::find_queues_from() {
  SL_TRY_VOID(around_.queues.settle());
  const std::scoped_lock lock(mutex_);
  record_.queues_from = before(around_.store.head());
  return {};
}

Position Task::queues_from() const {
  const std::scoped_lock lock(mutex_);
  return record_.queues_from;
}

std::vector<std::string> Task::filters_before() const {
  const std::scoped_lock lock(mutex_);
  return record_.filters_before.empty() ? spec_.filters : record_.filters_before;
}

TaskRecord Task::record() const {
  const std::scoped_lock lock(mutex_);
  return record_;
}

Result<store::Cursor> Task::begin(const Start& start) const {
  if (std::holds_alternative<StartEarliest>(start)) return store::Cursor{};
  if (const auto* at = std::get_if<StartPosition>(&start))
    return store::Cursor{before(Position(at->position)), {}};
  if (const auto* time = std::get_if<StartTime>(&start)) {
    // All that is older than now is durable then, and so is found.
    SL_TRY_VOID(around_.store.wait_durable(around_.store.head()));
    SL_TRY(position, around_.store.position_before(time->wall_ms));
    return store::Cursor{position, {}};
  }
  // Whatever comes from now on stands at head() or behind it.
  return store::Cursor{before(around_.store.head()), {}};
}

Result<store::Cursor> Task::load_cursor() const {
  SL_TRY(bytes, around_.store.get(StateKind::Cursor, Worker::cursor_key(record_.id)));
  if (!bytes) {
    log::error("a task has no cursor and begins at the earliest message", {{"task", record_.id}});
    return store::Cursor{queues_from() == Position() ? earliest() : Position(), {}};
  }
  return store::decode_cursor(*bytes);
}

// Notes that a run is under way, and counts in `before` what the run before may have sent that its
// cursor does not cover, because it did not end cleanly: they go again.
Result<void> Task::begin_run(const store::Cursor& cursor, Progress& before) {
  const auto key = Worker::run_key(record_.id);
  SL_TRY(run, around_.store.get(StateKind::Document, key));
  auto in_flight = static_cast<std::uint64_t>(spec_.exactly_once ? 0 : spec_.in_flight);
  std::uint64_t sent = 0;
  if (run) {
    const auto most = std::strtoull(run->c_str(), nullptr, 10);
    in_flight = std::max<std::uint64_t>(in_flight, most);
    const auto known = cursor.acknowledged.size();
    const auto behind = count_left(cursor.position, cursor.ahead);
    sent = std::min<std::uint64_t>(most, behind - std::min<std::uint64_t>(behind, known));
  }
  before.possible_duplicates += sent;
  const auto batch = around_.store.new_batch();
  batch->begin_atomic();
  batch->put(StateKind::Document, key, std::to_string(in_flight));
  if (sent > 0) put_totals(*batch, record_.id, before);
  batch->end_atomic();
  SL_TRY(end, around_.store.append(batch));
  SL_TRY_VOID(around_.store.wait_durable(end));
  counters().possible_duplicates.add(sent);
  return {};
}

void Task::start(const json::object& settings) {
  const std::scoped_lock changing(changing_);
  if (worker_ || is_retired_) return;
  if (!invalid_.empty()) return fail_parked(invalid_);
  auto worker = spec_.is_inbound() ? make_source_worker(settings) : make_worker(settings);
  if (!worker) return;
  worker->start();
  const std::scoped_lock lock(mutex_);
  worker_ = std::move(worker);
}

std::shared_ptr<Runner> Task::make_worker(const json::object& settings) {
  const auto* connector = around_.registry.find(spec_.sink_type);
  auto cursor = load_cursor();
  if (!cursor) return cannot_start("its cursor cannot be read: " + cursor.error().detail);
  if (connector == nullptr || connector->make_sink == nullptr)
    return cannot_start("there is no connector `" + spec_.sink_type + "`");
  auto before = progress();
  if (const auto begun = begin_run(*cursor, before); !begun)
    return cannot_start("it cannot be started: " + begun.error().detail);
  SinkConfig config{.connection = settings,
                    .sink = spec_.sink,
                    .client_id = worker_client(),
                    .task_id = record_.id,
                    .files_directory = around_.options.files_directory,
                    .transactional_id = spec_.exactly_once ? transactional_id() : ""};
  auto make = [connector, config = std::move(config)](Sink::Callbacks callbacks) {
    return connector->make_sink(config, std::move(callbacks));
  };
  return std::make_shared<Worker>(Worker::Context{.store = around_.store,
                                                  .dead_letters = around_.dead_letters,
                                                  .clock = around_.clock,
                                                  .counters = counters(),
                                                  .task_id = record_.id,
                                                  .node_name = around_.options.node_name,
                                                  .worker_name = worker_client(),
                                                  .queues = queue_ids(),
                                                  .cursor = std::move(*cursor),
                                                  .queues_from = queues_from(),
                                                  .filters_before = filters_before(),
                                                  .generation = record().generation,
                                                  .before = std::move(before),
                                                  .on_change = around_.options.on_task_change,
                                                  .on_rejection = around_.options.on_task_rejection,
                                                  .origin = origin(),
                                                  .publishers = &around_.queues},
                                  spec_, std::move(make));
}

std::shared_ptr<Runner> Task::cannot_start(std::string reason) {
  fail_parked(std::move(reason));
  return nullptr;
}

void Task::fail(std::string reason) {
  const std::scoped_lock changing(changing_);
  if (!worker_) fail_parked(invalid_.empty() ? std::move(reason) : invalid_);
}

void Task::fail_parked(std::string reason) {
  const std::scoped_lock lock(mutex_);
  parked_.state = TaskState::Failed;
  parked_.since_ms = around_.clock.wall_ms();
  parked_.reason = std::move(reason);
  tell_parked();
}

void Task::tell_parked() const {
  if (around_.options.on_task_change)
    around_.options.on_task_change({.task = spec_.name,
                                    .task_id = record_.id,
                                    .state = parked_.state,
                                    .reason = parked_.reason,
                                    .at_ms = parked_.since_ms});
}

void Task::request_pause() {
  const std::scoped_lock lock(mutex_);
  if (worker_) worker_->request_stop();
}

void Task::retire() {
  {
    const std::scoped_lock changing(changing_);
    is_retired_ = true;
  }
  pause();
}

void Task::revive() {
  const std::scoped_lock changing(changing_);
  is_retired_ = false;
}

void Task::pause() {
  const std::scoped_lock changing(changing_);
  std::shared_ptr<Runner> worker;
  {
    const std::scoped_lock lock(mutex_);
    worker = worker_;
  }
  if (worker) worker->stop();
  const std::scoped_lock lock(mutex_);
  if (worker) parked_ = worker->progress();
  worker_.reset();
  const bool is_new = parked_.state != TaskState::Paused;
  if (is_new) parked_.since_ms = around_.clock.wall_ms();
  parked_.state = TaskState::Paused;
  parked_.reason.clear();
  parked_.next_try_ms = 0;
  if (is_new) tell_parked();
}

Result<void> Task::seek(const Start& start) {
  pause();
  const std::scoped_lock changing(changing_);
  if (queues_from() == Position()) SL_TRY_VOID(find_queues_from());
  SL_TRY(cursor, begin(start));
  {
    const std::scoped_lock lock(mutex_);
    record_.generation = std::max<std::uint64_t>(
        record_.generation + 1, static_cast<std::uint64_t>(around_.clock.wall_ms()));
  }
  SL_TRY_VOID(save(cursor));
  place_parked(cursor);
  return {};
}

Result<void> Task::set_enabled(bool enabled) {
  const std::scoped_lock changing(changing_);
  if (is_retired_) return sluice::fail(Errc::WrongState, "the task is being changed or deleted");
  if (enabled_ == enabled) return {};
  {
    const std::scoped_lock lock(mutex_);
    record_.document["enabled"] = enabled;
    record_.updated = rfc3339(around_.clock.wall_ms());
  }
  SL_TRY_VOID(save(std::nullopt));
  enabled_ = enabled;
  return {};
}

Progress Task::progress() const {
  const std::scoped_lock lock(mutex_);
  return worker_ ? worker_->progress() : parked_;
}

}  // namespace sluice::connect
