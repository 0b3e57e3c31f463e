// How a worker hands over, what it makes of each outcome, and when the cursor follows.
#include <algorithm>

#include "base/log.hpp"
#include "connect/totals.hpp"
#include "connect/worker.hpp"

namespace sluice::connect {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kHandOver = 512;
constexpr auto kLettersAgainAfter = 1s;

}  // namespace

void Worker::hand_over() {
  paced_until_.reset();
  while (may_hand_over()) {
    const auto room = room_in_flight();
    if (room == 0) {
      // Outcomes wake it, and by then the cursor may have become durable.
      if (window_.in_sink() > 0 || window_.ready() == 0) return;
      if (!wait_for_cursor()) return;
      continue;
    }
    auto records = window_.next_records(std::min(kHandOver, room));
    if (records.empty()) return has_caught_up();
    records = before_denied(records);
    if (records.empty()) continue;
    const auto paced = room_in_pace(window_.timestamp_ms(records.front().token));
    if (paced == 0) return;
    records = records.first(std::min(records.size(), paced));
    const bool was_empty = window_.in_sink() == 0;
    const auto taken = sink_->write(records);
    if (!taken) {
      if (taken.error().code == Errc::InvalidArgument) {
        fail_for_good(taken.error().detail);
      } else {
        note_error(taken.error().detail);
        wait_for(taken.error().detail);
      }
      return;
    }
    if (was_empty) progress_.last_movement = steady_now();
    window_.handed_over(records.first(*taken));
    if (is_catching_up_) pace_.took(*taken, steady_now());
    is_sink_full_ = *taken < records.size();
    if (is_sink_full_) return;  // outcomes will make room
  }
}

// After something came back, nothing goes out before all that the sink has is settled and the
// back-off is over: what came back goes first, so order holds whatever the key.
bool Worker::may_hand_over() {
  review_rights(spec_);
  if (!failure_.empty() || !sink_ || is_held()) return false;
  if (is_ending_ || (came_back_ && window_.in_sink() > 0)) return false;
  if (resume_at_) {
    if (steady_now() < *resume_at_) return false;
    resume_at_.reset();
  }
  came_back_ = false;
  is_hasty_ = false;
  return true;
}

// Also what was read while it was allowed.
std::span<const Record> Worker::before_denied(std::span<const Record> records) {
  if (!rights_ || rights_->nothing_denied()) return records;
  const auto denied = std::ranges::find_if(
      records, [this](const Record& record) { return is_denied(window_.message(record.token)); });
  const auto allowed = records.first(static_cast<std::size_t>(denied - records.begin()));
  if (!allowed.empty() || denied == records.end()) return allowed;
  const auto token = denied->token;
  pass_over({.reason = {}, .is_denied = true});
  window_.done(token);
  cursor_moved_ = true;
  return {};
}

void Worker::settle(std::span<Delivery> deliveries) {
  if (deliveries.empty()) return;
  progress_.last_movement = steady_now();
  const auto delivered = settle_delivered(deliveries);
  for (auto& delivery : deliveries) {
    if (delivery.verdict == Verdict::Delivered) continue;
    if (delivery.verdict == Verdict::RetryLater) {
      retry_later(delivery);
    } else if (delivery.verdict == Verdict::Rejected) {
      reject(delivery.token, std::move(delivery.reason), LetterClass::Refused);
    } else {
      window_.give_back(delivery.token);
      fail_for_good(std::move(delivery.reason));
    }
  }
  if (delivered == 0) return;
  cursor_moved_ = true;
  delivered_ += delivered;
  progress_.delivered += delivered;
  progress_.last_success_ms = context_.clock.wall_ms();
  context_.counters.delivered.add(delivered);
  if (!came_back_) {
    backoff_.reset();
    wait_reason_.clear();
  }
}

