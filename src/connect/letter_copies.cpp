// The marks of dead letters that are to be copied elsewhere: which are still to go.
#include <algorithm>

#include "connect/dead_letters.hpp"

namespace sluice::connect {
namespace {

using store::StateKind;

// Document `letter_copy/<task id>/<position>`: one of these words.
constexpr std::string_view kPrefix = "letter_copy/";
constexpr std::string_view kWaiting = "waiting";
constexpr std::string_view kRefused = "refused";

std::string mark_key(std::string_view letter_key) {
  return std::string(kPrefix) + std::string(letter_key);
}

}  // namespace

Result<void> DeadLetters::load_copies() {
  return store_.scan(StateKind::Document, kPrefix,
                     [this](std::string_view key, std::string_view value) {
                       key.remove_prefix(kPrefix.size());
                       auto& copies = uses_[std::string(key.substr(0, key.find('/')))].copies;
                       ++copies.waiting;
                       if (value == kRefused) ++copies.refused;
                       return true;
                     });
}

Result<DeadLetters::Mark> DeadLetters::mark_of(std::string_view letter_key) const {
  SL_TRY(mark, store_.get(StateKind::Document, mark_key(letter_key)));
  if (!mark) return Mark::None;
  return *mark == kRefused ? Mark::Refused : Mark::Waiting;
}

bool DeadLetters::has_copies(std::string_view task_id) const {
  const auto it = uses_.find(task_id);
  return it != uses_.end() && it->second.copies.waiting > 0;
}

void DeadLetters::count_mark(std::string_view task_id, Mark before, Mark after) {
  auto& copies = uses_[std::string(task_id)].copies;
  if (before != Mark::None) copies.waiting -= std::min<std::uint64_t>(copies.waiting, 1);
  if (before == Mark::Refused) copies.refused -= std::min<std::uint64_t>(copies.refused, 1);
  if (after != Mark::None) ++copies.waiting;
  if (after == Mark::Refused) ++copies.refused;
}

Result<void> DeadLetters::mark(std::string_view task_id, const std::string& letter_key,
                               store::Batch& batch) {
  SL_TRY(before, mark_of(letter_key));
  batch.put(StateKind::Document, mark_key(letter_key), kWaiting);
  count_mark(task_id, before, Mark::Waiting);
  return {};
}

Result<void> DeadLetters::unmark(std::string_view task_id, const std::string& letter_key,
                                 store::Batch& batch) {
  if (!has_copies(task_id)) return {};
  SL_TRY(before, mark_of(letter_key));
  if (before == Mark::None) return {};
  batch.erase(StateKind::Document, mark_key(letter_key));
  count_mark(task_id, before, Mark::None);
  return {};
}

Result<void> DeadLetters::unmark_all(std::string_view task_id, store::Batch& batch) const {
  return store_.scan(StateKind::Document, mark_key(letters_prefix(task_id)),
                     [&](std::string_view key, std::string_view) {
                       batch.erase(StateKind::Document, key);
                       return true;
                     });
}

// Whoever changes them waits for the disk under the mutex: what is seen here is durable.
Result<std::vector<model::Position>> DeadLetters::copies(std::string_view task_id,
                                                         model::Position after, std::size_t limit,
                                                         bool with_refused) const {
  const std::scoped_lock lock(mutex_);
  std::vector<model::Position> found;
  if (!has_copies(task_id)) return found;
  const auto prefix = mark_key(letters_prefix(task_id));
  SL_TRY_VOID(store_.scan_behind(StateKind::Document, prefix, mark_key(letter_key(task_id, after)),
                                 [&](std::string_view key, std::string_view value) {
                                   const auto position = position_in(key.substr(prefix.size()));
                                   if (position > after && (with_refused || value != kRefused))
                                     found.push_back(position);
                                   return found.size() < limit;
                                 }));
  return found;
}

Result<void> DeadLetters::settle_copies(std::string_view task_id,
                                        std::span<const model::Position> arrived,
                                        std::span<const model::Position> refused) {
  const std::scoped_lock lock(mutex_);
  const auto batch = store_.new_batch();
  struct Change {
    Mark before, after;
  };
  std::vector<Change> changes;
  const auto change = [&](std::span<const model::Position> positions, Mark after) -> Result<void> {
    for (const auto position : positions) {
      const auto key = letter_key(task_id, position);
      SL_TRY(before, mark_of(key));
      if (before == Mark::None || before == after) continue;  // deleted meanwhile, or said before
      if (after == Mark::None)
        batch->erase(StateKind::Document, mark_key(key));
      else
        batch->put(StateKind::Document, mark_key(key), kRefused);
      changes.push_back({before, after});
    }
    return {};
  };
  SL_TRY_VOID(change(arrived, Mark::None));
  SL_TRY_VOID(change(refused, Mark::Refused));
  if (changes.empty()) return {};
  SL_TRY(end, store_.append(batch));
  for (const auto& [before, after] : changes) count_mark(task_id, before, after);
  return store_.wait_durable(end);
}

Result<void> DeadLetters::forget_copies(std::string_view task_id) {
  const std::scoped_lock lock(mutex_);
  const auto batch = store_.new_batch();
  SL_TRY_VOID(unmark_all(task_id, *batch));
  if (batch->empty()) return {};
  SL_TRY(end, store_.append(batch));
  uses_[std::string(task_id)].copies = {};
  return store_.wait_durable(end);
}

DeadLetters::Copies DeadLetters::count_copies(std::string_view task_id) const {
  const std::scoped_lock lock(mutex_);
  const auto it = uses_.find(task_id);
  return it == uses_.end() ? Copies() : it->second.copies;
}

void DeadLetters::listen_for_copies(std::string_view task_id, CopyListener listener) {
  const std::scoped_lock lock(listening_);
  if (listener)
    listeners_[std::string(task_id)] = std::move(listener);
  else
    listeners_.erase(std::string(task_id));
}

void DeadLetters::tell_of_copies(std::string_view task_id, std::span<const DeadLetter> kept) {
  const auto lowest = std::ranges::min_element(
      kept, {}, [](const DeadLetter& letter) { return letter.message->position(); });
  const std::scoped_lock lock(listening_);
  if (const auto it = listeners_.find(task_id); it != listeners_.end() && lowest != kept.end())
    it->second(lowest->message->position());
}

}  // namespace sluice::connect
