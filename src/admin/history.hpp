#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/guarded.hpp"

namespace sluice::admin {

// How the key figures were over the last day, for charts without a database outside.
//
// Owns:    kMost samples, 1.2 MB, in memory: a new process begins anew.
// Threads: any.
class History {
 public:
  static constexpr std::int64_t kIntervalMs = 10'000;
  static constexpr std::size_t kMost = 24 * 60 * 60 * 1000 / kIntervalMs;
  static constexpr std::size_t kMostPoints = 1000;

  // A total is shown as what came per second; of a peak the highest of a step, in milliseconds, or
  // null where all are NaN.
  enum class Kind : std::uint8_t { Value, Total, Peak };
  struct Figure {
    std::string_view name;
    Kind kind;
  };
  static constexpr std::array<Figure, 16> kFigures = {{
      {"connections", Kind::Value},
      {"sessions", Kind::Value},
      {"subscriptions", Kind::Value},
      {"retained", Kind::Value},
      {"log_bytes", Kind::Value},
      {"lag_messages", Kind::Value},
      {"messages_received_per_second", Kind::Total},
      {"messages_sent_per_second", Kind::Total},
      {"messages_appended_per_second", Kind::Total},
      {"bytes_appended_per_second", Kind::Total},
      {"delivered_per_second", Kind::Total},
      {"rejected_per_second", Kind::Total},
      {"acknowledged_p50_ms", Kind::Peak},
      {"acknowledged_p99_ms", Kind::Peak},
      {"delivered_p50_ms", Kind::Peak},
      {"delivered_p99_ms", Kind::Peak},
  }};
  struct Sample {
    std::int64_t time_ms = 0;
    std::array<double, kFigures.size()> figures{};  // in the order of kFigures
  };

  void add(const Sample& sample);

  struct Query {
    std::int64_t from_ms = 0;
    std::int64_t to_ms = INT64_MAX;
    std::int64_t step_ms = kIntervalMs;
  };
  // Oldest first, at most kMostPoints, of the newest time that fits: one for each step that has a
  // sample, with the last values and the peaks in it and the rates since the point before. The
  // first sample has no rates.
  [[nodiscard]] std::vector<boost::json::object> points(const Query& query) const;

 private:
  struct Ring {
    std::vector<Sample> samples;  // grows to kMost, then goes round
    std::size_t next = 0;         // where the next one goes
  };
  static void keep_peaks(const Sample& of, Sample& in);
  [[nodiscard]] static boost::json::object point(const Sample& sample, const Sample* before);

  Guarded<Ring> ring_;
};

}  // namespace sluice::admin
