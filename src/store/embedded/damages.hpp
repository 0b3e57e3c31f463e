// Damaged places that readers met while the server runs.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>

#include "base/result.hpp"

namespace sluice::store::embedded {

// Remembers what was found, for health and metrics; each place is named once in the server's log.
//
// Threads: any.
class Damages {
 public:
  void note(const Error& error);  // nothing unless it is Corrupt
  // Nothing, or what was found first and how much there is of it.
  [[nodiscard]] std::string summary() const;
  [[nodiscard]] std::uint64_t reads() const { return reads_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> reads_{0};  // that met damage
  mutable std::mutex mutex_;
  std::string first_;
  std::set<std::string> places_;
};

}  // namespace sluice::store::embedded
