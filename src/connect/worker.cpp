#include "connect/worker.hpp"

#include <algorithm>
#include <pthread.h>
#include <utility>

#include "base/log.hpp"
#include "connect/backlog.hpp"

namespace sluice::connect {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::size_t kReadMessages = 512;
// Each of them may take the most time and memory that a message is allowed.
constexpr std::size_t kReadToProcess = 128;
constexpr std::size_t kReadBytes = std::size_t{1} << 20;
// Records that stand ready beyond what the sink has: enough to keep it busy, few enough to wait.
constexpr std::size_t kReadAhead = 1024;
constexpr std::size_t kWindowMessages = 32768;
constexpr std::size_t kLongestThreadName = 15;
constexpr auto kReadAgainAfter = 1s;
constexpr auto kDrainStep = 100ms;
constexpr auto kAbandonWithin = 30s;
// An other side that is away is not waited for when nothing has come from it for so long. Until
// then it may be back in a moment, and what it has is not sent twice.
constexpr auto kAwayFor = 5s;

}  // namespace

Worker::Worker(Context context, const TaskSpec& spec, MakeSink make_sink)
    : ReportingRunner({.clock = context.clock,
                       .task = spec.name,
                       .task_id = context.task_id,
                       .worker = context.worker_name,
                       .on_change = context.on_change,
                       .ask_rights = context.ask_rights},
                      Backoff(spec.retry_initial, spec.retry_maximum, context.seed),
                      context.before),
      context_(std::move(context)),
      spec_(spec),
      in_flight_(std::max<std::size_t>(1, spec.in_flight / context_.workers)),
      window_bytes_(spec.window_bytes / context_.workers),
      window_messages_(kWindowMessages / context_.workers),
      make_sink_(std::move(make_sink)),
      mapper_(spec.mapping, context_.node_name, context_.worker_name, context_.origin),
      window_(context_.cursor),
      committed_(context_.cursor),
      pace_(std::max(1U, spec.drain_rate / context_.workers)) {
  if (context_.state_id.empty()) context_.state_id = context_.task_id;
  if (!spec.steps.is_empty()) processor_.emplace(spec.steps);
  progress_.last_movement = steady_now();
  set_state(TaskState::Starting, "");
  publish_progress();
}

Worker::~Worker() {
  stop();
}

std::string Worker::cursor_key(std::string_view state_id) {
  return cursor_key_of(state_id);
}

std::string Worker::run_key(std::string_view state_id) {
  return "task_run/" + std::string(state_id);
}

void Worker::start() {
  thread_ = context_.threads->start([this] { run(); });
}

void Worker::request_stop() {
  {
    const std::scoped_lock lock(mutex_);
    inbox_.stopping = true;
  }
  wake_.notify_one();
}

void Worker::log_deleted(std::uint64_t lost) {
  {
    const std::scoped_lock lock(mutex_);
    inbox_.log_deleted = true;
    inbox_.lost_before_queue += lost;
  }
  wake_.notify_one();
}

void Worker::rights_changed() {
  {
    const std::scoped_lock lock(mutex_);
    rights_changed_ = true;
  }
  wake_.notify_one();
}

void Worker::stop() {
  request_stop();
  if (auto ending = std::move(thread_)) ending->join();
}

// A turn settles what came back, then moves what can move; between turns the thread sleeps until
// the sink, the store, a timer or stop() has something for it.
void Worker::run() {
  pthread_setname_np(pthread_self(), context_.worker_name.substr(0, kLongestThreadName).c_str());
  put_brakes_on();
  review_rights(spec_);
  if (open_sink() && find_last_place() && !is_held()) set_state(TaskState::Running, "");
  while (!stopping_) turn();
  park();
}

bool Worker::open_sink() {
  const Sink::Callbacks callbacks{.on_ready = [this] {
    {
      const std::scoped_lock lock(mutex_);
      inbox_.sink_is_ready = true;
    }
    wake_.notify_one();
  }};
  while (!stopping_) {
    auto made = make_sink_(callbacks);
    if (made) {
      sink_ = std::move(*made);
      resume_at_.reset();
      wait_reason_.clear();
      return true;
    }
    if (made.error().code == Errc::InvalidArgument) {
      fail_for_good(made.error().detail);
      return false;
    }
    wait_for(made.error().detail);
    sleep_before_next_try();
  }
  return false;
}

