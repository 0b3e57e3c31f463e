#pragma once
#include <chrono>
#include <thread>

namespace sluice::test {

// Whether `claim` comes true before a generous time is over. Looks again and again: for what other
// threads do and nothing announces.
template <class Claim>
[[nodiscard]] bool eventually(Claim claim,
                              std::chrono::milliseconds within = std::chrono::seconds(20)) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  while (!claim()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace sluice::test
