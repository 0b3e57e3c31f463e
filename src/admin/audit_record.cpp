#include "admin/audit_record.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/json_text.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

// Shown once to who asked; and what is in messages.
constexpr std::array<std::string_view, 3> kSecrets = {"password", "new_password", "token"};
constexpr std::array<std::string_view, 2> kPayloads = {"payload", "payload_base64"};
constexpr std::size_t kLongText = 512;
constexpr std::size_t kShownText = 128;

bool is_one_of(const auto& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

void mask(json::value& value);

void mask(json::object& object) {
  for (auto& [name, member] : object) {
    if (is_one_of(kSecrets, name) && member.is_string()) {
      member = "***";
    } else if (is_one_of(kPayloads, name)) {
      member = "(left out)";
    } else {
      mask(member);
    }
  }
}

void mask(json::value& value) {
  if (auto* object = value.if_object()) mask(*object);
  if (auto* list = value.if_array()) {
    for (auto& member : *list) mask(member);
  }
}

std::string start_of(std::string_view text) {
  auto end = std::min(text.size(), kShownText);
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // whole UTF-8
  return fmt::format("{}... ({} bytes)", text.substr(0, end), text.size());
}

// A certificate or a program in a document need not be kept again and again.
json::value bounded(json::object object) {
  mask(object);
  if (json::serialize(object).size() <= kAuditedBytes) return object;
  for (auto& [name, member] : object) {
    const auto text =
        member.is_string() ? std::string(member.get_string()) : json::serialize(member);
    if (text.size() > kLongText) member = start_of(text);
  }
  const auto size = json::serialize(object).size();
  if (size <= kAuditedBytes) return object;
  return json::object{{"left_out_bytes", size}};
}

// What of `one` is not the same in `other`.
json::object differing(const json::object& one, const json::object& other) {
  json::object found;
  for (const auto& [name, value] : one) {
    const auto* counterpart = other.if_contains(name);
    if (counterpart == nullptr || *counterpart != value) found[name] = value;
  }
  return found;
}

std::optional<json::object> document_of(const Response& response) {
  boost::system::error_code error;
  auto value = json::parse(response.body, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

// `/api/v1/tasks/{name}` of `/api/v1/tasks/{name}:start`.
std::string_view without_verb(std::string_view path) {
  return path.substr(0, path.find(':', path.rfind('/')));
}

bool is_done(const Response& response) {
  return response.status < 300;
}

}  // namespace

bool is_audited(const Route& route) {
  return route.method != Method::Get && route.guard != Guard::Open && route.is_audited;
}

json::object audit_record(const Route& route, const Call& call) {
  const auto& who = *call.identity;
  json::object record{{"id", ""}, {"time", ""}, {"user", who.user}, {"token", nullptr}};
  if (who.via == Via::Token) record["token"] = who.token;
  record["address"] = call.request.remote_address;
  record["operation"] = route.id;
  record["subject"] = call.parts.empty() ? text_at(call.body, "name") : call.name();
  if (call.parts.size() > 1) record["item"] = call.parts[1];
  if (!call.query.empty()) {
    json::object query;
    for (const auto& [name, value] : call.query) query[name] = value;
    record["query"] = std::move(query);
  }
  return record;
}

std::optional<json::object> audited_entity(Context& context, const Route& route, const Call& call) {
  const auto path = without_verb(route.path);
  for (const auto& shown : routes()) {
    if (shown.method != Method::Get || shown.is_list || shown.path != path) continue;
    const Call asked{.request = call.request, .identity = call.identity, .parts = call.parts};
    const auto response = shown.run(context, asked);
    return is_done(response) ? document_of(response) : std::nullopt;
  }
  return std::nullopt;
}

void add_outcome(json::object& record, const Route& route, std::optional<json::object> before,
                 const Response& response) {
  record["status"] = response.status;
  auto answer = document_of(response);
  if (!is_done(response)) {
    record["outcome"] = response.status == 403 ? "refused" : "failed";
    record["code"] = answer ? text_at(*answer, "code") : "";
    return;
  }
  record["outcome"] = "done";
  const auto& known = answer && answer->contains("name") ? answer : before;
  if (known && !text_at(*known, "name").empty()) record["subject"] = text_at(*known, "name");
  if (before && answer) {
    const bool is_changed = route.method != Method::Post || text_at(*before, "id") != "";
    if (is_changed && text_at(*before, "id") == text_at(*answer, "id")) {
      record["before"] = bounded(differing(*before, *answer));
      record["after"] = bounded(differing(*answer, *before));
      return;
    }
    before.reset();  // the answer is not about the same: a report, a copy
  }
  if (before) record["before"] = bounded(std::move(*before));
  if (answer) record["after"] = bounded(std::move(*answer));
}

}  // namespace sluice::admin
