#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::where {

// How much an evaluation may still do, in steps of a few nanoseconds.
class Budget {
 public:
  explicit Budget(std::uint64_t steps) : left_(steps) {}
  [[nodiscard]] bool take(std::uint64_t steps) {
    if (left_ < steps) {
      left_ = 0;
      return false;
    }
    left_ -= steps;
    return true;
  }
  [[nodiscard]] bool is_spent() const { return left_ == 0; }
  [[nodiscard]] std::uint64_t left() const { return left_; }

 private:
  std::uint64_t left_;
};

// `%` is any text, `_` one character; what stands behind `escape` (0: none) is itself. Only the
// last `%` is ever tried again, so time is at most text times pattern; nothing when the budget ends
// before that.
[[nodiscard]] std::optional<bool> like(std::string_view text, std::string_view pattern, char escape,
                                       Budget& budget);

}  // namespace sluice::where
