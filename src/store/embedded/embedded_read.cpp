// Reading: queues, single messages, small state.
#include <algorithm>

#include "store/embedded/embedded_store.hpp"
#include "store/embedded/log_reader.hpp"
#include "store/embedded/log_scan.hpp"
#include "store/embedded/merge.hpp"
#include "store/embedded/message_search.hpp"

namespace sluice::store::embedded {
namespace {

using Batches = std::vector<std::shared_ptr<const LogBatch>>;

// Finds messages in batches, for positions that only grow.
class BatchWalk {
 public:
  explicit BatchWalk(const Batches& batches) : batches_(batches) {}

  MessagePtr find(std::uint64_t position) {
    while (batch_ < batches_.size() && batches_[batch_]->end_position() <= position) {
      ++batch_;
      index_ = 0;
    }
    if (batch_ == batches_.size() || batches_[batch_]->begin_position() > position) return nullptr;
    const auto& messages = batches_[batch_]->messages();
    const auto begin = messages.begin() + static_cast<std::ptrdiff_t>(index_);
    auto found = begin;  // mostly the next one
    if (found != messages.end() && found->id.position < position) {
      found = std::lower_bound(begin, messages.end(), position,
                               [](const model::Message& message, std::uint64_t wanted) {
                                 return message.id.position < wanted;
                               });
    }
    if (found == messages.end() || found->id.position != position) return nullptr;
    index_ = static_cast<std::size_t>(found - messages.begin()) + 1;
    return {batches_[batch_], &*found};
  }

