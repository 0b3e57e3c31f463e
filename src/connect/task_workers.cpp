// Where a task is, and the workers that go on from there.
#include <algorithm>
#include <cstdlib>
#include <iterator>

#include <boost/json/serialize.hpp>

#include "base/log.hpp"
#include "connect/documents.hpp"
#include "connect/task.hpp"
#include "connect/totals.hpp"
#include "connect/worker.hpp"
#include "connect/worker_group.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;
using store::Position;
using store::StateKind;

std::string document_key(std::string_view id) {
  return "task/" + std::string(id);
}

void place(Progress& progress, const store::Cursor& cursor) {
  progress.read_position = cursor.position;
  progress.cursor = cursor.position;
  progress.ahead = cursor.ahead;
  progress.acknowledged_ahead = cursor.acknowledged.size();
}

}  // namespace

std::string Task::transactional_id(unsigned worker) const {
  return "sluice-" + around_.options.node_name + "-" + record_.id + "-" + std::to_string(worker);
}

std::string Task::worker_client(unsigned number) const {
  return worker_name(connection_, spec_.name, number);
}

std::vector<std::string> Task::worker_clients() const {
  std::vector<std::string> names;
  for (unsigned i = 0; i < spec_.workers; ++i) names.push_back(worker_client(i));
  return names;
}

Result<void> Task::create(const broker::AccountChange* account) {
  SL_TRY_VOID(find_queues_from());
  SL_TRY_VOID(find_end());
  SL_TRY(cursor, begin(spec_.start));
  const Places places{.division = division_of(spec_),
                      .cursors = std::vector<store::Cursor>(spec_.workers, cursor)};
  place_parked(places);
  return save(&places, false, account);
}

Result<void> Task::resume() {
  SL_TRY(places, load_places());
  place_parked(places);
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < parked_workers_.size(); ++i)
    SL_TRY_VOID(
        load_totals(around_.store, places.division.state_id(record_.id, i), parked_workers_[i]));
  count_parked();
  return {};
}

// All workers go on from there; nothing that was done behind it counts any more.
Result<void> Task::begin_all_at(const store::Cursor& cursor) {
  SL_TRY(places, load_places());
  std::ranges::fill(places.cursors, cursor);
  places.before.clear();
  SL_TRY_VOID(save(&places, spec_.exactly_once));
  place_parked(places);
  return {};
}

// Whatever its queues have been given so far is done with. Where others have a part of it: mostly
// unknown, so no.
bool Task::has_read_all(const Places& places) const {
  return places.before.empty() &&
         std::ranges::all_of(places.cursors, [&](const store::Cursor& cursor) {
           const auto done = cursor.acknowledged.size();
           return !cursor.has_ahead() && cursor.position >= queues_from() &&
                  around_.store.count_after(queue_ids(), cursor.position, done + 1) <= done;
         });
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
  auto workers = old.workers();
  SL_TRY(places, load_places());
  const auto division = division_of(spec_);
  if (old.spec_.exactly_once && places.division != division)
    SL_TRY_VOID(old.must_be_settled(places.division));
  const auto text_of = [](const TaskSpec& spec) { return spec.end ? spec.end->text : ""; };
  if (text_of(spec_) != text_of(old.spec_)) SL_TRY_VOID(find_end());
  bool is_done_before = false;
  if (has_new) {
    SL_TRY_VOID(find_queues_from());
    is_done_before = kept.empty() || old.has_read_all(places);
    const std::scoped_lock lock(mutex_);
    record_.filters_before = std::move(kept);
  } else if (const std::scoped_lock lock(mutex_); !record_.filters_before.empty()) {
    std::erase_if(record_.filters_before, [&](const auto& filter) {
      return std::ranges::find(kept, filter) == kept.end();
    });
    is_done_before =
        record_.filters_before.empty() && places.lowest().position < record_.queues_from;
  }
  if (places.division == division) {
    const std::scoped_lock lock(mutex_);
    parked_ = std::move(parked);
    parked_workers_ = std::move(workers);
  } else {
    SL_TRY_VOID(divide_again(places, division, parked));
  }
  if (is_done_before) {
    std::ranges::fill(places.cursors, store::Cursor{queues_from(), {}});
    places.before.clear();
    place_parked(places);
  }
  return save(&places);
}