// Before the first turn. What the sink has to say meanwhile is heard, or it would wake for ever.
void Worker::sleep_before_next_try() {
  publish_progress();
  while (!stopping_ && steady_now() < *resume_at_) {
    wait();
    take_inbox();
    collect();
  }
}

void Worker::turn() {
  take_inbox();
  if (stopping_) return;
  end_gathering();
  if (log_was_deleted_) skip_deleted();
  collect();
  const auto letters_before = rejections_.size();
  const auto read_before = read_positions();
  const auto in_sink_before = window_.in_sink();
  keep_dead_letters();
  if (failure_.empty()) {
    if (!is_held()) read_more();
    hand_over();
    if (is_transaction_due()) end_transaction();
    fail_behind_what_was_read();
  }
  commit();
  publish_progress();
  const bool moved = rejections_.size() < letters_before || read_positions() != read_before ||
                     window_.in_sink() > in_sink_before;
  if (!moved) wait();
}

void Worker::take_inbox() {
  review_rights(spec_);
  const std::scoped_lock lock(mutex_);
  inbox_.sink_is_ready = false;
  inbox_.somebody_is_held = false;
  if (inbox_.woken) {
    inbox_.woken = false;
    is_asked_to_wake_ = false;
    at_end_ = false;
  }
  log_was_deleted_ = std::exchange(inbox_.log_deleted, false) || log_was_deleted_;
  lost_before_queue_ += std::exchange(inbox_.lost_before_queue, 0);
  stopping_ = inbox_.stopping;
}

void Worker::collect() {
  if (!sink_) return;
  deliveries_.clear();
  const auto again = sink_->collect(deliveries_);
  collect_at_ = again == Sink::kNotByItself ? SteadyTime::max() : steady_now() + again;
  settle(deliveries_);
  if (window_.in_sink() == 0) {
    is_ending_ = false;
    end_by_.reset();
  }
  const auto away = sink_->away();
  if (away == away_reason_) return;
  away_reason_ = away;
  if (!away_reason_.empty()) note_error(away_reason_);
}

void Worker::wait() {
  ask_for_wake();
  const auto deadline = next_deadline();
  std::unique_lock lock(mutex_);
  const auto has_mail = [this] {
    return inbox_.sink_is_ready || inbox_.woken || inbox_.stopping || inbox_.log_deleted ||
           inbox_.somebody_is_held || rights_changed_;
  };
  context_.threads->wait(
      wake_, lock, has_mail,
      deadline == SteadyTime::max() ? Threads::kForever : deadline - steady_now());
  stopping_ = inbox_.stopping;
}

Worker::SteadyTime Worker::next_deadline() const {
  auto deadline = collect_at_;
  if (cursor_moved_) deadline = std::min(deadline, last_commit_ + kCommitEvery);
  if (!failure_.empty()) return deadline;
  if (end_by_ && !is_ending_) deadline = std::min(deadline, *end_by_);
  if (letters_at_) deadline = std::min(deadline, *letters_at_);
  if (is_held()) return deadline;
  if (resume_at_ && window_.in_sink() == 0) deadline = std::min(deadline, *resume_at_);
  if (resume_at_ && !came_back_) deadline = std::min(deadline, *resume_at_);
  if (read_again_) deadline = std::min(deadline, *read_again_);
  if (gathering_until_) deadline = std::min(deadline, *gathering_until_);
  if (paced_until_) deadline = std::min(deadline, *paced_until_);
  return deadline;
}

// A flow that is read to its end is read again after a while, not at its next message: a wake for
// each would cost more than what it brings. A read that finds nothing ends it.
void Worker::end_gathering() {
  if (!gathering_until_ || steady_now() < *gathering_until_) return;
  gathering_until_.reset();
  at_end_ = false;
}

void Worker::ask_for_wake() {
  if (!at_end_ || is_asked_to_wake_ || gathering_until_ || has_reached_end()) return;
  is_asked_to_wake_ = true;
  context_.store.notify(reinterpret_cast<std::uintptr_t>(this), context_.queues,
                        window_.read_position(window_.newest_lane()), store::Visibility::Durable,
                        [this] {
                          {
                            const std::scoped_lock lock(mutex_);
                            inbox_.woken = true;
                          }
                          wake_.notify_one();
                        });
}

