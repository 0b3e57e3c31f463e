#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/recent_map.hpp"

namespace sluice {

// One line a minute about each peer that makes us write lines, not one each time.
//
// Threads: any.
class LineLimit {
 public:
  static constexpr std::chrono::minutes kInterval{1};
  static constexpr std::size_t kRemembered = 10'000;

  explicit LineLimit(const Clock& clock) : clock_(clock) {}

  // Is a line due? How often it was not since the last one.
  [[nodiscard]] std::optional<std::uint64_t> due(std::string_view peer) {
    return peers_.with([&](auto& peers) -> std::optional<std::uint64_t> {
      const auto now = clock_.steady();
      auto& state = peers[peer];
      if (state.told && now - *state.told < kInterval) {
        ++state.untold;
        return std::nullopt;
      }
      state.told = now;
      return std::exchange(state.untold, 0);
    });
  }

 private:
  struct Peer {
    std::optional<std::chrono::steady_clock::time_point> told;
    std::uint64_t untold = 0;
  };
  const Clock& clock_;
  Guarded<RecentMap<Peer>> peers_{kRemembered};
};

}  // namespace sluice