// Returns how many. Messages of one millisecond are observed together: mostly a whole batch is.
std::uint64_t Worker::settle_delivered(std::span<const Delivery> deliveries) {
  const auto now_ms = context_.clock.wall_ms();
  std::uint64_t delivered = 0, alike = 0;
  std::int64_t stored_ms = 0;
  const auto observe = [&] {
    if (alike == 0) return;
    const auto age_ms = std::max<std::int64_t>(0, now_ms - stored_ms);
    context_.counters.delivery.observe(static_cast<double>(age_ms) / 1e3, alike);
    delivered += std::exchange(alike, 0);
  };
  for (const auto& delivery : deliveries) {
    if (delivery.verdict != Verdict::Delivered) continue;
    const auto timestamp_ms = window_.timestamp_ms(delivery.token);
    window_.done(delivery.token);
    if (timestamp_ms != stored_ms) observe();
    stored_ms = timestamp_ms;
    ++alike;
  }
  observe();
  return delivered;
}

void Worker::retry_later(Delivery& delivery) {
  if (delivery.was_tried) {
    ++progress_.retried;
    context_.counters.retried.add();
  } else {
    window_.was_not_tried(delivery.token);
  }
  if (delivery.maybe_arrived) {
    ++progress_.possible_duplicates;
    context_.counters.possible_duplicates.add();
  }
  const bool is_first = !came_back_;
  came_back_ = true;
  if (is_first && delivery.was_tried && is_given_up(delivery.token))
    return reject(delivery.token, "given up: " + delivery.reason, LetterClass::GivenUp);
  window_.give_back(delivery.token);
  if (delivery.at_once) {
    is_hasty_ = true;
    resume_at_.reset();
  }
  if (is_hasty_ || (!is_first && resume_at_)) return;
  note_error(delivery.reason);
  wait_for(std::move(delivery.reason));
}

// Only the first of a round is judged: its successors came back because it did.
bool Worker::is_given_up(Window::Token token) {
  if (!spec_.give_up_after) return false;
  const auto now = steady_now();
  if (culprit_ != token) {
    culprit_ = token;
    culprit_since_ = now;
  }
  return now - culprit_since_ >= *spec_.give_up_after;
}

void Worker::reject(Window::Token token, std::string reason, LetterClass error) {
  ++progress_.rejected;
  context_.counters.rejected.add();
  note_error(reason);
  if (context_.on_rejection)
    context_.on_rejection({.task = spec_.name,
                           .task_id = context_.task_id,
                           .reason = reason,
                           .message_id = model::to_hex(window_.message(token).id)});
  switch (spec_.rejected) {
    case RejectedPolicy::Drop:
      window_.done(token);
      cursor_moved_ = true;
      return;
    case RejectedPolicy::Stop:
      if (window_.state(token) == Window::State::HandedOver) window_.give_back(token);
      return fail_for_good("a message was rejected: " + reason);
    case RejectedPolicy::DeadLetter:
      rejections_.push_back({token, std::move(reason), window_.attempts(token), error});
      return window_.hold(token);
  }
}

// The cursor passes a rejected message only after its dead letter is durable.
void Worker::keep_dead_letters() {
  if (rejections_.empty()) return;
  if (letters_at_ && steady_now() < *letters_at_) return;
  letters_at_.reset();
  const auto now_ms = context_.clock.wall_ms();
  std::vector<DeadLetter> letters;
  letters.reserve(rejections_.size());
  for (const auto& rejection : rejections_)
    letters.push_back({.message = &window_.message(rejection.token),
                       .reason = rejection.reason,
                       .target = window_.record(rejection.token).topic,
                       .attempts = rejection.attempts,
                       .at_ms = now_ms,
                       .error = rejection.error});
  const auto kept = context_.dead_letters.keep(
      context_.task_id, letters,
      {.drop_oldest = spec_.drop_oldest_dead_letter, .is_copied = spec_.letter_copy.has_value()});
  if (!kept) {
    letters_reason_ = "dead letters cannot be kept: " + kept.error().detail;
    letters_at_ = steady_now() + kLettersAgainAfter;
    return;
  }
  letters_reason_.clear();
  for (std::size_t i = 0; i < *kept; ++i) window_.done(rejections_[i].token);
  rejections_.erase(rejections_.begin(), rejections_.begin() + static_cast<std::ptrdiff_t>(*kept));
  cursor_moved_ = true;
}

// At most one record per interval, unless the window fills sooner.
void Worker::commit() {
  if (!cursor_moved_) return;
  const auto time = steady_now();
  const bool is_filling = (delivered_ - delivered_appended_) * 2 >= in_flight_;
  if (!is_filling && time - last_commit_ < kCommitEvery) return;
  last_commit_ = time;
  const auto end = save_cursor(false);
  // Tried again: an old cursor only means that more is sent again after a crash.
  if (!end) note_error("the cursor cannot be written: " + end.error().detail);
}

