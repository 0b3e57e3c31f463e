#pragma once
#include <cmath>

#include <boost/json/object.hpp>

#include "base/guarded.hpp"
#include "base/metrics.hpp"

namespace sluice::admin {

// How long it took of late, over all clients and tasks: from the append to the acknowledgement of
// a publisher, and to that of the other side of a task.
//
// Threads: take() from one, the others any.
class Latency {
 public:
  // Milliseconds; NaN: nothing was acknowledged, or delivered.
  struct Figures {
    double acknowledged_p50 = NAN;
    double acknowledged_p99 = NAN;
    double delivered_p50 = NAN;
    double delivered_p99 = NAN;
  };

  explicit Latency(const metrics::Registry& registry) : registry_(registry) {}

  // Of the time since it was called last.
  Figures take();
  // As it was taken last: `acknowledged_p50_ms`, ..., null for none.
  [[nodiscard]] boost::json::object shown() const;

 private:
  const metrics::Registry& registry_;
  metrics::Reading acknowledged_;
  metrics::Reading delivered_;
  Guarded<Figures> newest_;
};

// With three places behind the point; null for NaN.
[[nodiscard]] boost::json::value milliseconds_or_null(double value);

}  // namespace sluice::admin
