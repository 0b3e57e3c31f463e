#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::connect {

// How many letters there are for each reason, so that the commonest is known without a look at
// them. Bounded: of reasons that come while as many others are there, none is counted.
//
// Threads: one at a time.
class LetterReasons {
 public:
  struct Counted {
    std::string reason;
    std::uint64_t letters = 0;
  };
  static constexpr std::size_t kMost = 64;

  void add(std::string_view reason) {
    if (const auto it = counts_.find(reason); it != counts_.end())
      ++it->second;
    else if (counts_.size() < kMost)
      counts_.emplace(reason, 1);
  }
  void remove(std::string_view reason) {
    const auto it = counts_.find(reason);
    if (it != counts_.end() && --it->second == 0) counts_.erase(it);
  }
  // Nothing where none is counted.
  [[nodiscard]] std::optional<Counted> commonest() const {
    const auto it =
        std::ranges::max_element(counts_, {}, [](const auto& counted) { return counted.second; });
    if (it == counts_.end()) return std::nullopt;
    return Counted{it->first, it->second};
  }

 private:
  std::map<std::string, std::uint64_t, std::less<>> counts_;
};

}  // namespace sluice::connect
