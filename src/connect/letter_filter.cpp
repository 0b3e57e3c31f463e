#include "connect/letter_filter.hpp"

#include <algorithm>

#include <boost/json/parse.hpp>

#include "base/ascii.hpp"
#include "base/json_text.hpp"
#include "connect/text.hpp"
#include "mqtt/topic.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;

// Stands there once: in a text its quotes would be escaped.
constexpr std::string_view kPayloadMember = R"(,"payload":")";

bool contains_text(std::string_view text, std::string_view part) {
  const auto is_same = [](char one, char other) { return ascii_lower(one) == ascii_lower(other); };
  return !std::ranges::search(text, part, is_same).empty() || part.empty();
}

bool is_in_time(const LetterFilter& filter, const json::object& letter) {
  if (!filter.from_ms && !filter.before_ms) return true;
  std::int64_t at_ms = 0;
  if (!parse_rfc3339(text_at(letter, "rejected_at"), at_ms)) return false;
  return (!filter.from_ms || at_ms >= *filter.from_ms) &&
         (!filter.before_ms || at_ms < *filter.before_ms);
}

}  // namespace

std::optional<json::object> head_of_letter(std::string_view saved) {
  std::string head(saved.substr(0, saved.find(kPayloadMember)));
  if (head.size() < saved.size()) head += '}';
  json::error_code error;
  auto parsed = json::parse(head, error);
  if (error || !parsed.is_object()) return std::nullopt;
  return std::move(parsed.get_object());
}

bool matches(const LetterFilter& filter, const json::object& letter) {
  const auto is_it = [&](std::string_view wanted, std::string_view name) {
    return wanted.empty() || text_at(letter, name) == wanted;
  };
  return is_it(filter.error, "class") && is_it(filter.client_id, "client_id") &&
         (filter.topic.empty() || mqtt::matches(filter.topic, text_at(letter, "topic"))) &&
         (filter.reason.empty() || contains_text(text_at(letter, "reason"), filter.reason)) &&
         is_in_time(filter, letter);
}

bool matches(const LetterFilter& filter, std::string_view saved) {
  if (filter.is_empty()) return true;
  const auto letter = head_of_letter(saved);
  return letter && matches(filter, *letter);
}

}  // namespace sluice::connect
