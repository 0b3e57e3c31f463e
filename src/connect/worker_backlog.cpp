// What a worker does about a back-log. docs/adr/0044 says why so.
#include <limits>

#include "base/log.hpp"
#include "connect/backlog.hpp"
#include "connect/worker.hpp"

namespace sluice::connect {
namespace {

using namespace std::chrono_literals;

// What waits for less is no back-log: a burst, or a pause of the other side that nobody noticed.
constexpr std::chrono::milliseconds kLate = 5s;

}  // namespace

store::Position bound_of_backlog(const TaskSpec& spec, const store::Store& store) {
  if (spec.backpressure != Backpressure::ShedOldest && spec.backpressure != Backpressure::ShedQos0)
    return {};
  return store.back_from(store.durable(), spec.backlog_bytes);
}

bool was_beyond_bound(const TaskSpec& spec, const store::Store& store) {
  return spec.backpressure == Backpressure::ShedOldest &&
         store.statistics().begin <= bound_of_backlog(spec, store);
}

bool Worker::is_beyond_bound(const model::Message& message) const {
  if (message.position() >= bound_) return false;
  return spec_.backpressure == Backpressure::ShedOldest || message.qos == 0;
}

// Said once, until the task has caught up: where messages keep coming faster than they go, it
// sheds a little again and again.
void Worker::begin_shedding() {
  if (std::exchange(is_shedding_, true)) return;
  const std::string reason = "its back-log is beyond backlog_bytes";
  log::warn("a task sheds messages: its back-log is beyond its bound",
            {{"task", context_.task_id}, {"backlog_bytes", spec_.backlog_bytes}});
  if (context_.on_change)
    context_.on_change({.task = spec_.name,
                        .task_id = context_.task_id,
                        .state = progress_.state,
                        .reason = reason,
                        .at_ms = context_.clock.wall_ms(),
                        .is_shedding = true});
}

void Worker::put_brakes_on() {
  if (spec_.backpressure != Backpressure::Block || context_.publishers == nullptr) return;
  for (const auto& filter : spec_.filters)
    brakes_.push_back(context_.publishers->brake(filter, [this] {
      {
        const std::scoped_lock lock(mutex_);
        inbox_.somebody_is_held = true;
      }
      wake_.notify_one();
    }));
  move_brakes();
}

// Where publishers are held back follows the oldest message that is not done with. Also while
// nothing waits there is such a place: the sink may keep this thread for seconds. A task that a
// person must mend holds back nobody: it would be for ever.
void Worker::move_brakes() {
  if (brakes_.empty()) return;
  auto end = broker::Brake::kOff;
  if (failure_.empty()) {
    const auto head = context_.store.head();
    const auto behind =
        has_something_left() ? context_.store.log_bytes(window_.oldest_position(), head) : 0;
    end = store::Position(head.get() + spec_.backlog_bytes - std::min(spec_.backlog_bytes, behind));
  }
  for (const auto& brake : brakes_) brake->hold_at(end);
}

bool Worker::has_something_left() {
  return window_.unfinished() > 0 || window_.cut_at() || is_back_filling() ||
         context_.store.count_after(context_.queues, window_.read_position(), 1) > 0;
}

bool Worker::is_late(std::int64_t stored_ms) const {
  return context_.clock.wall_ms() - stored_ms > kLate.count();
}

bool Worker::has_read_all() const {
  const auto cut = window_.cut_at();
  return at_end_ && (!cut || window_.read_position() >= *cut);
}

// What is ready waits so long already that it is a back-log: what comes from now on goes before it,
// and before what has not been read.
void Worker::let_fresh_ones_pass() {
  if (spec_.drain != Drain::FreshFirst || window_.cut_at()) return;
  const auto oldest = window_.next_records(1);
  if (oldest.empty() || !is_late(window_.timestamp_ms(oldest.front().token))) return;
  const auto end = context_.store.durable().get();
  window_.cut(std::max(window_.read_position(), store::Position(end > 0 ? end - 1 : 0)));
  at_end_ = false;
}

// The store knows of no cut. Contract: `at_end` says that nothing more is visible.
void Worker::end_at(store::Position last, store::ReadResult& read) {
  if (read.at_end) read.next = std::max(read.next, last);
  if (read.next <= last) return;
  std::erase_if(read.entries,
                [last](const auto& entry) { return entry.message->position() > last; });
  read.next = last;
  if (read.lost == 0) return;
  // Those behind it are counted where they are read, if anywhere.
  const auto behind = context_.store.skip_deleted(context_.queues, last);
  if (behind) read.lost -= std::min(read.lost, behind->lost);
}

// Nothing more is to be read. With an end there is one lane.
bool Worker::has_reached_end() const {
  return context_.ends_at && window_.read_position() >= *context_.ends_at;
}

bool Worker::has_finished() const {
  return has_reached_end() && window_.empty() && rejections_.empty();
}

void Worker::skip_deleted(Window::Lane lane) {
  if (has_reached_end()) return;
  const auto from = window_.read_position(lane);
  const auto skipped = context_.store.skip_deleted(context_.queues, from);
  if (!skipped || skipped->next <= from) return;
  store::ReadResult read{.entries = {}, .next = skipped->next, .lost = skipped->lost};
  if (lane != window_.newest_lane()) end_at(*window_.cut_at(), read);
  if (context_.ends_at) end_at(*context_.ends_at, read);
  note_lost(read.lost - std::min(read.lost, window_.known_up_to(read.next, lane)));
  window_.add(window_.new_batch(), read.next, lane);
  cursor_moved_ = true;
}

// Nothing is ready: unless there is more to read, the back-log is done with.
void Worker::has_caught_up() {
  if (!has_read_all()) return;
  is_catching_up_ = false;
  is_shedding_ = false;
}

// How many may be handed over now, when the next one was stored then.
std::size_t Worker::room_in_pace(std::int64_t stored_ms) {
  if (spec_.drain != Drain::Rate) return std::numeric_limits<std::size_t>::max();
  is_catching_up_ = is_catching_up_ || is_late(stored_ms);
  if (!is_catching_up_) return std::numeric_limits<std::size_t>::max();
  const auto room = pace_.room(steady_now());
  if (room == 0) paced_until_ = pace_.next();
  return room;
}

}  // namespace sluice::connect
