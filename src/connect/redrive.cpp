#include "connect/redrive.hpp"

#include <algorithm>

namespace sluice::connect {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kMostAtOnce = 256;
constexpr std::size_t kMostBytesAtOnce = std::size_t{8} << 20;
constexpr auto kAgainAfter = 500ms;
constexpr auto kLookAgainAfter = 100ms;
constexpr auto kAwayFor = 5s;  // then nobody waits any longer for the other side
constexpr auto kTakeBackWithin = 5s;

}  // namespace

Redrive::Redrive(Context context, const TaskSpec& spec)
    : context_(std::move(context)),
      spec_(spec),
      mapper_(spec.mapping, context_.node_name, context_.worker_name, context_.origin) {
  if (!spec.steps.is_empty()) processor_.emplace(spec.steps);
}

Redrive::~Redrive() = default;

Result<void> Redrive::open(const MakeSink& make_sink) {
  auto made = make_sink({.on_ready = [this] {
    {
      const std::scoped_lock lock(mutex_);
      is_ready_ = true;
    }
    ready_.notify_one();
  }});
  if (!made) return tl::unexpected(std::move(made).error());
  sink_ = std::move(*made);
  return {};
}

Result<bool> Redrive::send(std::span<const model::Position> positions) {
  while (!positions.empty() && report_.stopped.empty()) {
    SL_TRY(taken, load(positions));
    run();
    take_back();
    SL_TRY_VOID(settle_letters());
    positions = positions.subspan(taken);
  }
  return report_.stopped.empty();
}

// As many as are held in memory at a time; returns how many of the positions are done with.
Result<std::size_t> Redrive::load(std::span<const model::Position> positions) {
  entries_.clear();
  arena_.reset();
  std::size_t bytes = 0;
  std::size_t taken = 0;
  for (; taken < positions.size() && taken < kMostAtOnce && bytes < kMostBytesAtOnce &&
         report_.stopped.empty();
       ++taken) {
    SL_TRY(saved, context_.letters.get(context_.task_id, positions[taken]));
    if (!saved) continue;
    auto letter = decode_letter(*saved);
    if (!letter) {
      refuse({.time_and_node = 0, .position = positions[taken].get()}, letter.error().detail);
      continue;
    }
    bytes += saved->size();
    auto& entry = entries_.emplace_back();
    entry.letter = std::move(*letter);
    map(entry);
    entry.record.token = entries_.size() - 1;
  }
  return taken;
}

void Redrive::refuse(model::MessageId id, const std::string& reason) {
  ++report_.refused;
  if (report_.some_refused.size() < kMostTold) report_.some_refused.push_back({id, reason});
}

// The very mapping of the worker. A letter that the task would pass over now stays: whoever sends
// it again expects it to arrive.
void Redrive::map(Entry& entry) {
  const auto& message = entry.letter->message;
  if (context_.rights && !context_.rights->may_receive(message.topic)) {
    entry.state = Entry::State::Refused;
    entry.reason = "the account `" + spec_.account + "` may not receive this topic";
    entry.error = LetterClass::Denied;
    return;
  }
  if (spec_.where && mapper_.judge(*spec_.where, message, arena_) != where::Truth::True) {
    entry.state = Entry::State::Refused;
    entry.reason = "where: the task's condition does not accept this message";
    return;
  }
  if (!processor_) return map(entry, std::nullopt);

  std::vector<processing::Processor::Outcome> outcomes;
  const auto processed =
      processor_->run({&message.payload, 1}, arena_, outcomes, context_.is_stopping);
  if (!processed) {
    report_.stopped = processed.error().detail;
    return;
  }
  using Kind = processing::Processor::Outcome::Kind;
  const auto& outcome = outcomes.front();
  if (outcome.kind == Kind::Value) return map(entry, outcome.text);
  entry.state = Entry::State::Refused;
  entry.reason = outcome.kind == Kind::Rejected ? outcome.text
                                                : "jq: the program has no result for this message";
}

void Redrive::map(Entry& entry, std::optional<std::string_view> payload) {
  const auto now_ms = context_.clock.wall_ms();
  auto record = mapper_.map(entry.letter->message, arena_, now_ms, payload);
  if (record) {
    entry.record = *record;
    if (context_.encoder) encode_value(entry);
    return;
  }
  entry.state = Entry::State::Refused;
  entry.reason = std::move(record.error());
}

