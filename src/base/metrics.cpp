#include "base/metrics.hpp"

#include <cmath>
#include <limits>
#include <optional>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sstream>
#include <utility>

#include "base/check.hpp"

namespace sluice::metrics {
namespace {

// One metric with its labels: exactly one of the four is set.
struct Series {
  std::unique_ptr<Counter> counter;
  std::unique_ptr<Gauge> gauge;
  std::unique_ptr<Histogram> histogram;
  std::function<double()> value;
};

struct Family {
  std::string name;
  std::string help;
  Kind kind = Kind::Counter;
  std::vector<std::string> labels;
  std::map<Labels, Series> series;
  Reading gone;  // of histograms that were forgotten: a reading never shrinks
};

void add(const Histogram& histogram, Reading& reading) {
  for (std::size_t i = 0; i < reading.buckets.size(); ++i)
    reading.buckets[i] += histogram.bucket(i);
}

bool is_good_name(std::string_view name, Kind kind) {
  const auto is_name_character = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  for (const char c : name) {
    if (!is_name_character(c)) return false;
  }
  return name.starts_with("sluice_") && (kind != Kind::Counter || name.ends_with("_total"));
}

bool carries_declared_labels(const Family& family, const Labels& labels) {
  if (labels.size() != family.labels.size()) return false;
  for (const auto& name : family.labels) {
    if (!labels.contains(name)) return false;
  }
  return true;
}

prometheus::MetricType type_of(Kind kind) {
  switch (kind) {
    case Kind::Counter:
      return prometheus::MetricType::Counter;
    case Kind::Gauge:
      return prometheus::MetricType::Gauge;
    case Kind::Histogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

void read_histogram(const Histogram& histogram, prometheus::ClientMetric::Histogram& into) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i) {
    count += histogram.bucket(i);
    into.bucket.push_back({count, Histogram::upper_bound(i)});
  }
  into.sample_count = count;
  into.sample_sum = histogram.sum();
}

prometheus::ClientMetric read(Kind kind, const Labels& labels, const Series& series) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : labels) metric.label.push_back({name, value});
  if (series.histogram) {
    read_histogram(*series.histogram, metric.histogram);
    return metric;
  }
  double value = 0;
  if (series.value) value = series.value();
  if (series.counter) value = static_cast<double>(series.counter->value());
  if (series.gauge) value = series.gauge->value();
  (kind == Kind::Counter ? metric.counter.value : metric.gauge.value) = value;
  return metric;
}

}  // namespace

struct Registry::State {
  mutable std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;
  std::vector<Series> forgotten;  // so that references stay valid

  // Under the mutex.
  Family& family(const Declaration& declaration) {
    auto it = families.find(declaration.name);
    if (it == families.end()) {
      SL_CHECK(is_good_name(declaration.name, declaration.kind));
      it = families.emplace(std::string(declaration.name), Family{}).first;
      it->second.name = declaration.name;
      it->second.help = declaration.help;
      it->second.kind = declaration.kind;
      it->second.labels.assign(declaration.labels.begin(), declaration.labels.end());
    }
    SL_CHECK(it->second.kind == declaration.kind);
    return it->second;
  }

  Series& series(const Declaration& declaration, const Labels& labels) {
    auto& found = family(declaration);
    SL_DCHECK(carries_declared_labels(found, labels));
    return found.series[labels];
  }
};

void Histogram::observe(double seconds, std::uint64_t times) {
  if (std::isnan(seconds)) return;
  const double microseconds = seconds * 1e6;
  std::size_t index = 0;
  if (microseconds > 1) {
    int exponent = 0;
    const double mantissa = std::frexp(microseconds, &exponent);  // in [0.5, 1)
    if (mantissa == 0.5) --exponent;                              // exactly a power of two
    index = std::isinf(microseconds) ? kBuckets - 1 : static_cast<std::size_t>(exponent);
  }
  if (index >= kBuckets) index = kBuckets - 1;
  buckets_[index].fetch_add(times, std::memory_order_relaxed);
  sum_.fetch_add(seconds * static_cast<double>(times), std::memory_order_relaxed);
}

double Histogram::upper_bound(std::size_t i) {
  if (i + 1 >= kBuckets) return std::numeric_limits<double>::infinity();
  return std::ldexp(1.0, static_cast<int>(i)) / 1e6;
}