// The log is damaged: passing over it would lose messages in silence, so a person decides, once all
// that stands before it has arrived.
void Worker::fail_behind_what_was_read() {
  if (!damage_.empty() && window_.empty()) fail_for_good(damage_);
}

void Worker::read_more() {
  if (!damage_.empty()) return;
  const auto now = steady_now();
  if (read_again_ && now < *read_again_) return;
  read_again_.reset();
  for (int reads = 0; reads < 4; ++reads) {
    let_fresh_ones_pass();
    const auto lane = lane_to_read();
    if (!lane || !read_once(*lane)) return;
  }
}

// Where there is something to read, and room for it. With a cut half of the room stays for what
// comes.
std::optional<Window::Lane> Worker::lane_to_read() const {
  const auto has_room = [this](Window::Lane lane, std::size_t part) {
    return window_.ready(lane) < kReadAhead && window_.size() < window_messages_ / part &&
           window_.bytes() < window_bytes_ / part;
  };
  if (has_reached_end()) return std::nullopt;
  const auto newest = window_.newest_lane();
  const auto is_first_turn = newest == Window::Lane::Main || spec_.drain == Drain::FreshFirst;
  if (!at_end_ && is_first_turn && has_room(newest, 1)) return newest;
  if (newest == Window::Lane::Fresh && window_.read_position() < *window_.cut_at() &&
      has_room(Window::Lane::Main, 2))
    return Window::Lane::Main;
  return std::nullopt;
}

// What was stored before the task's queues existed is found by reading the log from where the
// cursor stands up to where they begin, a piece at a time.
// docs/adr/0010-starting-before-the-queue.md
bool Worker::is_back_filling() const {
  return window_.read_position() < context_.queues_from;
}

Result<store::ReadResult> Worker::read_store(Window::Lane lane) {
  const auto most = processor_ ? kReadToProcess : kReadMessages;
  if (lane == Window::Lane::Main && is_back_filling())
    return context_.store.scan_log(
        {.filters = context_.filters_before.empty() ? spec_.filters : context_.filters_before,
         .after = window_.read_position(),
         .before = context_.queues_from,
         .maximum_messages = most,
         .maximum_bytes = kReadBytes});
  return context_.store.read({.queues = context_.queues,
                              .after = window_.read_position(lane),
                              .maximum_messages = most,
                              .maximum_bytes = kReadBytes,
                              .visibility = store::Visibility::Durable});
}

void Worker::read_again_after(std::string reason) {
  read_reason_ = std::move(reason);
  read_again_ = steady_now() + kReadAgainAfter;
  note_error(read_reason_);
}

bool Worker::read_once(Window::Lane lane) {
  const bool is_newest = lane == window_.newest_lane();
  const bool back_filling = lane == Window::Lane::Main && is_back_filling();
  auto read = read_store(lane);
  if (!read) {
    if (read.error().code == Errc::Corrupt) {
      damage_ = "the log cannot be read: " + read.error().detail;
      note_error(damage_);
    } else {
      read_again_after("the log cannot be read: " + read.error().detail);
    }
    return false;
  }
  if (back_filling) read->at_end = false;  // of what lies before the queues
  if (!is_newest) end_at(*window_.cut_at(), *read);
  if (context_.ends_at) end_at(*context_.ends_at, *read);
  const bool is_last = context_.ends_at && read->next >= *context_.ends_at;
  const bool at_end = (read->at_end && is_newest) || is_last;
  if (const auto gather = sink_->gathers_for();
      at_end && gather.count() > 0 && !read->entries.empty())
    gathering_until_ = steady_now() + gather;
  auto batch = window_.new_batch();
  std::uint64_t bytes = 0;
  batch->messages.reserve(read->entries.size() / context_.workers);
  for (const auto& entry : read->entries) {
    if (context_.share && !context_.share->has(*entry.message)) {
      cursor_moved_ = true;
      continue;
    }
    batch->copy(*entry.message);
    bytes += entry.message->payload.size();
  }
  read->entries.clear();
  if (!map_all(*batch)) return false;  // and it is read again
  note_lost(read->lost - std::min(read->lost, window_.known_up_to(read->next, lane)));
  if (is_newest) at_end_ = at_end;
  progress_.bytes_read += bytes;
  progress_.messages_read += batch->messages.size();
  const auto first = window_.add(std::move(batch), read->next, lane);
  apply_unmapped(first);
  return true;
}