void Redrive::encode_value(Entry& entry) {
  auto* record = &entry.record;
  std::vector<std::string> reasons;
  const auto encoded =
      context_.encoder->encode({&record, 1}, arena_, reasons, context_.is_stopping);
  if (!encoded) {
    report_.stopped = encoded.error().detail;
  } else if (!reasons.front().empty()) {
    entry.state = Entry::State::Refused;
    entry.reason = std::move(reasons.front());
  }
}

std::size_t Redrive::count(Entry::State state) const {
  return static_cast<std::size_t>(std::ranges::count(entries_, state, &Entry::state));
}

bool Redrive::has_ended() const {
  return !report_.stopped.empty() ||
         (count(Entry::State::Ready) == 0 && count(Entry::State::InSink) == 0);
}

void Redrive::run() {
  while (!has_ended()) {
    const auto away = sink_->away();
    if (away.empty()) here_at_ = SteadyClock::now();
    if (context_.is_stopping()) {
      report_.stopped = "the server is stopping";
    } else if (SteadyClock::now() >= here_at_ + kAwayFor) {
      report_.stopped = away;
    } else if (SteadyClock::now() >= context_.until) {
      report_.stopped = "the time is over";
    } else {
      hand_over();
      collect();  // says when to collect what lingers
      if (has_ended()) return;
      wait(std::min({context_.until, SteadyClock::now() + kLookAgainAfter, collect_at_}));
      collect();
    }
  }
}

// After something came back nothing goes out before all that the sink has is settled: as a worker
// does it.
void Redrive::hand_over() {
  if (SteadyClock::now() < not_before_) return;
  if (not_before_ != SteadyTime() && count(Entry::State::InSink) > 0) return;
  not_before_ = {};
  std::vector<Record> records;
  for (const auto& entry : entries_) {
    if (entry.state == Entry::State::Ready) records.push_back(entry.record);
  }
  if (records.empty()) return;
  const auto taken = sink_->write(records);
  if (!taken) {
    if (taken.error().code == Errc::InvalidArgument) report_.stopped = taken.error().detail;
    not_before_ = SteadyClock::now() + kAgainAfter;
    return;
  }
  for (std::size_t i = 0; i < *taken; ++i) entries_[records[i].token].state = Entry::State::InSink;
}

void Redrive::collect() {
  std::vector<Delivery> deliveries;
  const auto again = sink_->collect(deliveries);
  collect_at_ = again == Sink::kNotByItself ? SteadyTime::max() : SteadyClock::now() + again;
  for (auto& delivery : deliveries) settle(delivery);
}

void Redrive::settle(Delivery& delivery) {
  auto& entry = entries_[delivery.token];
  switch (delivery.verdict) {
    case Verdict::Delivered:
      entry.state = Entry::State::Delivered;
      return;
    case Verdict::Rejected:
      entry.state = Entry::State::Refused;
      entry.reason = std::move(delivery.reason);
      entry.error = LetterClass::Refused;
      return;
    case Verdict::RetryLater:
      entry.state = Entry::State::Ready;
      not_before_ = SteadyClock::now() + (delivery.at_once ? 0ms : kAgainAfter);
      return;
    case Verdict::Fatal:
      entry.state = Entry::State::Ready;
      report_.stopped = std::move(delivery.reason);
      return;
  }
}

// It stops with something on its way: what is acknowledged after all counts.
void Redrive::take_back() {
  if (count(Entry::State::InSink) == 0) return;
  sink_->abandon();
  const auto until = SteadyClock::now() + kTakeBackWithin;
  collect();
  while (count(Entry::State::InSink) > 0 && SteadyClock::now() < until) {
    wait(std::min(until, SteadyClock::now() + kLookAgainAfter));
    collect();
  }
  if (count(Entry::State::InSink) > 0) sink_.reset();  // it points at records
}

void Redrive::wait(SteadyTime until) {
  std::unique_lock lock(mutex_);
  ready_.wait_until(lock, until, [this] { return is_ready_; });
  is_ready_ = false;
}

Result<void> Redrive::settle_letters() {
  std::vector<model::Position> delivered;
  for (const auto& entry : entries_) {
    const auto position = entry.letter->message.position();
    if (entry.state == Entry::State::Delivered) delivered.push_back(position);
    if (entry.state != Entry::State::Refused) continue;
    SL_TRY_VOID(context_.letters.refused_again(context_.task_id, position, entry.reason,
                                               entry.error, context_.clock.wall_ms()));
    refuse(entry.letter->message.id, entry.reason);
  }
  SL_TRY_VOID(context_.letters.erase(context_.task_id, delivered));
  report_.redriven += delivered.size();
  return {};
}

}  // namespace sluice::connect
