#include "connect/totals.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include "base/log.hpp"

namespace sluice::connect {
namespace {

constexpr std::uint64_t kTotalsFormat = 3;
constexpr std::array kTotals = {&Progress::delivered,
                                &Progress::retried,
                                &Progress::rejected,
                                &Progress::filtered,
                                &Progress::shed,
                                &Progress::lost,
                                &Progress::possible_duplicates,
                                &Progress::looped,
                                &Progress::denied};
// Each format has one more of them than the one before.
constexpr std::uint64_t kFirstFormat = 1;
constexpr std::size_t kOfFirstFormat = 7;
static_assert(kTotals.size() == kOfFirstFormat + kTotalsFormat - kFirstFormat);

std::string totals_key(std::string_view task_id) {
  return "task_totals/" + std::string(task_id);
}

std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with(' ')) text.remove_prefix(1);
  return number;
}

}  // namespace

bool has_same_totals(const Progress& one, const Progress& other) {
  return std::ranges::all_of(kTotals, [&](const auto total) { return one.*total == other.*total; });
}

void put_totals(store::Batch& batch, std::string_view task_id, const Progress& progress) {
  auto text = std::to_string(kTotalsFormat);
  for (const auto total : kTotals) text += ' ' + std::to_string(progress.*total);
  batch.put(store::StateKind::Document, totals_key(task_id), text);
}

void erase_totals(store::Batch& batch, std::string_view task_id) {
  batch.erase(store::StateKind::Document, totals_key(task_id));
}

Result<void> load_totals(store::Store& store, std::string_view task_id, Progress& progress) {
  SL_TRY(saved, store.get(store::StateKind::Document, totals_key(task_id)));
  if (!saved) return {};
  std::string_view text = *saved;
  const auto format = take_number(text);
  if (format && *format >= kFirstFormat && *format <= kTotalsFormat) {
    auto read = progress;
    bool is_whole = true;
    const auto count = kOfFirstFormat + *format - kFirstFormat;
    for (const auto total : std::span(kTotals).first(count)) {
      const auto number = take_number(text);
      is_whole = is_whole && number;
      read.*total = number.value_or(0);
    }
    if (is_whole && text.empty()) {
      progress = std::move(read);
      return {};
    }
  }
  // They are told, and decide nothing.
  log::warn("what a task has done so far cannot be read: it is counted from 0",
            {{"task", task_id}});
  return {};
}

}  // namespace sluice::connect
