// The source worker's part that makes messages of what came.
#include <utility>

#include "base/log.hpp"
#include "connect/source_worker.hpp"
#include "mqtt/topic.hpp"

namespace sluice::connect {
namespace {

using Processed = processing::Processor::Outcome;

}  // namespace

// False: not now. Nothing of the batch has happened then. Ends at what stops the task.
bool SourceWorker::map_all() {
  if (context_.decoder && !decode_values()) return false;
  if (processor_) return process();
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].state == State::Ready && is_wanted(i)) map_one(i, std::nullopt);
    if (items_[i].state == State::Stopped) break;
  }
  return true;
}

// What is wanted goes through the task's steps, and what comes out of them is mapped.
bool SourceWorker::process() {
  std::vector<std::string_view> payloads;
  std::vector<std::size_t> wanted;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].state == State::Stopped) break;
    if (items_[i].state == State::Ready && !is_wanted(i) && items_[i].state == State::Stopped)
      break;
    if (items_[i].state != State::Ready) continue;
    wanted.push_back(i);
    payloads.push_back(seen(i).payload);
  }
  std::vector<Processed> outcomes;
  const auto processed =
      processor_->run(payloads, batch_->arena, outcomes, [this] { return is_stopping(); });
  if (!processed) return postpone(processed.error());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& outcome = outcomes[i];
    switch (outcome.kind) {
      case Processed::Kind::Value:
        map_one(wanted[i], outcome.text);
        break;
      case Processed::Kind::PassedOver:
        pass_over(wanted[i]);
        break;
      case Processed::Kind::Rejected:
        reject(wanted[i], std::string(outcome.text));
        break;
    }
    if (items_[wanted[i]].state == State::Stopped) break;
  }
  return true;
}

// False: map_all() is asked again, where that is of any use.
bool SourceWorker::postpone(const Error& error) {
  if (is_stopping()) return false;
  if (error.code == Errc::InvalidArgument)
    fail_for_good(error.detail);
  else
    wait_for(error.detail);
  return false;
}

// Only what is seen of a message changes: a dead letter holds the value as it came.
bool SourceWorker::decode_values() {
  std::vector<std::size_t> indexes;
  std::vector<model::Message*> messages;
  decoded_.clear();
  decoded_.reserve(items_.size());  // they do not move
  for (std::size_t i = 0; i < items_.size(); ++i) {
    decoded_.push_back(batch_->arrivals[i].message);
    if (items_[i].state != State::Ready) continue;
    indexes.push_back(i);
    messages.push_back(&decoded_.back());
  }
  std::vector<std::string> reasons;
  const auto done =
      context_.decoder->decode(messages, batch_->arena, reasons, [this] { return is_stopping(); });
  if (!done) return postpone(done.error());
  for (std::size_t i = 0; i < indexes.size(); ++i) {
    const auto index = indexes[i];
    if (!reasons[i].empty()) reject(index, std::move(reasons[i]));
    if (items_[index].state == State::Stopped) break;
  }
  return true;
}

bool SourceWorker::is_wanted(std::size_t index) {
  const auto& message = seen(index);
  if (mapper_.circles(message)) {
    if (progress_.looped++ == 0)
      log::warn("a task stops messages that come in again and again",
                {{"task", context_.task_id}, {"from", message.topic}});
    context_.counters.looped.add();
    items_[index].state = State::Done;
    return false;
  }
  if (!spec_.where) return true;
  const auto truth = mapper_.judge(*spec_.where, message, batch_->arena);
  if (!truth)
    reject(index, std::string(RecordMapper::kTooMuchWork));
  else if (*truth != where::Truth::True)
    pass_over(index);
  return truth == where::Truth::True;
}

void SourceWorker::pass_over(std::size_t index) {
  items_[index].state = State::Done;
  ++progress_.filtered;
  context_.counters.filtered.add();
}

void SourceWorker::map_one(std::size_t index, std::optional<std::string_view> payload) {
  auto message = mapper_.map(seen(index), batch_->arena, payload);
  if (!message) return reject(index, std::move(message).error());
  if (spec_.rejected == RejectedPolicy::Stop) {
    if (auto why = why_not_topic(message->topic); !why.empty())
      return reject(index, std::move(why));
  }
  outgoing_->push_back(std::move(*message));
  outgoing_of_.push_back(index);
}

void SourceWorker::reject(std::size_t index, std::string reason) {
  auto& item = items_[index];
  if (spec_.rejected == RejectedPolicy::Stop) {
    item.state = State::Stopped;
    return fail_for_good(std::move(reason));
  }
  ++progress_.rejected;
  context_.counters.rejected.add();
  note_error(reason);
  if (context_.on_rejection)
    context_.on_rejection(
        {.task = spec_.name, .task_id = context_.task_id, .reason = reason, .message_id = {}});
  if (spec_.rejected == RejectedPolicy::Drop) {
    item.state = State::Done;
    return;
  }
  item.state = State::Held;
  item.reason = std::move(reason);
  ++held_;
}

}  // namespace sluice::connect
