#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "model/message.hpp"
#include "where/condition.hpp"

namespace sluice::broker {

// The condition of a subscription: `$where` of its SUBSCRIBE.
struct SubscriptionCondition {
  std::string text;
  where::Condition compiled;
  bool reads_json = false;
  std::uint64_t number = 0;  // of no other, of an earlier time neither
};
using ConditionPtr = std::shared_ptr<const SubscriptionCondition>;

// The conditions that are in use, each compiled once however many subscriptions have it.
//
// Threads: any.
class Conditions {
 public:
  // InvalidArgument: the detail says where it is wrong and what was expected. Overloaded: too long.
  [[nodiscard]] Result<ConditionPtr> compile(std::string_view text);

 private:
  struct Known {
    std::unordered_map<std::string, std::weak_ptr<const SubscriptionCondition>> by_text;
    std::size_t clean_at = 1024;
    std::uint64_t last_number = 0;
  };
  Guarded<Known> known_;
};

// Asks conditions about messages: each once about the same message, whose payload is parsed once
// for all of them.
//
// Threads: its worker's own.
class ConditionJudge {
 public:
  enum class Verdict : std::uint8_t {
    Refuses,  // false or unknown
    Accepts,
    GivesUp,  // it would take too long
  };
  [[nodiscard]] Verdict ask(const SubscriptionCondition& condition, const model::Message& message);

 private:
  [[nodiscard]] Verdict answer(const SubscriptionCondition& condition,
                               const model::Message& message);

  std::unique_ptr<where::PayloadJson> json_;  // from the first condition on
  model::Position position_;
  const char* payload_ = nullptr;  // with position_: of the message in json_
  boost::unordered_flat_map<std::uint64_t, Verdict> verdicts_;  // by number
};

}  // namespace sluice::broker
