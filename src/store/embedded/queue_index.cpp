#include "store/embedded/queue_index.hpp"

#include <algorithm>
#include <utility>

#include "store/embedded/merge.hpp"

namespace sluice::store::embedded {
namespace {

// A last block with fewer entries is written again with the next ones.
constexpr std::uint64_t kOpenBlockEntries = 128;
// Appending waits while entries are copied for a checkpoint: so many at a time.
constexpr std::ptrdiff_t kCopyEntries = 32 << 10;

// The first block that has an entry behind `position`.
auto first_block_behind(const std::vector<BlockSummary>& blocks, std::uint64_t position) {
  return std::partition_point(blocks.begin(), blocks.end(), [position](const BlockSummary& block) {
    return block.last <= position;
  });
}

}  // namespace

const QueueIndex::Queue* QueueIndex::find_queue(QueueId id) const {
  const auto found = queues_.find(id);
  return found == queues_.end() ? nullptr : found->second.get();
}

QueueIndex::Queue* QueueIndex::find_queue(QueueId id) {
  const auto found = queues_.find(id);
  return found == queues_.end() ? nullptr : found->second.get();
}

std::optional<QueueIndex::Opened> QueueIndex::find(std::string_view filter, bool persistent) const {
  const std::scoped_lock lock(mutex_);
  const ByFilter& by_filter = persistent ? persistent_ : volatile_;
  const auto found = by_filter.find(filter);
  if (found == by_filter.end()) return std::nullopt;
  return Opened{found->queue->id, found->queue->created};
}

std::optional<std::string> QueueIndex::filter_of(QueueId id) const {
  const std::scoped_lock lock(mutex_);
  const Queue* queue = find_queue(id);
  if (queue == nullptr) return std::nullopt;
  return queue->filter;
}

void QueueIndex::create(QueueId id, std::string_view filter, std::uint64_t created) {
  const std::scoped_lock lock(mutex_);
  Queue& queue = find_or_make(id);
  if (!queue.filter.empty()) return;
  queue.filter = filter;
  queue.created = created;
  ByFilter& by_filter = is_volatile(id) ? volatile_ : persistent_;
  by_filter.erase(queue.filter);  // of an older one: replay finds both
  by_filter.insert(Named{&queue, NameHash()(queue.filter)});
}

// Under the lock.
QueueIndex::Queue& QueueIndex::find_or_make(QueueId id) {
  auto& queue = queues_[id];
  if (queue == nullptr) {
    queue = std::make_unique<Queue>();
    queue->id = id;
  }
  return *queue;
}

std::uint64_t QueueIndex::drop_nameless(std::uint64_t position) {
  const std::scoped_lock lock(mutex_);
  std::uint64_t highest = 0;
  std::vector<QueueId> nameless;
  for (const auto& [id, queue] : queues_) {
    if (!is_volatile(id)) highest = std::max(highest, id.get());
    if (queue->filter.empty()) nameless.push_back(id);
  }
  for (const QueueId id : nameless) {
    queues_.erase(id);
    dropped_.emplace_back(position, id);
  }
  return highest;
}

std::vector<QueueId> QueueIndex::ids() const {
  std::vector<QueueId> ids;
  const std::scoped_lock lock(mutex_);
  ids.reserve(queues_.size());
  for (const auto& [id, queue] : queues_) ids.push_back(id);
  return ids;
}

std::optional<std::uint64_t> QueueIndex::first_after(QueueId id, std::uint64_t after) const {
  const std::scoped_lock lock(mutex_);
  const Queue* queue = find_queue(id);
  if (queue == nullptr) return std::nullopt;
  after = std::max(after, queue->trimmed);
  const auto block = first_block_behind(queue->blocks, after);
  if (block != queue->blocks.end()) return std::max(after + 1, block->first);
  const auto& positions = queue->positions;
  const auto at = std::upper_bound(positions.begin(), positions.end(), after);
  if (at == positions.end()) return std::nullopt;
  return *at;
}

void QueueIndex::drop(QueueId id, std::uint64_t position) {
  const std::scoped_lock lock(mutex_);
  const auto found = queues_.find(id);
  if (found == queues_.end()) return;
  ByFilter& by_filter = is_volatile(id) ? volatile_ : persistent_;
  if (const auto named = by_filter.find(found->second->filter);
      named != by_filter.end() && named->queue->id == id) {
    by_filter.erase(named);
  }
  queues_.erase(found);
  if (!is_volatile(id)) dropped_.emplace_back(position, id);
}

void QueueIndex::trim(QueueId id, std::uint64_t position) {
  const std::scoped_lock lock(mutex_);
  Queue* queue = find_queue(id);
  if (queue == nullptr || position <= queue->trimmed) return;
  queue->trimmed = position;
  auto& positions = queue->positions;
  positions.erase_front(std::upper_bound(positions.begin(), positions.end(), position));
  if (!queue->blocks.empty() && queue->blocks.front().last <= position) mark_dirty(*queue);
}

std::size_t QueueIndex::size() const {
  const std::scoped_lock lock(mutex_);
  return queues_.size();
}

void QueueIndex::push(Queue& queue, std::uint64_t position) {
  queue.positions.push_back(position);
  if (!is_volatile(queue.id)) {
    mark_dirty(queue);
  } else if (queue.positions.size() > maximum_volatile_entries_) {
    queue.dropped_to = queue.positions.front();
    queue.positions.pop_front();
    ++queue.dropped;
  }
}

void QueueIndex::mark_dirty(Queue& queue) {
  if (!std::exchange(queue.dirty, true)) dirty_.push_back(queue.id);
}

void QueueIndex::add(const LogBatch& batch, Waiters& woken) {
  const std::scoped_lock lock(mutex_);
  Queue* queue = nullptr;  // consecutive messages mostly go where the last one went
  for (std::size_t i = 0; i < batch.messages().size(); ++i) {
    const std::uint64_t position = batch.messages()[i].id.position;
    for (const QueueId id : batch.queues_of(i)) {
      if (queue == nullptr || queue->id != id) queue = find_queue(id);
      if (queue == nullptr) continue;
      push(*queue, position);
      if (queue->waiters) [[unlikely]]
        fire(*queue, position, woken);
    }
  }
}

// Replay: an entry that the view holds already is not added again.
void QueueIndex::add(std::span<const QueueId> queues, std::uint64_t position) {
  const std::scoped_lock lock(mutex_);
  for (const QueueId id : queues) {
    Queue& queue = find_or_make(id);
    if (position > queue.persisted) push(queue, position);
  }
}

bool QueueIndex::has_view_entries(const Queue& queue, std::uint64_t after) {
  const std::uint64_t from = std::max(after, queue.trimmed);
  if (from >= queue.memory_from) return false;
  const auto block = first_block_behind(queue.blocks, from);
  return block != queue.blocks.end() && block->first <= queue.memory_from;
}

QueueIndex::Merged QueueIndex::merge(const Merge& merge) const {
  Merged merged;
  Merger<Positions::const_iterator> merger;
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < merge.queues.size(); ++i) {
    const Queue* queue = find_queue(merge.queues[i]);
    if (queue == nullptr) continue;
    if (has_view_entries(*queue, merge.after)) {
      merged.needs_view = true;
      return merged;
    }
    if (queue->dropped_to > merge.after) merged.lost += queue->dropped;
    const auto& positions = queue->positions;
    const auto begin = std::upper_bound(positions.begin(), positions.end(), merge.after);
    const auto end = positions.empty() || positions.back() < merge.before
                         ? positions.end()
                         : std::lower_bound(begin, positions.end(), merge.before);
    merger.add(begin, end, i);
  }
  merged.more = merger.run(merge.maximum, merged.entries);
  return merged;
}

