#include "admin/audit_actions.hpp"

#include "admin/record_list.hpp"

namespace sluice::admin {
namespace {

Response list_audit(Context& context, const Call& call) {
  const auto page = record_page(call);
  if (!page) return page.error();
  AuditTrail::Query query{.user = call.parameter("user").value_or(""),
                          .operation = call.parameter("operation").value_or(""),
                          .subject = call.parameter("subject").value_or(""),
                          .outcome = call.parameter("outcome").value_or(""),
                          .before = page->before,
                          .limit = page->limit};
  if (auto wrong = read_time(call, "from", query.from_ms)) return *std::move(wrong);
  if (auto wrong = read_time(call, "to", query.to_ms)) return *std::move(wrong);
  return records_response(context.audit.find(query));
}

Response show_audit(Context& context, const Call& call) {
  const auto number = read_number(call.name());
  auto record = number ? context.audit.one(*number)
                       : Result<std::optional<boost::json::object>>(std::nullopt);
  if (!record) return store_problem(record.error());
  if (*record) return json_response(200, **record);
  return problem_response(Problem{.status = 404,
                                  .code = "not_found",
                                  .detail = "there is no audit record " + call.name(),
                                  .hint = "the oldest go first: see admin.audit_records"});
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
      {.path = "/api/v1/audit/{number}",
       .id = "showAudit",
       .summary = "One record of the audit, by its `id`.",
       .run = show_audit,
       .guard = Guard::Viewer},
  };
}

}  // namespace sluice::admin
