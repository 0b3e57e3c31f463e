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
#include "mqtt/topic.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;
using store::Position;
using store::StateKind;

std::vector<std::string> texts_at(const json::object& object, std::string_view name) {
  std::vector<std::string> texts;
  const auto* list = object.if_contains(name);
  if (list == nullptr || !list->is_array()) return texts;
  for (const auto& each : list->get_array()) {
    if (each.is_string()) texts.emplace_back(each.get_string());
  }
  return texts;
}

Position before(Position position) {
  return Position(position.get() > 0 ? position.get() - 1 : 0);
}

}  // namespace

json::object TaskRecord::to_json() const {
  json::object out{
      {"id", id},           {"connection_id", connection_id}, {"created", created},
      {"updated", updated}, {"document", document},           {"queues_from", queues_from.get()}};
  if (!copies_connection_id.empty()) out["copies_connection_id"] = copies_connection_id;
  if (generation != 0) out["generation"] = generation;
  if (ends_at) out["ends_at"] = ends_at->get();
  if (made_account)
    out["made_account"] = json::object{{"user", made_account->user},
                                       {"user_id", made_account->user_id},
                                       {"policies", json::array(made_account->policy_ids.begin(),
                                                                made_account->policy_ids.end())}};
  if (!filters_before.empty())
    out["filters_before"] = json::array(filters_before.begin(), filters_before.end());
  return out;
}

