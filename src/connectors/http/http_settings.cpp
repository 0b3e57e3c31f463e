#include "connectors/http/http_settings.hpp"

#include <algorithm>
#include <array>

#include "base/ascii.hpp"
#include "base/base64.hpp"
#include "base/json_text.hpp"
#include "connect/kept_secrets.hpp"
#include "connect/verify_step.hpp"
#include "io/address_rule.hpp"
#include "io/reach.hpp"

namespace sluice::connectors::http {
namespace {

namespace json = boost::json;
using connect::VerifyStep;
using schema::Problem;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kShortestSecret = 4;  // a shorter one would tear holes into every sentence

bool is_header_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

bool is_header_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c == '\t' || (c >= ' ' && c != 0x7f); });
}

// Those that the client sets itself: another value would end one message inside another.
bool is_ours(std::string_view name) {
  static constexpr std::array<std::string_view, 7> kOurs = {
      "host",   "content-length", "transfer-encoding", "connection", "content-type",
      "expect", "upgrade"};
  const auto lower = ascii_lower(name);
  return std::ranges::find(kOurs, lower) != kOurs.end();
}

// Where requests go, whatever they ask for there.
std::string server_of(const json::object& settings) {
  const auto url = io::parse_web_url(text_at(settings, "url"));
  if (!url) return {};
  return (url->is_tls ? "https://" : "http://") + ascii_lower(url->host) + ":" +
         std::to_string(url->port);
}

}  // namespace

Target target_of(const json::object& settings) {
  Target target;
  if (auto url = io::parse_web_url(text_at(settings, "url"))) target.url = std::move(*url);
  target.identity = {.ca_pem = text_at(settings, "ca_pem"),
                     .certificate_pem = text_at(settings, "certificate_pem"),
                     .key_pem = text_at(settings, "key_pem")};
  for (const auto& [name, value] : settings.at("headers").as_object())
    target.headers.emplace_back(std::string(name), std::string(value.as_string()));
  const auto token = text_at(settings, "token");
  const auto username = text_at(settings, "username");
  if (!token.empty()) {
    target.headers.emplace_back("Authorization", "Bearer " + token);
  } else if (!username.empty()) {
    target.headers.emplace_back("Authorization",
                                "Basic " + base64(username + ":" + text_at(settings, "password")));
  }
  for (const auto& [name, value] : target.headers) {
    target.secrets.push_back(value);
    target.secrets.push_back(value.substr(value.find(' ') + 1));  // without Bearer or Basic
  }
  target.secrets.push_back(text_at(settings, "password"));
  std::erase_if(target.secrets, [](const auto& text) { return text.size() < kShortestSecret; });
  target.timeout = std::chrono::milliseconds(settings.at("timeout").as_int64());
  return target;
}

void check_settings(const json::object& settings, std::vector<Problem>& problems) {
  const auto problem = [&](std::string pointer, std::string detail) {
    problems.push_back({std::move(pointer), std::move(detail)});
  };
  if (const auto url = io::parse_web_url(text_at(settings, "url")); !url) {
    problem("/settings/url", url.error().detail);
  } else if (const auto allowed = io::may_call_host(io::Caller::Http, url->host, url->port);
             !allowed) {
    problem("/settings/url", allowed.error().detail);
  }
  for (const auto& [name, value] : settings.at("headers").as_object()) {
    const auto pointer = schema::child_pointer("/settings/headers", name);
    if (!is_header_name(name))
      problem(pointer, "must have letters, digits, - and _ in its name");
    else if (is_ours(name))
      problem(pointer, "is set by the server itself");
    else if (value.as_string() == "***")
      problem(pointer, "must be given: there is no saved value that `***` could stand for");
    else if (!is_header_value(value.as_string()))
      problem(pointer, "must be one line");
  }
  if (!is_header_value(text_at(settings, "token"))) problem("/settings/token", "must be one line");
  if (text_at(settings, "username").find(':') != std::string::npos)
    problem("/settings/username", "must not hold a colon");
  if (!text_at(settings, "token").empty() && !text_at(settings, "username").empty())
    problem("/settings/token", "must not stand beside `username`: one of them says who we are");
  if (text_at(settings, "certificate_pem").empty() != text_at(settings, "key_pem").empty())
    problem("/settings/key_pem", "must stand beside `certificate_pem`");
}

// Whoever may change the address must not learn by it what was typed for the one before.
void check_change(const json::object& before, const json::object& after, const json::object& given,
                  std::vector<Problem>& problems) {
  const auto server = server_of(before);
  if (server == server_of(after)) return;
  for (const auto* name : {"headers", "password", "token", "key_pem"}) {
    if (!connect::is_kept(after.if_contains(name), given.if_contains(name))) continue;
    problems.push_back({std::string("/settings/") + name,
                        "must be given again with the new `url`, or be taken out: what is saved "
                        "was given for " +
                            server});
  }
}

void check_sink(const json::object& sink, std::vector<Problem>& problems) {
  if (!is_header_value(text_at(sink, "content_type")))
    problems.push_back({"/sink/content_type", "must be one line"});
  if (text_at(sink, "format") == "value" && sink.at("batch_records").as_int64() != 1)
    problems.push_back({"/sink/batch_records", "must be 1 with the format `value`"});
}

void mask_headers(json::object& settings) {
  auto* headers = settings.if_contains("headers");
  if (headers == nullptr || !headers->is_object()) return;
  for (auto& member : headers->get_object()) member.value() = "***";
}

std::vector<VerifyStep> verify(const json::object& settings, std::string_view /*topic*/) {
  using namespace std::chrono_literals;
  const auto target = target_of(settings);
  std::vector<VerifyStep> steps;
  const auto step = [&steps](std::string name, std::string hint, auto body) {
    return connect::take_step(steps, std::move(name), std::move(hint), 10s, body);
  };
  std::vector<io::SocketAddress> addresses;
  Descriptor socket;
  const auto resolve = [&](io::SteadyTime until) -> Result<std::string> {
    SL_TRY(found, io::resolve(target.url.host, std::to_string(target.url.port), until));
    addresses = std::move(found);
    return "the host name has an address";
  };
  const auto connect = [&](io::SteadyTime until) -> Result<std::string> {
    Result<std::string> outcome = fail(Errc::Unavailable, "there is no address");
    for (const auto& address : addresses) {
      auto connected = io::connect_to(io::Caller::Http, address, until);
      if (connected) {
        socket = std::move(*connected);
        return "it accepts connections; no request is sent, for it would be acted upon";
      }
      outcome = tl::unexpected(connected.error());
    }
    return outcome;
  };
  const auto shake_hands = [&](io::SteadyTime until) -> Result<std::string> {
    SL_TRY(tls, io::TlsProbe::open(std::move(socket), target.url.host, target.identity, until));
    return tls.summary();
  };
  static_cast<void>(step("resolve", "check the host name in `url`", resolve) &&
                    step("connect",
                         "check host and port, firewalls, and the setting connect.allowed_networks",
                         connect) &&
                    (!target.url.is_tls ||
                     step("tls", "check `ca_pem` and the host name in `url`", shake_hands)));
  return steps;
}

}  // namespace sluice::connectors::http
