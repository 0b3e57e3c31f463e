// The worker's part that makes records of what was read.
#include <algorithm>

#include "base/log.hpp"
#include "broker/message_expiry.hpp"
#include "connect/backlog.hpp"
#include "connect/origins.hpp"
#include "connect/worker.hpp"

namespace sluice::connect {

using Outcome = processing::Processor::Outcome;

// False: not now. Nothing of the batch has happened then.
bool Worker::map_all(ReadBatch& batch) {
  const auto now_ms = context_.clock.wall_ms();
  bound_ = bound_of_backlog(spec_, context_.store);
  unmapped_.clear();
  wanted_.clear();
  mapped_.clear();
  batch.records.resize(batch.messages.size());
  for (std::size_t i = 0; i < batch.messages.size(); ++i) {
    if (!is_wanted(i, batch.messages[i], batch.arena, now_ms)) continue;
    if (processor_) {
      wanted_.push_back(i);
    } else {
      map_one(i, batch, now_ms, std::nullopt);
    }
  }
  if (processor_ && !process(batch, now_ms)) return false;
  return !context_.encoder || encode_values(batch);
}

bool Worker::is_wanted(std::size_t index, const model::Message& message, Arena& arena,
                       std::int64_t now_ms) {
  if (is_own_event(message)) {
    unmapped_.push_back({index, false, {}});
    return false;
  }
  if (is_denied(message)) {
    unmapped_.push_back({.index = index, .reason = {}, .is_denied = true});
    return false;
  }
  if (!context_.guard.empty() && circles(origins_of(message), context_.guard, 0)) {
    unmapped_.push_back({.index = index, .reason = {}, .is_looped = true});
    return false;
  }
  if (spec_.where && !judge(index, message, arena)) return false;
  if (spec_.maximum_age && now_ms - message.timestamp_ms > spec_.maximum_age->count()) {
    unmapped_.push_back({index, false, {}});
    return false;
  }
  if (spec_.expired != ExpiredPolicy::Deliver && broker::seconds_left(message, now_ms) == 0U) {
    unmapped_.push_back({index, spec_.expired == ExpiredPolicy::DeadLetter,
                         "the message expired before it could be delivered"});
    return false;
  }
  if (is_beyond_bound(message)) {
    unmapped_.push_back({index, false, {}, true});
    return false;
  }
  return true;
}

void Worker::map_one(std::size_t index, ReadBatch& batch, std::int64_t now_ms,
                     std::optional<std::string_view> payload) {
  auto record = mapper_.map(batch.messages[index], batch.arena, now_ms, payload);
  if (record) {
    batch.records[index] = *record;
    if (context_.encoder) mapped_.push_back(index);
  } else {
    unmapped_.push_back({index, true, std::move(record.error())});
  }
}

// What is wanted goes through the task's steps, and what comes out of them is mapped.
bool Worker::process(ReadBatch& batch, std::int64_t now_ms) {
  std::vector<std::string_view> payloads;
  payloads.reserve(wanted_.size());
  for (const auto index : wanted_) payloads.push_back(batch.messages[index].payload);
  const auto is_stopping = asks_whether_stopping();
  const auto processed = processor_->run(payloads, batch.arena, outcomes_, is_stopping);
  if (!processed) {
    if (!is_stopping()) postpone(processed.error());
    return false;
  }
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    const auto& outcome = outcomes_[i];
    if (outcome.kind == Outcome::Kind::Value) {
      map_one(wanted_[i], batch, now_ms, outcome.text);
    } else {
      unmapped_.push_back(
          {wanted_[i], outcome.kind == Outcome::Kind::Rejected, std::string(outcome.text)});
    }
  }
  std::ranges::sort(unmapped_, {}, &Unmapped::index);
  return true;
}

// The last step: by a schema that may have to be asked for first.
bool Worker::encode_values(ReadBatch& batch) {
  std::vector<Record*> records;
  records.reserve(mapped_.size());
  for (const auto index : mapped_) records.push_back(&batch.records[index]);
  std::vector<std::string> reasons;
  const auto is_stopping = asks_whether_stopping();
  if (const auto encoded = context_.encoder->encode(records, batch.arena, reasons, is_stopping);
      !encoded) {
    if (!is_stopping()) postpone(encoded.error());
    return false;
  }
  for (std::size_t i = 0; i < mapped_.size(); ++i) {
    if (!reasons[i].empty()) unmapped_.push_back({mapped_[i], true, std::move(reasons[i])});
  }
  std::ranges::sort(unmapped_, {}, &Unmapped::index);
  return true;
}

std::function<bool()> Worker::asks_whether_stopping() {
  return [this] {
    const std::scoped_lock lock(mutex_);
    return inbox_.stopping;
  };
}

void Worker::postpone(const Error& error) {
  if (error.code != Errc::InvalidArgument) return read_again_after(error.detail);
  damage_ = error.detail;
  note_error(damage_);
}

void Worker::pass_over(const Unmapped& unmapped) {
  if (unmapped.is_shed) {
    ++progress_.shed;
    context_.counters.shed.add();
    begin_shedding();
  } else if (unmapped.is_looped) {
    if (progress_.looped++ == 0)
      log::warn("a task stops messages that it has sent before and that came back",
                {{"task", context_.task_id}});
    context_.counters.looped.add();
  } else if (unmapped.is_denied) {
    if (progress_.denied++ == 0)
      log::warn("a policy keeps messages from a task's account: they are passed over",
                {{"task", context_.task_id}, {"account", spec_.account}});
    context_.counters.denied.add();
  } else {
    ++progress_.filtered;
    context_.counters.filtered.add();
  }
}

// What a task says of itself would have it say more.
bool Worker::is_own_event(const model::Message& message) const {
  if (!message.topic.starts_with(kTaskEvents)) return false;
  const auto rest = message.topic.substr(kTaskEvents.size());
  return rest.starts_with(spec_.name) && rest.substr(spec_.name.size()).starts_with('/');
}

// Whether the task's condition is true for it: a message for which it is false or unknown is passed
// over.
bool Worker::judge(std::size_t index, const model::Message& message, Arena& arena) {
  const auto truth = mapper_.judge(*spec_.where, message, arena);
  if (truth == where::Truth::True) return true;
  const bool is_rejected = !truth;
  unmapped_.push_back(
      {index, is_rejected, is_rejected ? std::string(RecordMapper::kTooMuchWork) : std::string()});
  return false;
}

}  // namespace sluice::connect
