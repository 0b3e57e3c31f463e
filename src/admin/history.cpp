#include "admin/history.hpp"

#include <algorithm>
#include <cmath>

#include "admin/latency.hpp"
#include "broker/access/timestamp.hpp"

namespace sluice::admin {

namespace json = boost::json;

void History::add(const Sample& sample) {
  ring_.with([&](Ring& ring) {
    if (ring.samples.size() < kMost) {
      ring.samples.push_back(sample);
      return;
    }
    ring.samples[ring.next] = sample;
    ring.next = (ring.next + 1) % kMost;
  });
}

void History::keep_peaks(const Sample& of, Sample& in) {
  for (std::size_t i = 0; i < kFigures.size(); ++i)
    if (kFigures.at(i).kind == Kind::Peak)
      in.figures.at(i) = std::fmax(in.figures.at(i), of.figures.at(i));
}

// A total may begin anew, as that of a task that is deleted: never less than nothing.
json::object History::point(const Sample& sample, const Sample* before) {
  json::object shown{{"time", broker::rfc3339(sample.time_ms)}};
  for (std::size_t i = 0; i < kFigures.size(); ++i) {
    const auto& figure = kFigures.at(i);
    const auto value = sample.figures.at(i);
    if (figure.kind == Kind::Value) {
      shown[figure.name] = static_cast<std::int64_t>(value);
    } else if (figure.kind == Kind::Peak) {
      shown[figure.name] = milliseconds_or_null(value);
    } else if (before == nullptr || sample.time_ms <= before->time_ms) {
      shown[figure.name] = nullptr;
    } else {
      const auto seconds = static_cast<double>(sample.time_ms - before->time_ms) / 1000;
      const auto rate = std::max(0.0, value - before->figures.at(i)) / seconds;
      shown[figure.name] = std::round(rate * 1000) / 1000;
    }
  }
  return shown;
}

std::vector<json::object> History::points(const Query& query) const {
  return ring_.with([&](const Ring& ring) {
    const auto count = ring.samples.size();
    const auto at = [&](std::size_t i) -> const Sample& {
      return ring.samples[(ring.next + i) % count];
    };
    std::vector<Sample> chosen;  // newest first, with the one before them
    for (std::size_t i = count; i-- > 0 && chosen.size() <= kMostPoints;) {
      const auto& sample = at(i);
      if (sample.time_ms >= query.to_ms) continue;
      const auto step = sample.time_ms / query.step_ms;
      if (!chosen.empty() && chosen.back().time_ms / query.step_ms == step) {
        keep_peaks(sample, chosen.back());
        continue;
      }
      chosen.push_back(sample);
      if (sample.time_ms < query.from_ms) break;
    }
    std::vector<json::object> points;
    for (auto it = chosen.rbegin(); it != chosen.rend(); ++it) {
      const bool is_first = it == chosen.rbegin();
      if (is_first && (it->time_ms < query.from_ms || chosen.size() > kMostPoints)) continue;
      points.push_back(point(*it, is_first ? nullptr : &*(it - 1)));
    }
    return points;
  });
}

}  // namespace sluice::admin
