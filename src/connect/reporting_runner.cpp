#include "connect/reporting_runner.hpp"

#include "connect/task_account.hpp"

namespace sluice::connect {

ReportingRunner::ReportingRunner(Who who, Backoff backoff, const Progress& before)
    : backoff_(std::move(backoff)), progress_(before), who_(std::move(who)) {}

Progress ReportingRunner::progress() const {
  return published_.with([](const Progress& progress) { return progress; });
}

void ReportingRunner::show_progress() {
  published_.with([this](Progress& published) { published = progress_; });
}

void ReportingRunner::wait_for(std::string reason) {
  const auto pause = backoff_.next();
  resume_at_ = steady_now() + pause;
  progress_.next_try_ms = who_.clock.wall_ms() + pause.count();
  wait_reason_ = std::move(reason);
}

void ReportingRunner::fail_for_good(std::string reason) {
  if (!failure_.empty()) return;
  note_error(reason);
  failure_ = std::move(reason);
}

void ReportingRunner::review_rights(const TaskSpec& spec) {
  if (!rights_changed_.exchange(false) || !who_.ask_rights) return;
  rights_ = who_.ask_rights();
  auto missing = missing_rights(spec, *rights_);
  auto reason = missing.empty() ? std::string() : std::move(missing.front().detail);
  if (!reason.empty() && reason != held_reason_) note_error(reason);
  held_reason_ = std::move(reason);
}

void ReportingRunner::note_error(const std::string& reason) {
  progress_.last_error = reason;
  progress_.last_error_ms = who_.clock.wall_ms();
}

void ReportingRunner::set_state(TaskState state, std::string reason) {
  const bool changed = state != progress_.state;
  progress_.reason = std::move(reason);
  if (state != TaskState::Waiting) progress_.next_try_ms = 0;
  if (!changed && progress_.since_ms != 0) return;
  progress_.state = state;
  progress_.since_ms = who_.clock.wall_ms();
  announce(who_.on_change, who_.task, who_.task_id, who_.worker, progress_);
}

}  // namespace sluice::connect
