#pragma once
#include <cstdio>
#include <string>
#include <string_view>

#include "load/meter.hpp"

namespace sluice::load {

// The figures of a run, in the order in which they were added.
class Report {
 public:
  void number(std::string_view name, double value, int decimals = 0) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    add(name, text);
  }
  void number(std::string_view name, std::uint64_t value) { add(name, std::to_string(value)); }
  void truth(std::string_view name, bool value) { add(name, value ? "true" : "false"); }
  void times(const std::string& name, const Histogram& histogram) {
    if (histogram.total() == 0) return;
    number(name + "_p50_us", histogram.quantile_us(0.5));
    number(name + "_p99_us", histogram.quantile_us(0.99));
    number(name + "_p999_us", histogram.quantile_us(0.999));
  }
  void mebibytes(std::string_view name, std::uint64_t bytes) {
    number(name, static_cast<double>(bytes) / 1024 / 1024, 1);
  }
  // One line of JSON, or one line for each figure.
  void print(bool json) const {
    std::printf(json ? "{%s}\n" : "%s\n", (json ? json_ : lines_).c_str());
    std::fflush(stdout);
  }

 private:
  void add(std::string_view name, const std::string& value) {
    json_ += (json_.empty() ? "\"" : ",\"") + std::string(name) + "\":" + value;
    lines_ += (lines_.empty() ? "" : "\n") + std::string(name) + " " + value;
  }

  std::string json_;
  std::string lines_;
};

}  // namespace sluice::load
