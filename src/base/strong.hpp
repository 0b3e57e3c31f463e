#pragma once
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace sluice {

// A named value that never mixes with another of the same representation.
template <class Rep, class Tag>
class Strong {
 public:
  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_(std::move(value)) {}
  [[nodiscard]] constexpr const Rep& get() const { return value_; }
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;

 private:
  Rep value_{};
};

}  // namespace sluice

template <class Rep, class Tag>
struct std::hash<sluice::Strong<Rep, Tag>> {
  std::size_t operator()(const sluice::Strong<Rep, Tag>& strong) const noexcept {
    return std::hash<Rep>{}(strong.get());
  }
};
