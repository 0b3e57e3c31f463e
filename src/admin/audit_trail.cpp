#include "admin/audit_trail.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/json_text.hpp"
#include "base/log.hpp"
#include "broker/access/timestamp.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

constexpr std::string_view kPrefix = "audit/";

// Of the same length, so that keys stand in the order of their numbers.
std::string key_of(std::uint64_t number) {
  return fmt::format("{}{:016x}", kPrefix, number);
}

std::optional<std::uint64_t> number_in(std::string_view key) {
  key.remove_prefix(kPrefix.size());
  std::uint64_t number = 0;
  const auto* end = key.data() + key.size();
  const auto [parsed, error] = std::from_chars(key.data(), end, number, 16);
  if (error != std::errc() || parsed != end) return std::nullopt;
  return number;
}

std::optional<json::object> parse_record(std::string_view text) {
  boost::system::error_code error;
  auto value = json::parse(text, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

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

Result<void> AuditTrail::load() {
  State found;
  std::optional<std::string> damaged;
  SL_TRY_VOID(store_.scan(store::StateKind::Document, kPrefix,
                          [&](std::string_view key, std::string_view text) {
                            const auto number = number_in(key);
                            const auto record = parse_record(text);
                            if (!number || !record) {
                              damaged = key;
                              return false;
                            }
                            const bool is_refusal = text_at(*record, "outcome") == "refused";
                            (is_refusal ? found.refusals : found.changes).push_back(*number);
                            found.next = *number + 1;
                            return true;
                          }));
  if (damaged) return fail(Errc::Corrupt, "the stored document " + *damaged + " is damaged");
  found.minute = clock_.steady();
  state_.with([&](State& state) { state = std::move(found); });
  return {};
}

std::uint64_t AuditTrail::begin(json::object& record) {
  record["outcome"] = kUnknown;
  return state_.with([&](State& state) { return add(state, record, false, false); });
}

// With the state held, so that records stand in the order of their numbers.
std::uint64_t AuditTrail::add(State& state, json::object& record, bool is_refusal, bool can_wait) {
  const auto number = state.next;
  record["id"] = std::to_string(number);
  record["time"] = broker::rfc3339(clock_.wall_ms());
  const auto batch = store_.new_batch();
  auto& own = is_refusal ? state.refusals : state.changes;
  auto changes = state.changes.size() + (is_refusal ? 0 : 1);
  auto refusals = state.refusals.size() + (is_refusal ? 1 : 0);
  std::size_t old_changes = 0;
  std::size_t old_refusals = 0;
  while (changes + refusals > maximum_) {
    const bool takes_refusal = refusals > maximum_ / 4 || changes == 0;
    if (takes_refusal) {
      if (old_refusals == state.refusals.size()) break;
      batch->erase(store::StateKind::Document, key_of(state.refusals[old_refusals++]));
      --refusals;
    } else {
      if (old_changes == state.changes.size()) break;
      batch->erase(store::StateKind::Document, key_of(state.changes[old_changes++]));
      --changes;
    }
  }
  batch->put(store::StateKind::Document, key_of(number), json::serialize(record));
  if (can_wait) batch->let_wait();
  if (const auto end = store_.append(batch); !end) {
    note_failure(end.error());
    return 0;
  }
  const auto drop = [](std::deque<std::uint64_t>& numbers, std::size_t count) {
    numbers.erase(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(count));
  };
  drop(state.changes, old_changes);
  drop(state.refusals, old_refusals);
  own.push_back(number);
  ++state.next;
  return number;
}

void AuditTrail::finish(std::uint64_t number, const json::object& record) {
  if (number == 0) return;
  const auto batch = store_.new_batch();
  const auto end = state_.with([&](State& state) -> Result<store::Position> {
    // So many came in the meantime that it has gone: it must not come back.
    if (!std::ranges::binary_search(state.changes, number)) return store_.durable();
    batch->put(store::StateKind::Document, key_of(number), json::serialize(record));
    return store_.append(batch);
  });
  const auto durable = end ? store_.wait_durable(*end) : Result<void>(tl::unexpected(end.error()));
  if (!durable) note_failure(durable.error());
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
    static_cast<void>(add(state, record, true, true));
  });
}

Result<AuditTrail::Page> AuditTrail::find(const Query& query) {
  auto numbers = state_.with([&](const State& state) {
    std::vector<std::uint64_t> all;
    all.reserve(state.changes.size() + state.refusals.size());
    std::ranges::merge(state.changes, state.refusals, std::back_inserter(all));
    return all;
  });
  numbers.erase(std::ranges::lower_bound(numbers, query.before), numbers.end());
  Page page;
  std::size_t looked = 0;
  for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
    if (page.records.size() == query.limit || looked == kLooked) {
      page.next = *(number - 1);
      break;
    }
    ++looked;
    SL_TRY(text, store_.get(store::StateKind::Document, key_of(*number)));
    if (!text) continue;  // it has gone in the meantime
    auto record = parse_record(*text);
    if (record && fits(query, *record)) page.records.push_back(std::move(*record));
  }
  return page;
}

}  // namespace sluice::admin
