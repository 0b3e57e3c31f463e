#include "broker/access/timestamp.hpp"

#include <ctime>
#include <fmt/format.h>

namespace sluice::broker {

std::string rfc3339(std::int64_t wall_ms) {
  std::int64_t seconds = wall_ms / 1000;
  std::int64_t rest = wall_ms % 1000;
  if (rest < 0) {
    rest += 1000;
    --seconds;
  }
  const std::time_t time = seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, rest);
}

std::optional<std::int64_t> parse_utc(std::string_view text) {
  if (!text.ends_with('Z') || text.size() > 40) return std::nullopt;
  const std::string copy(text.substr(0, text.size() - 1));
  std::tm utc{};
  const char* rest = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  if (rest == nullptr || utc.tm_sec > 59) return std::nullopt;
  const auto day = utc.tm_mday;
  const auto seconds = ::timegm(&utc);
  if (utc.tm_mday != day) return std::nullopt;  // 31 April
  std::int64_t milliseconds = 0;
  if (*rest == '.') {
    std::int64_t weight = 100;
    if (*++rest == '\0') return std::nullopt;
    for (; *rest >= '0' && *rest <= '9'; ++rest, weight /= 10)
      milliseconds += (*rest - '0') * weight;
  }
  if (*rest != '\0') return std::nullopt;
  return static_cast<std::int64_t>(seconds) * 1000 + milliseconds;
}

}  // namespace sluice::broker
