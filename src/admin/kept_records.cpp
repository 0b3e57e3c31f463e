#include "admin/kept_records.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace sluice::admin {
namespace {

namespace json = boost::json;

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, number, 16);
  if (error != std::errc() || parsed != end) return std::nullopt;
  return number;
}

std::optional<json::object> parse_record(std::string_view text) {
  boost::system::error_code error;
  auto value = json::parse(text, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

}  // namespace

KeptRecords::KeptRecords(store::Store& store, std::string_view prefix, std::size_t maximum,
                         std::vector<double> shares)
    : store_(store), prefix_(prefix), maximum_(maximum), shares_(std::move(shares)) {
  state_.with([&](State& state) { state.parts.resize(shares_.size()); });
}

// Of the same length, so that keys stand in the order of their numbers.
std::string KeptRecords::key_of(std::uint64_t number) const {
  return fmt::format("{}{:016x}", prefix_, number);
}

Result<void> KeptRecords::load(PartOf part_of) {
  State found;
  found.parts.resize(shares_.size());
  std::optional<std::string> damaged;
  SL_TRY_VOID(store_.scan(store::StateKind::Document, prefix_,
                          [&](std::string_view key, std::string_view text) {
                            const auto number = number_in(key.substr(prefix_.size()));
                            const auto record = parse_record(text);
                            if (!number || !record) {
                              damaged = key;
                              return false;
                            }
                            found.parts.at(part_of(*record)).push_back(*number);
                            found.next = *number + 1;
                            return true;
                          }));
  if (damaged) return fail(Errc::Corrupt, "the stored document " + *damaged + " is damaged");
  // Parts that have their share have given some away, as far as one can tell.
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    const auto& part = found.parts[i];
    const auto share = shares_[i] * static_cast<double>(maximum_);
    if (!part.empty() && static_cast<double>(part.size() + 1) > share)
      found.dropped = std::max(found.dropped, part.front() - 1);
  }
  state_.with([&](State& state) { state = std::move(found); });
  return {};
}

void KeptRecords::skip_to(std::uint64_t number) {
  state_.with([&](State& state) { state.next = std::max(state.next, number); });
}

std::uint64_t KeptRecords::last() const {
  return state_.with([](const State& state) { return state.next - 1; });
}

// From the part that is the most above its share, one after another.
std::vector<std::size_t> KeptRecords::too_many(const State& state,
                                               std::span<const New> records) const {
  std::vector<std::size_t> counts;
  for (const auto& part : state.parts) counts.push_back(part.size());
  for (const auto& each : records) ++counts.at(each.part);
  std::vector<std::size_t> gone(counts.size());
  auto total = records.size();
  for (const auto& part : state.parts) total += part.size();
  for (; total > maximum_; --total) {
    std::optional<std::size_t> fullest;
    const auto above = [&](std::size_t i) {
      return static_cast<double>(counts[i]) - shares_[i] * static_cast<double>(maximum_);
    };
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (gone[i] == state.parts[i].size()) continue;  // the rest of it are new ones
      if (!fullest || above(i) > above(*fullest)) fullest = i;
    }
    if (!fullest) break;
    --counts[*fullest];
    ++gone[*fullest];
  }
  return gone;
}

// With the state held, so that records stand in the order of their numbers.
Result<std::uint64_t> KeptRecords::add(std::span<const New> records, bool can_wait) {
  return state_.with([&](State& state) -> Result<std::uint64_t> {
    const auto first = state.next;
    auto number = first;
    for (const auto& each : records) (*each.record)["id"] = std::to_string(number++);
    state.next = number;
    if (maximum_ == 0) return first;
    const auto gone = too_many(state, records);
    const auto batch = store_.new_batch();
    for (std::size_t i = 0; i < gone.size(); ++i)
      for (std::size_t n = 0; n < gone[i]; ++n)
        batch->erase(store::StateKind::Document, key_of(state.parts[i][n]));
    number = first;
    for (const auto& each : records)
      batch->put(store::StateKind::Document, key_of(number++), json::serialize(*each.record));
    if (can_wait) batch->let_wait();
    SL_TRY_VOID(store_.append(batch));
    for (std::size_t i = 0; i < gone.size(); ++i) {
      auto& numbers = state.parts[i];
      if (gone[i] > 0) state.dropped = std::max(state.dropped, numbers[gone[i] - 1]);
      numbers.erase(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(gone[i]));
    }
    number = first;
    for (const auto& each : records) state.parts.at(each.part).push_back(number++);
    return first;
  });
}

Result<store::Position> KeptRecords::replace(std::uint64_t number, const json::object& record) {
  const auto batch = store_.new_batch();
  return state_.with([&](State& state) -> Result<store::Position> {
    // So many came in the meantime that it has gone: it must not come back.
    const auto has = [&](const Numbers& part) { return std::ranges::binary_search(part, number); };
    if (std::ranges::none_of(state.parts, has)) return store_.durable();
    batch->put(store::StateKind::Document, key_of(number), json::serialize(record));
    return store_.append(batch);
  });
}

Result<KeptRecords::Page> KeptRecords::find(const Query& query, Fits fits) const {
  std::vector<std::uint64_t> numbers;
  state_.with([&](const State& state) {
    for (std::size_t i = 0; i < state.parts.size(); ++i) {
      if (query.part.value_or(i) != i) continue;
      const auto& part = state.parts[i];
      numbers.insert(numbers.end(), std::ranges::upper_bound(part, query.after),
                     std::ranges::lower_bound(part, query.before));
    }
  });
  std::ranges::sort(numbers);
  Page page;
  std::size_t looked = 0;
  for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
    if (page.records.size() == query.limit || looked == kLooked) {
      page.next = *(number - 1);
      break;
    }
    ++looked;
    SL_TRY(record, one(*number));
    if (record && fits(*record)) page.records.push_back(*std::move(record));
  }
  return page;
}

// Nothing: it has gone in the meantime, or never was.
Result<std::optional<json::object>> KeptRecords::one(std::uint64_t number) const {
  SL_TRY(text, store_.get(store::StateKind::Document, key_of(number)));
  return text ? parse_record(*text) : std::nullopt;
}

bool KeptRecords::has_all_since(std::uint64_t after) const {
  return state_.with([&](const State& state) { return state.dropped <= after; });
}

}  // namespace sluice::admin