Result<TaskRecord> TaskRecord::from_json(const json::object& saved) {
  const auto* document = saved.if_contains("document");
  TaskRecord record{.id = text_at(saved, "id"),
                    .connection_id = text_at(saved, "connection_id"),
                    .copies_connection_id = text_at(saved, "copies_connection_id"),
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
  if (saved.contains("ends_at")) {
    SL_TRY(ends_at, number("ends_at"));
    record.ends_at = Position(ends_at);
  }
  record.filters_before = texts_at(saved, "filters_before");
  if (const auto* made = saved.if_contains("made_account"); made && made->is_object()) {
    const auto& account = made->get_object();
    record.made_account = broker::MadeAccount{.user = text_at(account, "user"),
                                              .user_id = text_at(account, "user_id"),
                                              .policy_ids = texts_at(account, "policies")};
  }
  return record;
}

std::vector<Task::Cover> Task::covers_among(const std::vector<std::string>& filters) {
  std::vector<Cover> covers;
  for (std::size_t outer = 0; outer < filters.size(); ++outer)
    for (std::size_t inner = 0; inner < filters.size(); ++inner)
      if (outer != inner && mqtt::covers(filters[outer], filters[inner]))
        covers.push_back({outer, inner, mqtt::covers(filters[inner], filters[outer])});
  return covers;
}

Task::Task(Surroundings& around, TaskRecord record, TaskSpec spec, std::string connection)
    : around_(around),
      record_(std::move(record)),
      spec_(std::move(spec)),
      connection_(std::move(connection)),
      covers_(covers_among(spec_.filters)),
      enabled_(spec_.enabled) {
  parked_.state = TaskState::Paused;
  parked_.since_ms = around_.clock.wall_ms();
  parked_workers_.resize(spec_.workers);
}

Task::~Task() {
  pause();
}

std::string Task::group() const {
  return group_name(connection_, spec_.name);
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

std::vector<store::QueueId> Task::queue_ids() const {
  std::vector<store::QueueId> ids;
  ids.reserve(queues_.size());
  for (const auto& queue : queues_) ids.push_back(queue.id);
  return ids;
}

// Not those that stand in another one, too. A queue that was made later lacks what is older.
std::uint64_t Task::count_after(Position after) const {
  const auto has_all_of = [&](std::size_t outer, std::size_t inner) {
    return queues_[outer].created <= std::max(queues_[inner].created, after);
  };
  auto ids = queue_ids();
  std::vector<bool> is_spare(ids.size());
  for (const auto& cover : covers_) {
    if (cover.outer >= ids.size() || cover.inner >= ids.size()) continue;  // released
    if (!has_all_of(cover.outer, cover.inner)) continue;
    const bool is_mutual = cover.is_mutual && has_all_of(cover.inner, cover.outer);
    if (cover.outer < cover.inner || !is_mutual) is_spare[cover.inner] = true;
  }
  std::size_t index = 0;
  std::erase_if(ids, [&](store::QueueId /*id*/) { return is_spare[index++]; });
  return around_.store.count_after(ids, after, kMostCounted);
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

Result<void> Task::find_end() {
  std::optional<Position> end;
  if (spec_.end) {
    SL_TRY(found, end_of(spec_.end->where));
    end = found;
  }
  const std::scoped_lock lock(mutex_);
  record_.ends_at = end;
  return {};
}

// Durable when it returns: who has read to the end of the log then has seen all of the range.
Result<Position> Task::end_of(const Start& end) const {
  const auto newest = before(around_.store.head());
  SL_TRY_VOID(around_.store.wait_durable(around_.store.head()));
  if (const auto* time = std::get_if<StartTime>(&end)) {
    if (time->wall_ms > around_.clock.wall_ms())
      return sluice::fail(Errc::InvalidArgument, "must not lie in the future");
    return around_.store.position_before(time->wall_ms);
  }
  const auto* at = std::get_if<StartPosition>(&end);
  if (at == nullptr) return newest;
  if (Position(at->position) > newest)
    return sluice::fail(
        Errc::InvalidArgument,
        "must not lie behind the newest message, which stands at " + std::to_string(newest.get()));
  return Position(at->position);
}

std::optional<Position> Task::ends_at() const {
  const std::scoped_lock lock(mutex_);
  return record_.ends_at;
}

bool Task::has_finished(const Places& places) const {
  const auto end = ends_at();
  return end && std::ranges::all_of(places.cursors, [&](const store::Cursor& cursor) {
           return cursor.position >= *end;
         });
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

void Task::start(const json::object& settings, const json::object* copies) {
  const std::scoped_lock changing(changing_);
  if (worker_ || is_retired_) return;
  if (!invalid_.empty()) return fail_parked(invalid_);
  start_copier(copies);
  auto worker = spec_.is_inbound() ? make_source_worker(settings) : make_worker(settings);
  if (!worker) return;
  worker->start();
  const std::scoped_lock lock(mutex_);
  worker_ = std::move(worker);
  worker_->rights_changed();  // perhaps they have, before it could be told
}

AskRights Task::ask_rights(unsigned worker) const {
  auto* accounts = around_.options.accounts;
  if (accounts == nullptr || spec_.account.empty()) return {};
  return [accounts, user = spec_.account, client = worker_client(worker)] {
    return accounts->rights_of(user, client);
  };
}

broker::AccountRightsPtr Task::rights() const {
  const auto ask = ask_rights(0);
  return ask ? ask() : nullptr;
}

void Task::rights_changed() const {
  const std::scoped_lock lock(mutex_);
  if (worker_) worker_->rights_changed();
  if (copier_ && spec_.letter_copy->type == kLocal) copier_->try_refused_again();
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

// Nothing is left to be done: no worker, and no connection to the other side.
void Task::finish_parked() {
  const std::scoped_lock lock(mutex_);
  if (parked_.state == TaskState::Finished) return;
  parked_.state = TaskState::Finished;
  parked_.since_ms = around_.clock.wall_ms();
  parked_.reason.clear();
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
  if (copier_) copier_->request_stop();
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
  stop_copier();
  const std::scoped_lock lock(mutex_);
  if (worker) {
    parked_ = worker->progress();
    parked_workers_ = worker->workers();
  }
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
  begin_generation();
  return begin_all_at(cursor);
}

void Task::begin_generation() {
  const std::scoped_lock lock(mutex_);
  record_.generation = std::max<std::uint64_t>(record_.generation + 1,
                                               static_cast<std::uint64_t>(around_.clock.wall_ms()));
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
  SL_TRY_VOID(save(nullptr));
  enabled_ = enabled;
  return {};
}

Progress Task::progress() const {
  const std::scoped_lock lock(mutex_);
  return worker_ ? worker_->progress() : parked_;
}

std::vector<Progress> Task::workers() const {
  const std::scoped_lock lock(mutex_);
  if (worker_) return worker_->workers();
  if (parked_workers_.size() < 2) return {parked_};
  auto all = parked_workers_;
  for (auto& one : all) {
    one.state = parked_.state;
    one.since_ms = parked_.since_ms;
    one.reason = parked_.reason;
    one.next_try_ms = 0;
  }
  return all;
}

}  // namespace sluice::connect
