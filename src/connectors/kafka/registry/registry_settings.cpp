#include "connectors/kafka/registry/registry_settings.hpp"

#include <algorithm>

#include "base/json_text.hpp"
#include "connect/kept_secrets.hpp"
#include "connectors/kafka/kafka_properties.hpp"
#include "io/address_rule.hpp"
#include "io/http_client.hpp"
#include "io/pem_text.hpp"

namespace sluice::connectors::kafka::registry {
namespace {

namespace json = boost::json;
using FieldType = schema::Type;

constexpr const char* kPointer = "/settings/schema_registry";

bool is_one_line(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c >= ' ' && c != 0x7f; });
}

}  // namespace

schema::Field registry_field() {
  return {
      .name = "schema_registry",
      .type = FieldType::Object,
      .help =
          "The schema registry that belongs to this Kafka, for tasks with `map.schema`: one "
          "that speaks Confluent's REST API.",
      .nullable = true,
      .fields = {
          {.name = "url",
           .help = "http:// or https://, with the path before `/subjects` where there is one. "
                   "Called as HTTP sinks call: see the setting connect.allowed_networks.",
           .required = true,
           .minimum = 1,
           .maximum = 2048},
          {.name = "username", .help = "For Basic.", .fallback = "", .maximum = 1024},
          {.name = "password",
           .help = "For Basic.",
           .fallback = "",
           .secret = true,
           .maximum = 4096},
          {.name = "token",
           .help = "For Bearer, instead of a user.",
           .fallback = "",
           .secret = true,
           .maximum = 16384},
          {.name = "ca_pem",
           .help = "Certificates (PEM) of those who sign that of `url`. Empty: those the machine "
                   "trusts.",
           .fallback = "",
           .secret = true,
           .maximum = 1 << 20},
          {.name = "timeout",
           .type = FieldType::Duration,
           .help = "How long one question may take.",
           .fallback = "5s",
           .minimum = 100,
           .maximum = 30'000},
      }};
}

const json::object* registry_of(const json::object& settings) {
  const auto* registry = settings.if_contains("schema_registry");
  return registry == nullptr ? nullptr : registry->if_object();
}

void check_registry(const json::object& settings, std::vector<schema::Problem>& problems) {
  const auto* registry = registry_of(settings);
  if (registry == nullptr) return;
  const auto problem = [&](std::string_view field, std::string detail) {
    problems.push_back({std::string(kPointer) + "/" + std::string(field), std::move(detail)});
  };
  const auto url = io::parse_web_url(text_at(*registry, "url"));
  if (!url) {
    problem("url", url.error().detail);
  } else if (text_at(*registry, "url").find_first_of("?#") != std::string::npos) {
    problem("url", "must end with a path: questions are appended to it");
  } else if (const auto allowed = io::may_call_host(io::Caller::Http, url->host, url->port);
             !allowed) {
    problem("url", allowed.error().detail);
  }
  const auto username = text_at(*registry, "username");
  const auto token = text_at(*registry, "token");
  if (!is_one_line(token)) problem("token", "must be one line");
  if (username.find(':') != std::string::npos) problem("username", "must not hold a colon");
  if (!token.empty() && !username.empty())
    problem("token", "must not stand beside `username`: one of them says who we are");
  if (username.empty() && !text_at(*registry, "password").empty())
    problem("username", "is needed beside `password`");
  const auto ca_pem = real_line_breaks(text_at(*registry, "ca_pem"));
  if (auto why = ca_pem.empty() ? std::nullopt : io::why_not_certificates(ca_pem))
    problem("ca_pem", std::move(*why));
}

void check_registry_change(const json::object& before, const json::object& after,
                           const json::object& given, std::vector<schema::Problem>& problems) {
  const auto* old = registry_of(before);
  const auto* fresh = registry_of(after);
  if (old == nullptr || fresh == nullptr) return;
  const auto url = text_at(*old, "url");
  if (url == text_at(*fresh, "url")) return;
  const auto* said = registry_of(given);
  for (const auto* name : {"password", "token"}) {
    const auto* value = said == nullptr ? nullptr : said->if_contains(name);
    if (connect::is_kept(fresh->if_contains(name), value))
      problems.push_back({std::string(kPointer) + "/" + name,
                          "must be given again with the new `url`: it was given for " + url});
  }
}

}  // namespace sluice::connectors::kafka::registry
