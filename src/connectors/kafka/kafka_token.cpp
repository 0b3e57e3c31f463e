#include "connectors/kafka/kafka_token.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include <boost/json/parse.hpp>

#include "base/base64.hpp"
#include "base/json_text.hpp"
#include "io/http_channel.hpp"

namespace sluice::connectors::kafka {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto kWithin = 5s;
constexpr std::uint64_t kLongestAnswer = 256 * 1024;
constexpr std::size_t kLongestReason = 200;
constexpr std::int64_t kAssumedMs = 5 * 60 * 1000;
constexpr std::int64_t kLongestSeconds = 366 * 24 * 3600;

std::optional<std::int64_t> seconds_at(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const auto seconds = value->to_number<double>();
  if (!std::isfinite(seconds) || seconds <= 0) return std::nullopt;
  return static_cast<std::int64_t>(std::min(seconds, 1e12));
}

// `exp` of a JWT, whose signature is the brokers' matter.
std::optional<std::int64_t> expiry_of(std::string_view token) {
  const auto first = token.find('.');
  const auto second = token.find('.', first == token.npos ? first : first + 1);
  if (second == token.npos) return std::nullopt;
  std::string text;
  if (!decode_base64url(token.substr(first + 1, second - first - 1), text)) return std::nullopt;
  boost::system::error_code error;
  const auto parsed = json::parse(text, error);
  if (error || !parsed.is_object()) return std::nullopt;
  return seconds_at(parsed.get_object(), "exp");
}

// What the other side says, on one line.
std::string reason_in(std::string_view body) {
  boost::system::error_code error;
  const auto parsed = json::parse(body, error);
  std::string text;
  if (!error && parsed.is_object()) {
    text = text_at(parsed.get_object(), "error");
    const auto detail = text_at(parsed.get_object(), "error_description");
    if (!detail.empty()) text += (text.empty() ? "" : ": ") + detail;
  }
  std::ranges::replace_if(text, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  return text.substr(0, kLongestReason);
}

}  // namespace

Result<Token> token_in(std::string_view answer, std::int64_t now_ms) {
  boost::system::error_code error;
  const auto parsed = json::parse(answer, error);
  if (error || !parsed.is_object()) return fail(Errc::IoFailed, "the answer is no JSON object");
  Token token{.value = text_at(parsed.get_object(), "access_token")};
  // What the client library would refuse: RFC 6750 §2.1.
  const auto is_odd = [](unsigned char c) { return c <= ' ' || c >= 0x7f; };
  if (token.value.empty() || std::ranges::any_of(token.value, is_odd))
    return fail(Errc::IoFailed, "the answer holds no `access_token`");
  const auto lasts_s = seconds_at(parsed.get_object(), "expires_in");
  const auto until_s = lasts_s ? std::nullopt : expiry_of(token.value);
  token.expires_ms = lasts_s   ? now_ms + std::min(*lasts_s, kLongestSeconds) * 1000
                     : until_s ? std::min(*until_s, now_ms / 1000 + kLongestSeconds) * 1000
                               : now_ms + kAssumedMs;
  if (token.expires_ms <= now_ms)
    return fail(Errc::IoFailed, "the token has expired already: compare the clocks");
  return token;
}

Result<Token> fetch_token(const TokenEndpoint& endpoint, std::int64_t now_ms) {
  SL_TRY(url, io::parse_web_url(endpoint.url));
  io::HttpRequest request{.method = "POST", .url = endpoint.url};
  request.maximum_body_bytes = kLongestAnswer;
  request.body = "grant_type=client_credentials";
  if (!endpoint.scope.empty()) request.body += "&scope=" + io::percent_encoded(endpoint.scope);
  const auto login =
      base64(io::percent_encoded(endpoint.client_id) + ":" + io::percent_encoded(endpoint.secret));
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                     {"Accept", "application/json"},
                     {"Authorization", "Basic " + login}};
  io::HttpChannel channel(std::move(url), endpoint.identity);
  const auto answer = channel.exchange(request, std::chrono::steady_clock::now() + kWithin);
  if (!answer) return tl::unexpected(answer.error().error);
  if (answer->status == 200) return token_in(answer->body, now_ms);
  auto reason = reason_in(answer->body);
  for (const auto* secret : {&endpoint.secret, &login})  // a friendly page may repeat them
    if (!secret->empty() && answer->body.find(*secret) != std::string::npos) reason.clear();
  return fail(Errc::NotAuthorized, "the answer is " + std::to_string(answer->status) +
                                       (reason.empty() ? "" : ", " + reason));
}

}  // namespace sluice::connectors::kafka
