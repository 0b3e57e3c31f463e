// Counters, gauges and histograms, each declared once: the endpoint and the reference page come
// from the registry. Updates are relaxed atomics; a name is looked up once, never per message.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::metrics {

enum class Kind : std::uint8_t { Counter, Gauge, Histogram };

// A metric as the reference page shows it. Names begin with `sluice_`, base units, counters end in
// `_total`.
struct Declaration {
  std::string_view name;
  std::string_view help;
  Kind kind = Kind::Counter;
  std::vector<std::string_view> labels = {};
};

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  void add(std::uint64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }
  [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Seconds, in powers of two from 1 us to 67 s.
class Histogram {
 public:
  static constexpr std::size_t kBuckets = 28;
  void observe(double seconds, std::uint64_t times = 1);
  [[nodiscard]] std::uint64_t bucket(std::size_t i) const {
    return buckets_[i].load(std::memory_order_relaxed);
  }
  [[nodiscard]] static double upper_bound(std::size_t i);  // seconds; the last is +Inf
  [[nodiscard]] double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> buckets_[kBuckets]{};
  std::atomic<double> sum_{0};
};

// What the histograms of one name held at one moment, those of all labels together.
struct Reading {
  std::array<std::uint64_t, Histogram::kBuckets> buckets{};
};
// Seconds that the share `share` (0 to 1) of what came between two readings, `before` the earlier
// one, took at most; nothing came: none. Within a bucket as if they were spread evenly, so it may
// be out by a factor of two; what is beyond the last bound counts as that.
[[nodiscard]] std::optional<double> quantile(const Reading& before, const Reading& now,
                                             double share);

// Owns every metric of a process. Thread-safe; references stay valid as long as the registry.
class Registry {
 public:
  Registry();
  ~Registry();

  // Makes it known before there is a metric of it: for the reference page.
  void declare(const Declaration& declaration);
  // The same declaration and labels give the same metric.
  Counter& counter(const Declaration& declaration, const Labels& labels = {});
  Gauge& gauge(const Declaration& declaration, const Labels& labels = {});
  Histogram& histogram(const Declaration& declaration, const Labels& labels = {});
  // A value read when the endpoint is asked; for what another object counts already. `value` is
  // called on the thread that asks, must not call the registry, and is not called any more once
  // forget() has ended it.
  void observe(const Declaration& declaration, const Labels& labels, std::function<double()> value);
  // Ends every metric that carries this label (a task that was deleted). References to it stay
  // valid but are shown nowhere; asking again for the same labels begins a new metric at zero.
  void forget(const std::string& label, const std::string& value);

  // Of histograms, those that were forgotten, too; of a name that there is not: nothing in it.
  [[nodiscard]] Reading reading(std::string_view name) const;
  [[nodiscard]] std::vector<Declaration> declarations() const;  // sorted by name
  [[nodiscard]] std::string exposition() const;                 // Prometheus text format

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::metrics
