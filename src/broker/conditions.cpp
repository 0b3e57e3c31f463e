#include "broker/conditions.hpp"

#include <algorithm>

#include "broker/limits.hpp"

namespace sluice::broker {

Result<ConditionPtr> Conditions::compile(std::string_view text) {
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
    const bool reads_json = compiled->reads_json();
    auto made = std::make_shared<const SubscriptionCondition>(SubscriptionCondition{
        std::move(key), std::move(*compiled), reads_json, ++known.last_number});
    found = made;
    if (known.by_text.size() >= known.clean_at) {
      std::erase_if(known.by_text, [](const auto& entry) { return entry.second.expired(); });
      known.clean_at = std::max<std::size_t>(1024, 2 * known.by_text.size());
    }
    return made;
  });
}

ConditionJudge::Verdict ConditionJudge::ask(const SubscriptionCondition& condition,
                                            const model::Message& message) {
  if (!json_) json_ = std::make_unique<where::PayloadJson>();
  // The place of its payload, too: views into one that is gone must not be read.
  if (message.position() != position_ || message.payload.data() != payload_) {
    position_ = message.position();
    payload_ = message.payload.data();
    json_->use(message.payload);
    verdicts_.clear();
  }
  const auto [known, is_new] = verdicts_.try_emplace(condition.number, Verdict::Refuses);
  if (is_new) known->second = answer(condition, message);
  return known->second;
}

ConditionJudge::Verdict ConditionJudge::answer(const SubscriptionCondition& condition,
                                               const model::Message& message) {
  if (condition.reads_json && message.payload.size() > kLargestJudgedPayload)
    return Verdict::GivesUp;
  const auto truth = condition.compiled.evaluate_within(kConditionSteps, message, *json_);
  if (!truth) return Verdict::GivesUp;
  return *truth == where::Truth::True ? Verdict::Accepts : Verdict::Refuses;
}

}  // namespace sluice::broker