QueueIndex::Part QueueIndex::part(QueueId id, const Merge& merge) const {
  Part part;
  const std::scoped_lock lock(mutex_);
  const Queue* queue = find_queue(id);
  if (queue == nullptr) return part;
  part.in_view = has_view_entries(*queue, merge.after);
  part.after = std::max(merge.after, queue->trimmed);
  part.memory_from = queue->memory_from;
  auto at = std::upper_bound(queue->positions.begin(), queue->positions.end(), merge.after);
  for (; at != queue->positions.end() && *at < merge.before; ++at) {
    if (part.positions.size() > merge.maximum) break;
    part.positions.push_back(*at);
  }
  return part;
}

QueueIndex::Count QueueIndex::count_after(QueueId id, std::uint64_t after,
                                          std::uint64_t maximum) const {
  Count count;
  const std::scoped_lock lock(mutex_);
  const Queue* queue = find_queue(id);
  if (queue == nullptr) return count;
  after = std::max(after, queue->trimmed);
  count.after = after;
  count.memory_from = queue->memory_from;
  const auto& positions = queue->positions;
  count.whole = static_cast<std::uint64_t>(
      positions.end() - std::upper_bound(positions.begin(), positions.end(), after));
  auto block = first_block_behind(queue->blocks, after);
  for (; block != queue->blocks.end() && block->first <= queue->memory_from; ++block) {
    if (count.whole >= maximum) break;
    if (block->first > after && block->last <= queue->memory_from) {
      count.whole += block->count;
    } else {
      count.cut.push_back(*block);
    }
  }
  return count;
}