// Where a transaction took effect and nobody heard of it, the place that went with it lies beyond
// the cursor here. Other workers would not find it: each has another part, under another id.
Result<void> Task::must_be_settled(const Division& division) const {
  for (unsigned i = 0; i < division.workers; ++i) {
    const auto id = division.state_id(record_.id, i);
    SL_TRY(run, around_.store.get(StateKind::Document, Worker::run_key(id)));
    if (run)
      return sluice::fail(
          Errc::WrongState,
          "how the last transaction of " + worker_client(i) +
              " ended is not known yet, and other workers could not find it out: start the task "
              "while the other side answers, and change this then, or seek it first");
  }
  return {};
}

// What the workers have kept of themselves goes to the first of those that are there from now on:
// their sums, and what a run that was killed may have sent.
Result<void> Task::divide_again(Places& places, const Division& division, const Progress& parked) {
  const auto old = places;
  places = divided(std::move(places), division);
  begin_generation();  // a place of the old division says nothing of the new one's parts
  {
    const std::scoped_lock lock(mutex_);
    parked_ = parked;
    parked_workers_.assign(division.workers, Progress{});
    parked_workers_.front() = parked;
  }
  place_parked(places);
  std::uint64_t in_flight = 0;
  bool was_killed = false;
  const auto batch = around_.store.new_batch();
  batch->begin_atomic();
  for (unsigned i = 0; i < old.division.workers; ++i) {
    const auto id = old.division.state_id(record_.id, i);
    SL_TRY(run, around_.store.get(StateKind::Document, Worker::run_key(id)));
    was_killed = was_killed || run.has_value();
    if (run) in_flight += std::strtoull(run->c_str(), nullptr, 10);
    batch->erase(StateKind::Cursor, Worker::cursor_key(id));
    batch->erase(StateKind::Document, Worker::run_key(id));
    erase_totals(*batch, id);
  }
  const auto first = division.state_id(record_.id, 0);
  if (was_killed)
    batch->put(StateKind::Document, Worker::run_key(first), std::to_string(in_flight));
  put_totals(*batch, first, parked);
  put_places(*batch, record_.id, places);
  {
    const std::scoped_lock lock(mutex_);
    batch->put(StateKind::Document, document_key(record_.id), json::serialize(record_.to_json()));
  }
  batch->end_atomic();
  SL_TRY_VOID(around_.store.append(batch));
  return {};
}

void Task::place_parked(const Places& places) {
  const std::scoped_lock lock(mutex_);
  parked_workers_.resize(places.cursors.size());
  for (std::size_t i = 0; i < places.cursors.size(); ++i)
    place(parked_workers_[i], places.cursors[i]);
  place(parked_, places.cursors.size() == 1 ? places.cursors.front() : places.lowest());
}

// With mutex_ held: the task's own totals from those of its workers.
void Task::count_parked() {
  for (const auto total : {&Progress::delivered, &Progress::retried, &Progress::rejected,
                           &Progress::filtered, &Progress::denied, &Progress::looped,
                           &Progress::shed, &Progress::lost, &Progress::possible_duplicates}) {
    parked_.*total = 0;
    for (const auto& worker : parked_workers_) parked_.*total += worker.*total;
  }
}

Result<void> Task::save(const Places* places, bool settles_runs,
                        const broker::AccountChange* account) {
  const auto batch = around_.store.new_batch();
  batch->begin_atomic();
  {
    const std::scoped_lock lock(mutex_);
    batch->put(StateKind::Document, document_key(record_.id), json::serialize(record_.to_json()));
  }
  if (account != nullptr) account->put(*batch);
  if (places != nullptr) put_places(*batch, record_.id, *places);
  for (unsigned i = 0; settles_runs && i < places->division.workers; ++i)
    batch->erase(StateKind::Document, Worker::run_key(places->division.state_id(record_.id, i)));
  batch->end_atomic();
  SL_TRY(end, around_.store.append(batch));
  return around_.store.wait_durable(end);
}

Result<void> Task::erase(const broker::AccountChange* account) {
  SL_TRY(places, load_places());
  const auto batch = around_.store.new_batch();
  batch->begin_atomic();
  batch->erase(StateKind::Document, document_key(record_.id));
  batch->erase(StateKind::Document, source_key(record_.id));
  if (account != nullptr) account->put(*batch);
  erase_places(*batch, record_.id, places);
  for (unsigned i = 0; i < places.division.workers; ++i) {
    const auto id = places.division.state_id(record_.id, i);
    batch->erase(StateKind::Document, Worker::run_key(id));
    erase_totals(*batch, id);
  }
  batch->end_atomic();
  SL_TRY(end, around_.store.append(batch));
  SL_TRY_VOID(around_.store.wait_durable(end));
  return around_.dead_letters.erase_all(record_.id);
}

