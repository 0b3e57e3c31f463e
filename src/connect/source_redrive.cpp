#include "connect/source_redrive.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace sluice::connect {
namespace {

using Processed = processing::Processor::Outcome;

constexpr std::size_t kMostAtOnce = 256;

// What the intake answers, also after nobody waits for it any more.
struct Waiting {
  std::mutex mutex;  // guards the rest
  std::condition_variable wake;
  std::optional<broker::Intake::Answers> answers;
};

}  // namespace

SourceRedrive::SourceRedrive(Context context, const TaskSpec& spec)
    : context_(std::move(context)), spec_(spec), mapper_(spec.inbound, context_.names) {
  if (!spec.steps.is_empty()) processor_.emplace(spec.steps);
}

Result<bool> SourceRedrive::send(std::span<const model::Position> positions) {
  while (!positions.empty() && report_.stopped.empty()) {
    if (context_.is_stopping()) {
      report_.stopped = "the server is stopping";
    } else if (std::chrono::steady_clock::now() >= context_.until) {
      report_.stopped = "the time is over";
    } else {
      const auto some = positions.first(std::min(kMostAtOnce, positions.size()));
      SL_TRY_VOID(send_some(some));
      positions = positions.subspan(some.size());
    }
  }
  return report_.stopped.empty();
}

Result<void> SourceRedrive::send_some(std::span<const model::Position> positions) {
  arena_.reset();
  auto messages = std::make_shared<std::vector<broker::OutsideMessage>>();
  std::vector<model::MessageId> ids;
  for (const auto position : positions) {
    SL_TRY(saved, context_.letters.get(context_.task_id, position));
    if (!saved) continue;
    auto letter = decode_letter(*saved);
    if (!letter) {
      SL_TRY_VOID(refuse({.time_and_node = 0, .position = position.get()}, letter.error().detail));
      continue;
    }
    auto mapped = map(**letter);
    if (!report_.stopped.empty()) return {};
    if (!mapped) {
      SL_TRY_VOID(refuse((*letter)->message.id, mapped.error()));
      continue;
    }
    if (context_.rights &&
        !context_.rights->may_publish(mapped->topic, mapped->qos, mapped->retain)) {
      SL_TRY_VOID(refuse(
          (*letter)->message.id,
          "the account `" + spec_.account + "` may not publish to " + mapped->topic.substr(0, 256),
          LetterClass::Denied));
      continue;
    }
    messages->push_back(std::move(*mapped));
    ids.push_back((*letter)->message.id);
  }
  if (ids.empty()) return {};
  const auto waiting = std::make_shared<Waiting>();
  context_.intake.publish_all(std::move(messages), [waiting](broker::Intake::Answers answers) {
    {
      const std::scoped_lock lock(waiting->mutex);
      waiting->answers = std::move(answers);
    }
    waiting->wake.notify_one();
  });
  std::unique_lock lock(waiting->mutex);
  waiting->wake.wait_until(lock, context_.until, [&] { return waiting->answers.has_value(); });
  if (!waiting->answers) {
    report_.stopped = "the time is over; what was being published may have become durable";
    return {};
  }
  return settle(ids, *waiting->answers);
}

// The very mapping of the worker; what the task would pass over now stays.
Result<broker::OutsideMessage, std::string> SourceRedrive::map(SavedLetter& letter) {
  auto& message = letter.message;
  std::string key;
  restore_key(message, key);
  if (context_.decoder) {
    auto* decoded = &message;
    std::vector<std::string> reasons;
    const auto done =
        context_.decoder->decode({&decoded, 1}, arena_, reasons, context_.is_stopping);
    if (!done) {
      report_.stopped = done.error().detail;
      return tl::unexpected(done.error().detail);
    }
    if (!reasons.front().empty()) return tl::unexpected(std::move(reasons.front()));
  }
  if (mapper_.circles(message))
    return tl::unexpected(std::string("it came in by this task before: it would go in a circle"));
  if (spec_.where && mapper_.judge(*spec_.where, message, arena_) != where::Truth::True)
    return tl::unexpected(std::string("where: the task's condition does not accept this message"));
  if (!processor_) return mapper_.map(message, arena_);
  std::vector<Processed> outcomes;
  const auto processed =
      processor_->run({&message.payload, 1}, arena_, outcomes, context_.is_stopping);
  if (!processed) {
    report_.stopped = processed.error().detail;
    return tl::unexpected(processed.error().detail);
  }
  const auto& outcome = outcomes.front();
  if (outcome.kind == Processed::Kind::Value) return mapper_.map(message, arena_, outcome.text);
  return tl::unexpected(outcome.kind == Processed::Kind::Rejected
                            ? std::string(outcome.text)
                            : std::string("jq: the program has no result for this message"));
}

Result<void> SourceRedrive::refuse(model::MessageId id, const std::string& reason,
                                   LetterClass error) {
  ++report_.refused;
  if (report_.some_refused.size() < Redrive::kMostTold)
    report_.some_refused.push_back({id, reason});
  return context_.letters.refused_again(context_.task_id, model::Position(id.position), reason,
                                        error, context_.clock.wall_ms());
}

Result<void> SourceRedrive::settle(std::span<const model::MessageId> ids,
                                   const broker::Intake::Answers& answers) {
  std::vector<model::Position> durable;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!answers[i]) {
      durable.emplace_back(ids[i].position);
    } else if (broker::is_for_good(*answers[i])) {
      SL_TRY_VOID(refuse(ids[i], answers[i]->detail, LetterClass::Refused));
    } else if (report_.stopped.empty()) {
      report_.stopped = answers[i]->detail;
    }
  }
  SL_TRY(erased, context_.letters.erase(context_.task_id, durable));
  report_.redriven += erased;
  return {};
}

}  // namespace sluice::connect