// Appends it, unless it is where it was; returns the end that has to become durable.
Result<store::Position> Worker::save_cursor(bool ends_run) {
  auto cursor = window_.cursor();
  const bool has_moved = cursor != committed_;
  cursor_moved_ = false;
  if (!has_moved && commits_.empty()) delivered_durable_ = delivered_;
  if (!has_moved && !ends_run) return context_.store.durable();
  const auto batch = context_.store.new_batch();
  batch->begin_atomic();
  if (has_moved)
    batch->put(store::StateKind::Cursor, cursor_key(context_.state_id), store::encode(cursor));
  put_totals(*batch, context_.state_id, progress_);
  if (ends_run) batch->erase(store::StateKind::Document, run_key(context_.state_id));
  batch->end_atomic();
  auto end = context_.store.append(batch);
  cursor_moved_ = !end;
  if (!end) return tl::unexpected(std::move(end).error());
  committed_ = std::move(cursor);
  delivered_appended_ = delivered_;
  commits_.push_back({*end, delivered_});
  return *end;
}

void Worker::settle_commits() {
  const auto durable = context_.store.durable();
  while (!commits_.empty() && commits_.front().end <= durable) {
    delivered_durable_ = commits_.front().delivered;
    commits_.pop_front();
  }
}

// What came back counts as handed over as soon as it is handed over again, and that is before
// anything new is.
std::size_t Worker::room_in_flight() {
  settle_commits();
  // With transactions nothing arrives twice, whatever the cursor here covers.
  const auto uncovered = transactions_ == nullptr ? delivered_ - delivered_durable_ : 0;
  const auto used = window_.in_sink() + uncovered;
  return used < in_flight_ ? in_flight_ - used : 0;
}

// The window is full of what no durable cursor covers: waits for the disk. What has moved since the
// last cursor is appended first, so that the sync that is waited for makes room for all of it.
bool Worker::wait_for_cursor() {
  publish_progress();
  const bool has_news = cursor_moved_ || commits_.empty();
  const auto appended =
      has_news ? save_cursor(false) : Result<store::Position>(commits_.back().end);
  const auto durable =
      appended ? context_.store.wait_durable(commits_.empty() ? *appended : commits_.front().end)
               : Result<void>(tl::unexpected(appended.error()));
  if (durable) return true;
  auto reason = "the cursor cannot be written: " + durable.error().detail;
  note_error(reason);
  wait_for(std::move(reason));
  return false;
}

void Worker::publish_progress() {
  move_brakes();
  progress_.read_position = window_.read_position();
  progress_.ahead = {};
  if (const auto cut = window_.cut_at())
    progress_.ahead = {*cut, window_.read_position(Window::Lane::Fresh)};
  progress_.cursor = committed_.position;
  progress_.unfinished = window_.unfinished();
  progress_.unfinished_bytes = window_.bytes();
  progress_.in_sink = window_.in_sink();
  progress_.oldest_unfinished_ms = window_.oldest_timestamp_ms();
  progress_.acknowledged_ahead = 0;
  if (!failure_.empty()) {
    set_state(TaskState::Failed, failure_);
  } else if (!letters_reason_.empty() && !rejections_.empty()) {
    set_state(TaskState::Waiting, letters_reason_);
  } else if (is_held() && !has_finished()) {
    set_state(TaskState::Waiting, held_reason_);
  } else if (!away_reason_.empty()) {
    set_state(TaskState::Waiting, away_reason_);  // says more than that nobody answered in time
  } else if (!wait_reason_.empty()) {
    set_state(TaskState::Waiting, wait_reason_);
  } else if (read_again_) {
    set_state(TaskState::Waiting, read_reason_);
  } else if (has_finished()) {
    set_state(TaskState::Finished, "");
  } else if (sink_) {
    set_state(TaskState::Running, "");
  }
  show_progress();
  tell_of_move();
}

// Once it can be seen.
void Worker::tell_of_move() {
  if (!context_.on_move) return;
  const std::pair now(progress_.cursor, progress_.state);
  if (std::exchange(told_, now) != now) context_.on_move();
}

}  // namespace sluice::connect
