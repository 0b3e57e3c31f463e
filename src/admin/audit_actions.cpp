#include "admin/audit_actions.hpp"

#include <charconv>

#include <boost/json/array.hpp>

#include "admin/page.hpp"
#include "broker/access/timestamp.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

std::optional<Response> read_time(const Call& call, const std::string& name,
                                  std::optional<std::int64_t>& time) {
  const auto text = call.parameter(name);
  if (!text) return std::nullopt;
  time = broker::parse_utc(*text);
  if (time) return std::nullopt;
  return wrong_parameter(name, "must be a time such as 2026-03-01T12:00:00Z");
}

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || parsed != end) return std::nullopt;
  return number;
}

Response list_audit(Context& context, const Call& call) {
  const auto page = page_request(call);
  if (!page) return page.error();
  AuditTrail::Query query{.user = call.parameter("user").value_or(""),
                          .operation = call.parameter("operation").value_or(""),
                          .subject = call.parameter("subject").value_or(""),
                          .outcome = call.parameter("outcome").value_or(""),
                          .limit = page->limit};
  if (auto wrong = read_time(call, "from", query.from_ms)) return *std::move(wrong);
  if (auto wrong = read_time(call, "to", query.to_ms)) return *std::move(wrong);
  if (!page->after.empty()) {
    const auto number = read_number(page->after);
    if (!number) return wrong_parameter("page", "must be the `next` of the page before");
    query.before = *number;
  }
  auto found = context.audit.find(query);
  if (!found) {
    return problem_response(Refusal{.errc = found.error().code,
                                    .code = std::string(sluice::name_of(found.error().code)),
                                    .detail = found.error().detail,
                                    .hint = "see /health/ready for the state of the store"});
  }
  json::array items;
  for (auto& record : found->records) items.push_back(std::move(record));
  json::value next;
  if (found->next) next = encode_page(std::to_string(*found->next));
  return json_response(200, {{"items", std::move(items)}, {"next", std::move(next)}});
}

}  // namespace

std::vector<Route> audit_routes() {
  return {
      {.path = "/api/v1/audit",
       .id = "listAudit",
       .summary = "Who changed what by REST, from where, before and after, newest first; and what "
                  "was refused. A page may hold fewer than `limit`, or none, while `next` goes on: "
                  "one request looks at 10,000 records at most.",
       .run = list_audit,
       .guard = Guard::Viewer,
       .query = {{"user", "Only by this account."},
                 {"operation", "Only this operationId, such as `createPolicy`."},
                 {"subject", "Only with this name, or client id."},
                 {"outcome",
                  "Only `done`, `failed`, `refused`, or `unknown`: the server was "
                  "killed before it was known."},
                 {"from", "Then or later: RFC 3339."},
                 {"to", "Before then: RFC 3339."}},
       .is_list = true,
       .is_query = true},
  };
}

}  // namespace sluice::admin