std::optional<double> quantile(const Reading& before, const Reading& now, double share) {
  Reading came;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < came.buckets.size(); ++i) {
    came.buckets[i] = now.buckets[i] - before.buckets[i];
    count += came.buckets[i];
  }
  if (count == 0) return std::nullopt;
  const auto wanted = share * static_cast<double>(count);
  double below = 0;
  for (std::size_t i = 0; i + 1 < came.buckets.size(); ++i) {
    const auto here = static_cast<double>(came.buckets[i]);
    if (here > 0 && below + here >= wanted) {
      const auto from = i == 0 ? 0 : Histogram::upper_bound(i - 1);
      return from + (Histogram::upper_bound(i) - from) * (wanted - below) / here;
    }
    below += here;
  }
  return Histogram::upper_bound(came.buckets.size() - 2);
}

Registry::Registry() : state_(std::make_unique<State>()) {}
Registry::~Registry() = default;

void Registry::declare(const Declaration& declaration) {
  const std::scoped_lock lock(state_->mutex);
  (void)state_->family(declaration);
}

Counter& Registry::counter(const Declaration& declaration, const Labels& labels) {
  SL_CHECK(declaration.kind == Kind::Counter);
  const std::scoped_lock lock(state_->mutex);
  auto& series = state_->series(declaration, labels);
  if (!series.counter) series.counter = std::make_unique<Counter>();
  return *series.counter;
}

Gauge& Registry::gauge(const Declaration& declaration, const Labels& labels) {
  SL_CHECK(declaration.kind == Kind::Gauge);
  const std::scoped_lock lock(state_->mutex);
  auto& series = state_->series(declaration, labels);
  if (!series.gauge) series.gauge = std::make_unique<Gauge>();
  return *series.gauge;
}

Histogram& Registry::histogram(const Declaration& declaration, const Labels& labels) {
  SL_CHECK(declaration.kind == Kind::Histogram);
  const std::scoped_lock lock(state_->mutex);
  auto& series = state_->series(declaration, labels);
  if (!series.histogram) series.histogram = std::make_unique<Histogram>();
  return *series.histogram;
}

void Registry::observe(const Declaration& declaration, const Labels& labels,
                       std::function<double()> value) {
  SL_CHECK(declaration.kind != Kind::Histogram);
  const std::scoped_lock lock(state_->mutex);
  state_->series(declaration, labels).value = std::move(value);
}

void Registry::forget(const std::string& label, const std::string& value) {
  const std::scoped_lock lock(state_->mutex);
  for (auto& [name, family] : state_->families) {
    for (auto it = family.series.begin(); it != family.series.end();) {
      const auto found = it->first.find(label);
      if (found == it->first.end() || found->second != value) {
        ++it;
        continue;
      }
      it->second.value = nullptr;
      if (it->second.histogram) add(*it->second.histogram, family.gone);
      state_->forgotten.push_back(std::move(it->second));
      it = family.series.erase(it);
    }
  }
}

Reading Registry::reading(std::string_view name) const {
  const std::scoped_lock lock(state_->mutex);
  const auto found = state_->families.find(name);
  if (found == state_->families.end()) return {};
  auto all = found->second.gone;
  for (const auto& [labels, series] : found->second.series)
    if (series.histogram) add(*series.histogram, all);
  return all;
}

std::vector<Declaration> Registry::declarations() const {
  const std::scoped_lock lock(state_->mutex);
  std::vector<Declaration> all;
  for (const auto& [name, family] : state_->families) {
    all.push_back({family.name, family.help, family.kind,
                   std::vector<std::string_view>(family.labels.begin(), family.labels.end())});
  }
  return all;
}

std::string Registry::exposition() const {
  std::vector<prometheus::MetricFamily> families;
  {
    const std::scoped_lock lock(state_->mutex);
    for (const auto& [name, family] : state_->families) {
      auto& shown = families.emplace_back();
      shown.name = family.name;
      shown.help = family.help;
      shown.type = type_of(family.kind);
      for (const auto& [labels, series] : family.series) {
        shown.metric.push_back(read(family.kind, labels, series));
      }
    }
  }
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return std::move(text).str();
}

}  // namespace sluice::metrics