std::vector<QueueId> QueueIndex::dropped(std::uint64_t up_to) const {
  std::vector<QueueId> ids;
  const std::scoped_lock lock(mutex_);
  for (const auto& [position, id] : dropped_) {
    if (position <= up_to) ids.push_back(id);
  }
  return ids;
}

void QueueIndex::forget_dropped(std::uint64_t up_to) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(dropped_, [up_to](const auto& dropped) { return dropped.first <= up_to; });
}

std::vector<QueueId> QueueIndex::take_dirty() {
  const std::scoped_lock lock(mutex_);
  for (const QueueId id : dirty_) {
    if (Queue* queue = find_queue(id)) queue->dirty = false;
  }
  return std::exchange(dirty_, {});
}

void QueueIndex::give_back_dirty(std::span<const QueueId> ids) {
  const std::scoped_lock lock(mutex_);
  for (const QueueId id : ids) {
    if (Queue* queue = find_queue(id)) mark_dirty(*queue);
  }
}

QueueIndex::Dirty QueueIndex::dirty(QueueId id) const {
  Dirty dirty;
  const std::scoped_lock lock(mutex_);
  const Queue* queue = find_queue(id);
  if (queue == nullptr) return dirty;
  dirty.persisted = queue->persisted;
  const auto& blocks = queue->blocks;
  dirty.trimmed.assign(blocks.begin(), first_block_behind(blocks, queue->trimmed));
  if (dirty.trimmed.size() < blocks.size() && blocks.back().count < kOpenBlockEntries) {
    dirty.open_block = blocks.back();
  }
  return dirty;
}

bool QueueIndex::copy_entries(QueueId id, std::uint64_t after, std::uint64_t up_to,
                              std::vector<std::uint64_t>& into) const {
  const std::scoped_lock lock(mutex_);
  const Queue* queue = find_queue(id);
  if (queue == nullptr) return false;
  const auto& positions = queue->positions;
  const auto begin = std::upper_bound(positions.begin(), positions.end(), after);
  const auto end = std::upper_bound(begin, positions.end(), up_to);
  const auto count = std::min<std::ptrdiff_t>(end - begin, kCopyEntries);
  into.insert(into.end(), begin, begin + count);
  return count < end - begin;
}

void QueueIndex::persisted(const Persisted& done, std::uint64_t forget) {
  const std::scoped_lock lock(mutex_);
  Queue* queue = find_queue(done.id);
  if (queue == nullptr) return;
  auto& known = queue->blocks;
  if (!done.blocks.empty() && !known.empty() && known.back().first == done.blocks.front().first) {
    known.pop_back();
  }
  known.insert(known.end(), done.blocks.begin(), done.blocks.end());
  known.erase(known.begin(), known.begin() + static_cast<std::ptrdiff_t>(done.trimmed));
  queue->persisted = std::max(queue->persisted, done.up_to);
  auto& positions = queue->positions;
  forget = std::min(forget, done.up_to);
  if (forget > queue->memory_from) {
    queue->memory_from = forget;
    positions.erase_front(std::upper_bound(positions.begin(), positions.end(), forget));
  }
  // Looked at again: to be written, or to be forgotten once the cache has moved on.
  if (!positions.empty()) mark_dirty(*queue);
}

void QueueIndex::add_block(QueueId id, const BlockSummary& block) {
  const std::scoped_lock lock(mutex_);
  Queue& queue = find_or_make(id);
  queue.blocks.push_back(block);
  queue.persisted = std::max(queue.persisted, block.last);
  queue.memory_from = queue.persisted;
}

}  // namespace sluice::store::embedded
