// Numbers with a unit, both ways.
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <limits>
#include <span>

#include "base/schema.hpp"

namespace sluice::schema {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor = 1;
};

constexpr std::array<Unit, 4> kSizes = {
    {{"B", 1}, {"KiB", 1LL << 10}, {"MiB", 1LL << 20}, {"GiB", 1LL << 30}}};
constexpr std::array<Unit, 5> kTimes = {
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

std::string_view without_spaces_around(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

Result<std::int64_t> parse(std::string_view text, std::span<const Unit> units,
                           std::string_view expected) {
  const auto refuse = [expected] {
    return fail(Errc::InvalidArgument, fmt::format("must be {}", expected));
  };
  text = without_spaces_around(text);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return refuse();

  const auto name = without_spaces_around(text.substr(static_cast<std::size_t>(end - text.data())));
  if (name.empty()) return number;
  for (const auto& unit : units) {
    if (unit.name != name) continue;
    if (number > std::numeric_limits<std::int64_t>::max() / unit.factor) {
      return fail(Errc::InvalidArgument, "is larger than any number that can be held");
    }
    return number * unit.factor;
  }
  return refuse();
}

std::string in_largest_unit(std::int64_t number, std::span<const Unit> units) {
  for (std::size_t i = units.size(); i-- > 1;) {
    if (number != 0 && number % units[i].factor == 0) {
      return fmt::format("{}{}", number / units[i].factor, units[i].name);
    }
  }
  return {};
}

}  // namespace

Result<std::int64_t> parse_bytes(std::string_view text) {
  return parse(text, kSizes, "a number of bytes or a size such as 64KiB, 16MiB or 2GiB");
}

// Text without a unit is refused: whoever writes "30" may well mean seconds.
Result<std::int64_t> parse_duration_ms(std::string_view text) {
  constexpr std::string_view kExpected = "a duration such as 500ms, 30s, 10m, 2h or 7d";
  const auto number = without_spaces_around(text);
  if (number != "0" && number.find_first_not_of("0123456789") == std::string_view::npos) {
    return fail(Errc::InvalidArgument, fmt::format("must be {}", kExpected));
  }
  return parse(text, kTimes, kExpected);
}

std::string bytes_text(std::int64_t bytes) {
  auto text = in_largest_unit(bytes, kSizes);
  return text.empty() ? fmt::format("{}", bytes) : text;
}

std::string duration_text(std::int64_t milliseconds) {
  if (milliseconds == 0) return "0s";
  auto text = in_largest_unit(milliseconds, kTimes);
  return text.empty() ? fmt::format("{}ms", milliseconds) : text;
}

}  // namespace sluice::schema