 private:
  const Batches& batches_;
  std::size_t batch_ = 0;
  std::size_t index_ = 0;
};

QueueIndex::Merge merge_of(const ReadRequest& request, std::uint64_t before) {
  return {request.queues, request.after.get(), before,
          std::max<std::size_t>(request.maximum_messages, 1)};
}

}  // namespace

std::uint64_t EmbeddedStore::visible_end(Visibility visibility) const {
  return visibility == Visibility::Durable ? log_.durable() : head_.load(std::memory_order_acquire);
}

Result<std::shared_ptr<View>> EmbeddedStore::view() const {
  const std::scoped_lock lock(view_mutex_);
  if (view_ == nullptr) return fail(Errc::Closed, "the store is closed");
  return view_;
}

void EmbeddedStore::note_damage(Error& error) {
  if (error.code == Errc::Corrupt && error.detail.starts_with("view: ")) {
    error.detail += "; restart the server: it builds the view again from the log";
  }
  damages_.note(error);
}

std::optional<ReadResult> EmbeddedStore::read_cached(const ReadRequest& request) {
  const std::uint64_t before = visible_end(request.visibility);
  const auto merged = index_.merge(merge_of(request, before));
  if (merged.needs_view) return std::nullopt;
  auto result = resolve(request, before, merged, false);
  if (!result || (result->entries.empty() && !merged.entries.empty())) return std::nullopt;
  return std::move(*result);
}

Result<ReadResult> EmbeddedStore::read(const ReadRequest& request) {
  const std::uint64_t before = visible_end(request.visibility);
  const auto merge = merge_of(request, before);
  auto merged = index_.merge(merge);
  if (merged.needs_view) {
    SL_TRY(with_view, noted(merge_with_view(merge)));
    merged = std::move(with_view);
  }
  return resolve(request, before, merged, true);
}

Result<QueueIndex::Merged> EmbeddedStore::merge_with_view(const QueueIndex::Merge& merge) {
  SL_TRY(view, this->view());
  std::vector<std::vector<std::uint64_t>> lists(merge.queues.size());
  for (std::size_t i = 0; i < merge.queues.size(); ++i) {
    // What is in memory first: nothing can leave it towards the view unseen.
    const auto part = index_.part(merge.queues[i], merge);
    if (part.in_view) {
      SL_TRY_VOID(view->entries(merge.queues[i], part.after,
                                std::min(part.memory_from, merge.before - 1), merge.maximum + 1,
                                lists[i]));
    }
    lists[i].insert(lists[i].end(), part.positions.begin(), part.positions.end());
  }
  Merger<std::vector<std::uint64_t>::const_iterator> merger;
  for (std::size_t i = 0; i < lists.size(); ++i) merger.add(lists[i].begin(), lists[i].end(), i);
  QueueIndex::Merged merged;
  merged.more = merger.run(merge.maximum, merged.entries);
  return merged;
}

Result<ReadResult> EmbeddedStore::resolve(const ReadRequest& request, std::uint64_t before,
                                          const QueueIndex::Merged& merged, bool files) {
  cache_.note_reader(before - std::min(before, request.after.get()));
  ReadResult result;
  result.next = request.after;
  result.lost = merged.lost;
  result.entries.reserve(merged.entries.size());
  Batches batches;
  if (!merged.entries.empty()) {
    cache_.collect(merged.entries.front().position, merged.entries.back().position, batches);
  }
  BatchWalk walk(batches);
  LogReader reader(segments_);
  const std::span<const IndexEntry> entries(merged.entries);
  std::size_t bytes = 0;
  std::size_t done = 0;
  std::size_t misses = 0;
  for (; done < entries.size(); ++done) {
    const IndexEntry& entry = entries[done];
    MessagePtr message = walk.find(entry.position);
    if (message == nullptr) {
      if (!files) break;
      if (entry.position < segments_.begin()) {
        ++result.lost;
        result.next = Position(entry.position);
        continue;
      }
      ++misses;
      auto from_file = reader.message(entries.subspan(done));
      if (!from_file && from_file.error().code == Errc::NotFound) {
        ++result.lost;
        result.next = Position(entry.position);
        continue;
      }
      if (!from_file) {
        // First what is whole before it; the next read begins there and says so.
        if (!request.pass_damaged && !result.entries.empty()) break;
        damages_.note(from_file.error());
        if (!request.pass_damaged || from_file.error().code != Errc::Corrupt) {
          return tl::unexpected(std::move(from_file).error());
        }
        result.damaged.emplace_back(entry.position);
        result.next = Position(entry.position);
        continue;
      }
      message = std::move(*from_file);
    }
    bytes += message->payload.size();
    if (!result.entries.empty() && bytes > request.maximum_bytes) break;
    result.entries.push_back({std::move(message), entry.mask});
    result.next = Position(entry.position);
  }
  cache_hits_.fetch_add(result.entries.size() - std::min(misses, result.entries.size()),
                        std::memory_order_relaxed);
  cache_misses_.fetch_add(misses, std::memory_order_relaxed);
  result.at_end = done == entries.size() && !merged.more;
  // No message begins where the log once ended: a batch frame does.
  if (result.at_end) result.next = Position(std::max(request.after.get(), before));
  return result;
}

Result<MessagePtr> EmbeddedStore::message_at(Position position) {
  if (position >= head()) return fail(Errc::NotFound, "no message at this position");
  Batches batches;
  cache_.collect(position.get(), position.get(), batches);
  if (!batches.empty()) {
    MessagePtr message = BatchWalk(batches).find(position.get());
    if (message == nullptr) return fail(Errc::NotFound, "no message at this position");
    return message;
  }
  return noted(read_message(segments_, position.get()));
}

Result<ReadResult> EmbeddedStore::scan_log(const ScanRequest& request) {
  SL_TRY(view, this->view());
  return noted(scan_messages(segments_, topics_, *view, request, log_.durable()));
}

Result<FindResult> EmbeddedStore::find(const FindRequest& request) {
  SL_TRY(view, this->view());
  return noted(find_messages(segments_, topics_, *view, damages_, request, log_.durable()));
}

Result<Position> EmbeddedStore::position_before(std::int64_t wall_ms) {
  const std::uint64_t end = log_.durable();
  SL_TRY(position, noted(find_time(segments_, topics_, wall_ms, end)));
  return Position(position);
}

std::uint64_t EmbeddedStore::log_bytes(Position after, Position before) const {
  std::uint64_t sum = 0;
  for (const auto& range : segments_.ranges()) {
    const std::uint64_t from = std::max(range.base, after.get());
    const std::uint64_t to = std::min(range.end, before.get());
    if (from < to) sum += to - from;
  }
  return sum;
}

Position EmbeddedStore::back_from(Position end, std::uint64_t bytes) const {
  const auto ranges = segments_.ranges();
  for (auto range = ranges.rbegin(); range != ranges.rend(); ++range) {
    const std::uint64_t to = std::min(range->end, end.get());
    if (to <= range->base) continue;
    if (to - range->base > bytes) return Position(to - bytes);
    bytes -= to - range->base;
  }
  return Position();
}

void EmbeddedStore::notify(std::uint64_t key, std::span<const QueueId> queues, Position after,
                           Visibility visibility, std::function<void()> wake) {
  index_.cancel(key);
  auto waiter = std::make_shared<Waiter>();
  waiter->key = key;
  waiter->after = after.get();
  waiter->durable = visibility == Visibility::Durable;
  waiter->queues.assign(queues.begin(), queues.end());
  waiter->wake = std::move(wake);
  if (index_.wait(waiter, [this] { return log_.durable(); })) index_.wake({waiter});
}

void EmbeddedStore::cancel_notify(std::uint64_t key) {
  index_.cancel(key);
}

Result<Store::Skipped> EmbeddedStore::skip_deleted(std::span<const QueueId> queues,
                                                   Position after) {
  constexpr std::size_t kAtOnce = 64 << 10;
  const std::uint64_t begin = segments_.begin();
  Skipped skipped{0, after};
  while (skipped.next.get() < begin) {
    const QueueIndex::Merge merge{queues, skipped.next.get(), begin, kAtOnce};
    auto merged = index_.merge(merge);
    if (merged.needs_view) {
      SL_TRY(with_view, noted(merge_with_view(merge)));
      merged = std::move(with_view);
    }
    skipped.lost += merged.entries.size() + merged.lost;
    // No record begins where a file does.
    skipped.next = Position(merged.more ? merged.entries.back().position : begin);
  }
  return skipped;
}

std::uint64_t EmbeddedStore::count_after(std::span<const QueueId> queues, Position after,
                                         std::uint64_t maximum) {
  std::uint64_t sum = 0;
  for (const QueueId queue : queues) {
    const auto count = index_.count_after(queue, after.get(), maximum);
    sum += count.whole;
    for (const BlockSummary& cut : count.cut) {
      if (sum >= maximum) return maximum;
      const auto view = this->view();
      if (!view) continue;
      const auto block = (*view)->block(queue, cut.first);
      if (!block) continue;
      sum += static_cast<std::uint64_t>(
          std::count_if(block->begin(), block->end(), [&](std::uint64_t position) {
            return position > count.after && position <= count.memory_from;
          }));
    }
    if (sum >= maximum) return maximum;
  }
  return sum;
}

Result<std::optional<std::string>> EmbeddedStore::get(StateKind kind, std::string_view key) {
  if (auto changed = overlay_.find(kind, key)) return std::move(*changed);
  SL_TRY(view, this->view());
  return noted(view->get(kind, key));
}

Result<void> EmbeddedStore::scan_behind(StateKind kind, std::string_view prefix,
                                        std::string_view after, Visit visit) {
  SL_TRY(view, this->view());
  std::unique_ptr<View::Scan> stored;
  const auto changes = overlay_.range(kind, prefix, after, [&] {
    stored = std::make_unique<View::Scan>(view->scan(kind, prefix, after));
  });
  stored->start();
  auto change = changes.begin();
  while (stored->valid() || change != changes.end()) {
    const bool from_change =
        change != changes.end() && (!stored->valid() || change->first <= stored->key());
    if (from_change) {
      if (stored->valid() && stored->key() == change->first) stored->next();
      if (change->second && !visit(change->first, *change->second)) return {};
      ++change;
    } else {
      if (!visit(stored->key(), stored->value())) return {};
      stored->next();
    }
  }
  return noted(stored->status());
}

}  // namespace sluice::store::embedded
