#include "admin/audit_trail.hpp"

#include "base/json_text.hpp"
#include "base/log.hpp"
#include "broker/access/timestamp.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

constexpr std::string_view kPrefix = "audit/";
enum Part : std::size_t { Changes, Refusals };

void note_failure(const Error& error) {
  log::error("an audit record was not kept", {{"reason", error.detail}});
}

bool fits(const AuditTrail::Query& query, const json::object& record) {
  for (const auto& [name, wanted] :
       {std::pair("user", &query.user), std::pair("operation", &query.operation),
        std::pair("subject", &query.subject), std::pair("outcome", &query.outcome)}) {
    if (!wanted->empty() && text_at(record, name) != *wanted) return false;
  }
  if (!query.from_ms && !query.to_ms) return true;
  const auto time = broker::parse_utc(text_at(record, "time")).value_or(0);
  return time >= query.from_ms.value_or(INT64_MIN) && time < query.to_ms.value_or(INT64_MAX);
}

}  // namespace

AuditTrail::AuditTrail(store::Store& store, const Clock& clock, std::size_t maximum)
    : store_(store), clock_(clock), records_(store, kPrefix, maximum, {0.75, 0.25}) {}

Result<void> AuditTrail::load() {
  SL_TRY_VOID(records_.load([](const json::object& record) -> std::size_t {
    return text_at(record, "outcome") == "refused" ? Refusals : Changes;
  }));
  state_.with([&](State& state) { state.minute = clock_.steady(); });
  return {};
}

std::uint64_t AuditTrail::begin(json::object& record) {
  record["outcome"] = kUnknown;
  return add(record, false, false);
}

std::uint64_t AuditTrail::add(json::object& record, bool is_refusal, bool can_wait) {
  record["time"] = broker::rfc3339(clock_.wall_ms());
  const KeptRecords::New one{.record = &record, .part = is_refusal ? Refusals : Changes};
  const auto number = records_.add({&one, 1}, can_wait);
  if (number) return *number;
  note_failure(number.error());
  return 0;
}

void AuditTrail::finish(std::uint64_t number, const json::object& record) {
  if (number == 0) return;
  const auto end = records_.replace(number, record);
  const auto durable = end ? store_.wait_durable(*end) : Result<void>(tl::unexpected(end.error()));
  if (!durable) note_failure(durable.error());
  if (listener_) listener_(record);
}

void AuditTrail::note_refusal(json::object record) {
  state_.with([&](State& state) {
    const auto now = clock_.steady();
    if (now - state.minute >= std::chrono::minutes(1)) {
      state.minute = now;
      state.refusals_in_minute = 0;
    }
    if (++state.refusals_in_minute > kRefusalsPerMinute) {
      ++state.untold;
      return;
    }
    record["outcome"] = "refused";
    const auto* untold = record.if_contains("left_out");
    const auto before = untold == nullptr ? 0 : untold->to_number<std::uint64_t>();
    record["left_out"] = before + std::exchange(state.untold, 0);
    static_cast<void>(add(record, true, true));
    if (listener_) listener_(record);
  });
}

Result<KeptRecords::Page> AuditTrail::find(const Query& query) const {
  return records_.find({.before = query.before, .limit = query.limit},
                       [&](const json::object& record) { return fits(query, record); });
}

}  // namespace sluice::admin
