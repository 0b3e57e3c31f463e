#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/guarded.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"
#include "broker/limits.hpp"
#include "model/message.hpp"
#include "where/condition.hpp"

namespace sluice::broker {

// Memory that counts in a total while it is held.
class CountedBytes {
 public:
  using Total = std::shared_ptr<std::atomic<std::size_t>>;
  CountedBytes() = default;
  CountedBytes(Total total, std::size_t bytes) : total_(std::move(total)), bytes_(bytes) {
    *total_ += bytes_;
  }
  CountedBytes(CountedBytes&&) = default;
  CountedBytes& operator=(CountedBytes&&) = delete;
  CountedBytes(const CountedBytes&) = delete;
  CountedBytes& operator=(const CountedBytes&) = delete;
  ~CountedBytes() {
    if (total_) *total_ -= bytes_;
  }

 private:
  Total total_;
  std::size_t bytes_ = 0;
};

// The user property of a SUBSCRIBE that is a condition.
inline constexpr std::string_view kWhereProperty = "$where";

// The condition of a subscription: `$where` of its SUBSCRIBE.
struct SubscriptionCondition {
  std::string text;
  where::Condition compiled;
  bool reads_json = false;
  std::uint64_t number = 0;  // of no other, of an earlier time neither
  CountedBytes memory = {};
};
using ConditionPtr = std::shared_ptr<const SubscriptionCondition>;

// The conditions that are in use, each compiled once however many subscriptions have it.
//
// Threads: any.
class Conditions {
 public:
  // InvalidArgument: the detail says where it is wrong and what was expected. Overloaded: too long,
  // or together with all others more than `most_bytes`; what is in use already is no more.
  [[nodiscard]] Result<ConditionPtr> compile(std::string_view text, std::size_t most_bytes);
  // The memory that all of them take, compiled.
  [[nodiscard]] std::size_t bytes() const { return bytes_->load(std::memory_order_relaxed); }
  void show_bytes(metrics::Registry& registry) const;

 private:
  struct Known {
    std::unordered_map<std::string, std::weak_ptr<const SubscriptionCondition>> by_text;
    std::size_t clean_at = 1024;
    std::uint64_t last_number = 0;
  };
  Guarded<Known> known_;
  CountedBytes::Total bytes_ = std::make_shared<std::atomic<std::size_t>>(0);
};

// Asks conditions about messages. What was answered lately is known, so that a condition that many
// have is asked once, whether they get messages as these come or read them from their queues; and
// a payload is parsed once for all that are asked about it in a row.
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

  // What all conditions together may take in one turn of the event loop. Whoever finds it spent
  // comes back in the next turn (ConditionTurns).
  void begin_turn() { steps_left_ = kConditionStepsInATurn; }
  [[nodiscard]] bool is_spent() const { return steps_left_ == 0; }
  [[nodiscard]] std::uint64_t steps_left() const { return steps_left_; }

 private:
  void charge(std::uint64_t steps) { steps_left_ -= std::min(steps, steps_left_); }
  [[nodiscard]] Verdict answer(const SubscriptionCondition& condition,
                               const model::Message& message);

  struct Known {
    std::uint64_t number = 0;  // of the condition; none has 0
    model::Position position;
    Verdict verdict = Verdict::Refuses;
  };
  [[nodiscard]] Known& place_of(const SubscriptionCondition& condition, model::Position position);

  std::unique_ptr<where::PayloadJson> json_;  // from the first condition on
  std::vector<Known> known_;                  // by hash, the newest in each place; as json_
  model::Position position_;
  const char* payload_ = nullptr;  // with position_: of the message in json_
  bool is_parsed_ = false;         // the payload in json_, and charged
  std::uint64_t steps_left_ = kConditionStepsInATurn;
};

}  // namespace sluice::broker
