#include "broker/conditions.hpp"

#include <algorithm>
#include <utility>

#include "broker/limits.hpp"

namespace sluice::broker {

namespace {
// What the allocator and the tables take for each.
constexpr std::size_t kAroundACondition = sizeof(SubscriptionCondition) + 192;

// Those of a worker that are remembered: 400 KB, once there is a condition.
constexpr std::size_t kKnownVerdicts = 16384;
}  // namespace

Result<ConditionPtr> Conditions::compile(std::string_view text, std::size_t most_bytes) {
  if (text.size() > kLongestCondition)
    return fail(Errc::Overloaded, "$where: expected a condition of at most " +
                                      std::to_string(kLongestCondition) + " bytes");
  std::string key(text);
  return known_.with([&](Known& known) -> Result<ConditionPtr> {
    auto& found = known.by_text[key];
    if (auto same = found.lock()) return same;
    auto compiled = where::Condition::compile(text);
    if (!compiled) {
      known.by_text.erase(key);
      return fail(Errc::InvalidArgument, "$where: " + compiled.error().text());
    }
    const auto size = compiled->bytes() + kAroundACondition + 2 * text.size();  // and its key
    if (bytes() + size > most_bytes) {
      known.by_text.erase(key);
      return fail(Errc::Overloaded,
                  "$where: the conditions of all clients take as much memory as they may, "
                  "mqtt.conditions_bytes; one that is in use already takes none");
    }
    const bool reads_json = compiled->reads_json();
    auto made = std::make_shared<const SubscriptionCondition>(
        SubscriptionCondition{std::move(key), std::move(*compiled), reads_json, ++known.last_number,
                              CountedBytes(bytes_, size)});
    found = made;
    if (known.by_text.size() >= known.clean_at) {
      std::erase_if(known.by_text, [](const auto& entry) { return entry.second.expired(); });
      known.clean_at = std::max<std::size_t>(1024, 2 * known.by_text.size());
    }
    return made;
  });
}

void Conditions::show_bytes(metrics::Registry& registry) const {
  registry.observe({.name = "sluice_conditions_bytes",
                    .help = "Memory of the conditions of subscriptions ($where), compiled; "
                            "mqtt.conditions_bytes is its limit.",
                    .kind = metrics::Kind::Gauge},
                   {}, [bytes = bytes_] { return static_cast<double>(bytes->load()); });
}

ConditionJudge::Known& ConditionJudge::place_of(const SubscriptionCondition& condition,
                                                model::Position position) {
  auto hash = condition.number * 0x9e3779b97f4a7c15 + position.get();
  hash = (hash ^ (hash >> 29)) * 0xbf58476d1ce4e5b9;
  return known_[(hash ^ (hash >> 32)) % kKnownVerdicts];
}

ConditionJudge::Verdict ConditionJudge::ask(const SubscriptionCondition& condition,
                                            const model::Message& message) {
  if (!json_) {
    json_ = std::make_unique<where::PayloadJson>();
    known_.resize(kKnownVerdicts);
  }
  auto& known = place_of(condition, message.position());
  if (known.number == condition.number && known.position == message.position())
    return known.verdict;
  // The place of its payload, too: views into one that is gone must not be read.
  if (message.position() != position_ || message.payload.data() != payload_) {
    position_ = message.position();
    payload_ = message.payload.data();
    json_->use(message.payload);
    is_parsed_ = false;
  }
  known = {condition.number, message.position(), answer(condition, message)};
  return known.verdict;
}

ConditionJudge::Verdict ConditionJudge::answer(const SubscriptionCondition& condition,
                                               const model::Message& message) {
  if (condition.reads_json && message.payload.size() > kLargestJudgedPayload)
    return Verdict::GivesUp;
  if (condition.reads_json && !std::exchange(is_parsed_, true))
    charge(message.payload.size() * kStepsPerJsonByte);
  auto steps = kConditionSteps;
  const auto truth = condition.compiled.evaluate_within(steps, message, *json_);
  charge(kStepsToAsk + kConditionSteps - steps);
  if (!truth) return Verdict::GivesUp;
  return *truth == where::Truth::True ? Verdict::Accepts : Verdict::Refuses;
}

}  // namespace sluice::broker