// Also while nothing can be handed over: what is lost is known at once, not when the other side is
// back.
void Worker::skip_deleted() {
  log_was_deleted_ = false;
  note_lost(std::exchange(lost_before_queue_, 0));
  // The walk over the log goes on where it begins.
  if (!is_back_filling()) skip_deleted(Window::Lane::Main);
  if (window_.cut_at()) skip_deleted(Window::Lane::Fresh);
}

void Worker::note_lost(std::uint64_t lost) {
  if (lost == 0) return;
  cursor_moved_ = true;
  if (was_beyond_bound(spec_, context_.store)) {
    progress_.shed += lost;
    context_.counters.shed.add(lost);
    return begin_shedding();
  }
  progress_.lost += lost;
  context_.counters.lost.add(lost);
  note_error(std::to_string(lost) + " messages were deleted by retention before delivery");
  log::warn("retention overtook a task: messages were deleted before it had delivered them",
            {{"task", context_.task_id}, {"messages", lost}});
}

// What will not become a record, now that it has its place in the window. A message may be done
// with already: acknowledged before the start.
void Worker::apply_unmapped(Window::Token first) {
  for (auto& unmapped : unmapped_) {
    const auto token = first + unmapped.index;
    if (!window_.holds(token) || window_.state(token) == Window::State::Done) continue;
    if (unmapped.is_rejected) {
      reject(token, std::move(unmapped.reason), LetterClass::Unmapped);
      continue;
    }
    pass_over(unmapped);
    window_.done(token);
    cursor_moved_ = true;
  }
}

bool Worker::is_away_for_long() const {
  return !away_reason_.empty() && steady_now() - progress_.last_movement >= kAwayFor;
}

// Waits for what the sink has, and when the time is over, or nothing can come of it, takes it back:
// who corrects an address that is wrong wants to see it used, not to wait for it once more.
void Worker::drain() {
  const auto wait_until = [this](SteadyTime deadline, bool while_away) {
    while (window_.in_sink() > 0 && steady_now() < deadline &&
           (while_away || !is_away_for_long())) {
      sink_->flush();
      std::unique_lock lock(mutex_);
      const auto latest = std::min({deadline, collect_at_, steady_now() + kDrainStep});
      context_.threads->wait(
          wake_, lock, [this] { return inbox_.sink_is_ready; }, latest - steady_now());
      inbox_.sink_is_ready = false;
      lock.unlock();
      collect();
      commit();
      publish_progress();
    }
  };
  collect();
  if (transactions_ != nullptr && window_.in_sink() > 0 && !is_ending_) end_transaction();
  wait_until(steady_now() + spec_.drain_timeout, false);
  if (window_.in_sink() == 0) return;
  sink_->abandon();
  collect();
  wait_until(steady_now() + kAbandonWithin, true);
}

void Worker::park() {
  brakes_.clear();
  context_.store.cancel_notify(reinterpret_cast<std::uintptr_t>(this));
  if (sink_) drain();
  const bool is_clean = window_.in_sink() == 0 && knows_its_place();
  transactions_ = nullptr;
  sink_.reset();
  letters_at_.reset();
  keep_dead_letters();
  // What the sink never answered for may have arrived: then this run counts as killed.
  const auto end = save_cursor(is_clean);
  const auto durable =
      end ? context_.store.wait_durable(*end) : Result<void>(tl::unexpected(end.error()));
  if (!durable) note_error("the cursor is not durable: " + durable.error().detail);
  progress_.read_position = committed_.position;
  progress_.ahead = committed_.ahead;
  progress_.cursor = committed_.position;
  progress_.unfinished = 0;
  progress_.unfinished_bytes = 0;
  progress_.in_sink = 0;
  progress_.oldest_unfinished_ms = 0;
  progress_.acknowledged_ahead = committed_.acknowledged.size();
  if (failure_.empty()) set_state(TaskState::Paused, "");
  show_progress();
  tell_of_move();
}

}  // namespace sluice::connect
