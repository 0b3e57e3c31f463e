#include "connectors/http/http_outcome.hpp"

#include <algorithm>
#include <charconv>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "mqtt/topic.hpp"

namespace sluice::connectors::http {
namespace {

namespace json = boost::json;

constexpr std::size_t kLongestReason = 200;
constexpr unsigned kLongestWait = 3600;  // seconds

}  // namespace

connect::Verdict verdict_of(unsigned status) {
  if (status >= 200 && status < 300) return connect::Verdict::Delivered;
  switch (status) {
    case 400:
    case 409:
    case 410:
    case 413:
    case 415:
    case 422:
      return connect::Verdict::Rejected;
    default:
      return connect::Verdict::RetryLater;
  }
}

std::optional<std::vector<unsigned>> results_in(std::string_view body, std::size_t records) {
  json::parse_options options;
  options.max_depth = 4;
  json::error_code error;
  const auto value = json::parse(body, error, {}, options);
  const auto* object = error ? nullptr : value.if_object();
  const auto* results = object != nullptr ? object->if_contains("results") : nullptr;
  const auto* list = results != nullptr ? results->if_array() : nullptr;
  if (list == nullptr || list->size() != records) return std::nullopt;
  std::vector<unsigned> statuses;
  for (const auto& status : *list) {
    json::error_code wrong;
    const auto number = status.to_number<unsigned>(wrong);
    if (wrong || number < 200 || number > 599) return std::nullopt;
    statuses.push_back(number);
  }
  return statuses;
}

std::optional<std::chrono::seconds> retry_after(std::string_view header) {
  unsigned seconds = 0;
  const char* const begin = header.data();
  const char* const end = begin + header.size();
  const auto [at, error] = std::from_chars(begin, end, seconds);
  if (error == std::errc::result_out_of_range) return std::chrono::seconds(kLongestWait);
  if (error != std::errc() || at != end) return std::nullopt;
  return std::chrono::seconds(std::min(seconds, kLongestWait));
}

std::string reason_of(unsigned status, std::string_view body,
                      std::span<const std::string> secrets) {
  std::string reason = "the server answered " + std::to_string(status);
  std::string shown(body);  // whole: a secret may begin before the cut and end behind it
  for (const auto& secret : secrets) {
    if (secret.empty()) continue;
    for (auto at = shown.find(secret); at != shown.npos; at = shown.find(secret, at))
      shown.replace(at, secret.size(), "***");
  }
  auto text = std::string_view(shown).substr(0, kLongestReason);
  while (!text.empty() && !mqtt::is_valid_utf8(text) && text.size() + 4 > kLongestReason)
    text.remove_suffix(1);
  if (text.empty() || !mqtt::is_valid_utf8(text)) return reason;
  reason += ": ";
  for (const char c : text) reason += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  return reason;
}

}  // namespace sluice::connectors::http
