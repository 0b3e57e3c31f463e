#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <string>

namespace sluice::load {

// Counts durations in buckets that are 1/64 of a power of two wide: off by at most 1.6 %.
class Histogram {
 public:
  void add(std::uint64_t nanoseconds) {
    ++counts_[index(nanoseconds)];
    ++total_;
  }
  void clear() { *this = Histogram(); }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  // In microseconds; `part` of 0.5 is the median.
  [[nodiscard]] double quantile_us(double part) const {
    auto left = static_cast<std::uint64_t>(static_cast<double>(total_) * part);
    for (std::size_t at = 0; at < counts_.size(); ++at) {
      if (counts_[at] > left) return static_cast<double>(lower(at)) / 1e3;
      left -= counts_[at];
    }
    return 0;
  }

 private:
  static constexpr unsigned kSubBits = 6;
  static constexpr std::uint64_t kSub = 1U << kSubBits;

  static std::size_t index(std::uint64_t value) {
    if (value < kSub) return static_cast<std::size_t>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kSubBits;
    return static_cast<std::size_t>((shift + 1) * kSub + ((value >> shift) & (kSub - 1)));
  }
  static std::uint64_t lower(std::size_t at) {
    if (at < kSub) return at;
    const auto shift = at / kSub - 1;
    return (kSub + at % kSub) << shift;
  }

  std::array<std::uint64_t, (64 - kSubBits + 1) * kSub> counts_{};
  std::uint64_t total_ = 0;
};

// What a process has used so far, from /proc.
struct Usage {
  double cpu_seconds = 0;
  double system_seconds = 0;  // of these, in the kernel
  std::uint64_t rss_bytes = 0;
};
[[nodiscard]] Usage usage_of(int pid);  // zeros when there is no such process

[[nodiscard]] double own_cpu_seconds();
// Of everybody: a run beside others' work is not a measurement.
[[nodiscard]] double machine_cpu_seconds();

}  // namespace sluice::load
