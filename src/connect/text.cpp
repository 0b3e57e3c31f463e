#include "connect/text.hpp"

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace sluice::connect {
namespace {

namespace json = boost::json;

// What devices measure has few digits. The text is the one that std::to_chars finds with ten times
// the work: up to 15 digits the decimal number with the fewest that reads back as the double is the
// shortest. Null: not such a number.
char* write_short_decimal(char* out, double number) {
  const double size = std::fabs(number);
  if (!(size >= 0.001 && size < 1e9)) return nullptr;  // there 1e9 may be shorter than digits
  std::int64_t unit = 1;
  for (std::size_t places = 0; places <= 6; ++places, unit *= 10) {
    const auto scale = static_cast<double>(unit);
    const auto digits = static_cast<std::int64_t>(size * scale + 0.5);
    if (static_cast<double>(digits) / scale != size) continue;
    if (places == 0 && digits >= 100'000) return nullptr;  // 1e+05
    if (number < 0) *out++ = '-';
    out = std::to_chars(out, out + 20, digits / unit).ptr;
    if (places == 0) return out;
    *out++ = '.';
    auto rest = digits % unit;
    for (auto at = places; at > 0; --at, rest /= 10)
      out[at - 1] = static_cast<char>('0' + rest % 10);
    return out + places;
  }
  return nullptr;
}

void append_double(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  char digits[32];
  auto* end = write_short_decimal(digits, number);
  if (end == nullptr) end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

// Reads exactly `count` digits from the front of `text`.
bool take_digits(std::string_view& text, int count, int& number) {
  if (text.size() < static_cast<std::size_t>(count)) return false;
  number = 0;
  for (int i = 0; i < count; ++i) {
    const char c = text[static_cast<std::size_t>(i)];
    if (c < '0' || c > '9') return false;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(static_cast<std::size_t>(count));
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// `.123456` -> 123 ms.
bool take_fraction(std::string_view& text, std::int64_t& milliseconds) {
  milliseconds = 0;
  if (!take(text, '.')) return true;
  std::int64_t unit = 100;
  std::size_t digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    milliseconds += (text.front() - '0') * unit;
    unit /= 10;
    ++digits;
    text.remove_prefix(1);
  }
  return digits > 0;
}

// `Z`, `+02:00`: minutes east of UTC.
bool take_offset(std::string_view& text, int& minutes) {
  minutes = 0;
  if (take(text, 'Z') || take(text, 'z')) return true;
  const bool west = !text.empty() && text.front() == '-';
  if (!take(text, '+') && !take(text, '-')) return false;
  int hour = 0;
  int minute = 0;
  if (!take_digits(text, 2, hour) || !take(text, ':') || !take_digits(text, 2, minute))
    return false;
  if (hour > 23 || minute > 59) return false;
  minutes = (hour * 60 + minute) * (west ? -1 : 1);
  return true;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  std::size_t plain = 0;  // start of what needs no escape
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out.append(text, plain);
  out += '"';
}

void append_json(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      out += "null";
      break;
    case json::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      break;
    case json::kind::int64:
      append_number(out, value.get_int64());
      break;
    case json::kind::uint64:
      append_number(out, value.get_uint64());
      break;
    case json::kind::double_:
      append_double(out, value.get_double());
      break;
    case json::kind::string:
      append_json_string(out, value.get_string());
      break;
    case json::kind::array: {
      char before = '[';
      for (const auto& element : value.get_array()) {
        out += before;
        append_json(out, element);
        before = ',';
      }
      out += before == '[' ? "[]" : "]";
      break;
    }
    case json::kind::object: {
      char before = '{';
      for (const auto& [name, member] : value.get_object()) {
        out += before;
        append_json_string(out, name);
        out += ':';
        append_json(out, member);
        before = ',';
      }
      out += before == '{' ? "{}" : "}";
      break;
    }
  }
}

std::string rfc3339(std::int64_t wall_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(wall_ms)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  char text[48];
  std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

bool parse_rfc3339(std::string_view text, std::int64_t& wall_ms) {
  using namespace std::chrono;
  int year_number = 0, month_number = 0, day_number = 0, hour = 0, minute = 0, second = 0;
  if (!take_digits(text, 4, year_number) || !take(text, '-') ||
      !take_digits(text, 2, month_number) || !take(text, '-') || !take_digits(text, 2, day_number))
    return false;
  if (!take(text, 'T') && !take(text, 't') && !take(text, ' ')) return false;
  if (!take_digits(text, 2, hour) || !take(text, ':') || !take_digits(text, 2, minute) ||
      !take(text, ':') || !take_digits(text, 2, second))
    return false;
  std::int64_t fraction = 0;
  int offset = 0;
  if (!take_fraction(text, fraction) || !take_offset(text, offset) || !text.empty()) return false;

  const year_month_day date(year{year_number}, month{static_cast<unsigned>(month_number)},
                            day{static_cast<unsigned>(day_number)});
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return false;
  const auto whole =
      sys_days(date).time_since_epoch() + hours(hour) + minutes(minute - offset) + seconds(second);
  wall_ms = duration_cast<milliseconds>(whole).count() + fraction;
  return true;
}

}  // namespace sluice::connect
