#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/guarded.hpp"
#include "broker/filter_tree.hpp"

namespace sluice::broker {

// How many sessions each user has: there may be one for each of a million client ids.
//
// Threads: any.
class SessionCounts {
 public:
  void add(std::string_view user) {
    counts_.with([&](Counts& counts) { ++place_of(counts, user); });
  }
  // False, and nothing is added: there are `most` already.
  [[nodiscard]] bool add_below(std::string_view user, std::uint32_t most) {
    return counts_.with([&](Counts& counts) {
      auto& count = place_of(counts, user);
      if (count >= most) return false;
      ++count;
      return true;
    });
  }
  void remove(std::string_view user) {
    counts_.with([&](Counts& counts) {
      const auto it = counts.find(user);
      if (it != counts.end() && --it->second == 0) counts.erase(it);
    });
  }

 private:
  using Counts = std::unordered_map<std::string, std::size_t, TextHash, std::equal_to<>>;
  static std::size_t& place_of(Counts& counts, std::string_view user) {
    const auto it = counts.find(user);
    return it != counts.end() ? it->second : counts.emplace(user, 0).first->second;
  }

  Guarded<Counts> counts_;
};

}  // namespace sluice::broker