Result<Places> Task::load_places() const {
  return connect::load_places(around_.store, record_.id, [this] {
    log::error("a task has no cursor and begins at the earliest message", {{"task", record_.id}});
    return store::Cursor{queues_from() == Position() ? earliest() : Position(), {}};
  });
}

// Notes that a run is under way, and counts in `before` what the run before may have sent that its
// cursor does not cover, because it did not end cleanly: they go again.
Result<void> Task::begin_run(const std::string& state_id, const store::Cursor& cursor,
                             Progress& before) {
  const auto key = Worker::run_key(state_id);
  SL_TRY(run, around_.store.get(StateKind::Document, key));
  const auto part = std::max<std::uint64_t>(1, spec_.in_flight / spec_.workers);
  auto in_flight = spec_.exactly_once ? 0 : part;
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
  if (sent > 0) put_totals(*batch, state_id, before);
  batch->end_atomic();
  SL_TRY(end, around_.store.append(batch));
  SL_TRY_VOID(around_.store.wait_durable(end));
  counters().possible_duplicates.add(sent);
  return {};
}

std::shared_ptr<Runner> Task::make_worker(const json::object& settings) {
  const auto* connector = around_.registry.find(spec_.sink_type);
  auto places = load_places();
  if (!places) return cannot_start("its cursor cannot be read: " + places.error().detail);
  // A change of the document that did not come to its end.
  if (const auto division = division_of(spec_); places->division != division) {
    if (const auto divided = divide_again(*places, division, progress()); !divided)
      return cannot_start("it cannot be started: " + divided.error().detail);
  }
  if (has_finished(*places)) {
    finish_parked();
    return nullptr;
  }
  if (connector == nullptr || connector->make_sink == nullptr)
    return cannot_start("there is no connector `" + spec_.sink_type + "`");
  auto group = std::make_shared<WorkerGroup>(worker_clients(), around_.options.on_task_change);
  auto before = workers();
  for (unsigned i = 0; i < spec_.workers; ++i) {
    const auto state_id = places->division.state_id(record_.id, i);
    if (const auto begun = begin_run(state_id, places->cursors[i], before[i]); !begun)
      return cannot_start("it cannot be started: " + begun.error().detail);
    SinkConfig config{.connection = settings,
                      .sink = spec_.sink,
                      .client_id = worker_client(i),
                      .task_id = record_.id,
                      .files_directory = around_.options.files_directory,
                      .transactional_id = spec_.exactly_once ? transactional_id(i) : ""};
    auto make = [connector, config = std::move(config)](Sink::Callbacks callbacks) {
      return connector->make_sink(config, std::move(callbacks));
    };
    const bool is_shared = spec_.workers > 1 || !places->before.empty();
    Worker::Context context{
        .store = around_.store,
        .dead_letters = around_.dead_letters,
        .clock = around_.clock,
        .counters = counters(),
        .task_id = record_.id,
        .node_name = around_.options.node_name,
        .worker_name = worker_client(i),
        .queues = queue_ids(),
        .cursor = places->cursors[i],
        .queues_from = queues_from(),
        .filters_before = filters_before(),
        .ends_at = ends_at(),
        .generation = record().generation,
        .before = std::move(before[i]),
        .on_change = spec_.workers > 1 ? group->listener_of(i) : around_.options.on_task_change,
        .on_rejection = around_.options.on_task_rejection,
        .on_move = [&moves = around_.moves] { moves.tell(); },
        .origin = origin(),
        .guard = guard(),
        .ask_rights = ask_rights(i),
        .publishers = &around_.queues,
        .state_id = state_id,
        .workers = spec_.workers,
        .share =
            is_shared ? std::make_unique<Share>(*places, i, around_.options.node_name) : nullptr};
    if (spec_.encoding) {
      auto encoder = connector->make_encoder(settings, *spec_.encoding);
      if (!encoder) return cannot_start(encoder.error().detail);
      context.encoder = std::move(*encoder);
    }
    auto worker = std::make_unique<Worker>(std::move(context), spec_, std::move(make));
    if (spec_.workers == 1) return worker;
    group->add(std::move(worker));
  }
  return group;
}

}  // namespace sluice::connect
