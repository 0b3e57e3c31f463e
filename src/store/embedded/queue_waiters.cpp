// Who waits at the queues for an entry.
#include <algorithm>
#include <utility>

#include "store/embedded/queue_index.hpp"

namespace sluice::store::embedded {

// An entry came to a queue at which somebody waits. Under the lock.
void QueueIndex::fire(Queue& queue, std::uint64_t position, Waiters& woken) {
  const auto waiters = std::move(queue.waiters);
  for (const WaiterPtr& waiter : *waiters) {
    if (position <= waiter->after) {
      list(queue, waiter);
      continue;
    }
    unlist(waiter);
    if (waiter->durable) {
      waiting_for_durable_.emplace(position, waiter);
    } else {
      woken.push_back(waiter);
    }
  }
}

void QueueIndex::list(Queue& queue, const WaiterPtr& waiter) {
  if (!queue.waiters) queue.waiters = std::make_unique<Waiters>();
  queue.waiters->push_back(waiter);
}

// Takes a waiter out of its queues' lists. Under the lock.
void QueueIndex::unlist(const WaiterPtr& waiter) {
  for (const QueueId id : waiter->queues) {
    Queue* queue = find_queue(id);
    if (queue == nullptr || !queue->waiters) continue;
    std::erase(*queue->waiters, waiter);
    if (queue->waiters->empty()) queue->waiters = nullptr;
  }
}

void QueueIndex::take_durable(std::uint64_t durable, Waiters& woken) {
  const std::scoped_lock lock(mutex_);
  const auto end = waiting_for_durable_.lower_bound(durable);
  for (auto at = waiting_for_durable_.begin(); at != end; ++at) woken.push_back(at->second);
  waiting_for_durable_.erase(waiting_for_durable_.begin(), end);
}

bool QueueIndex::wait(const WaiterPtr& waiter, FunctionRef<std::uint64_t()> durable) {
  const std::scoped_lock lock(mutex_);
  std::uint64_t first = UINT64_MAX;  // the first entry that it waits for
  for (const QueueId id : waiter->queues) {
    const Queue* queue = find_queue(id);
    if (queue == nullptr) continue;
    if (has_view_entries(*queue, waiter->after)) return true;
    const auto& positions = queue->positions;
    const auto at = std::upper_bound(positions.begin(), positions.end(), waiter->after);
    if (at != positions.end()) first = std::min(first, *at);
  }
  if (first != UINT64_MAX && (!waiter->durable || first < durable())) return true;
  waiters_[waiter->key] = waiter;
  if (first != UINT64_MAX) {
    waiting_for_durable_.emplace(first, waiter);
    return false;
  }
  for (const QueueId id : waiter->queues) {
    if (Queue* queue = find_queue(id)) list(*queue, waiter);
  }
  return false;
}

void QueueIndex::cancel(std::uint64_t key) {
  // A waiter stays in `waiters_` until its call begins: one on its way to be woken is found too.
  const std::scoped_lock calls(wake_mutex_);
  const std::scoped_lock lock(mutex_);
  const auto found = waiters_.find(key);
  if (found == waiters_.end()) return;
  const WaiterPtr cancelled = found->second;
  waiters_.erase(found);
  unlist(cancelled);
  std::erase_if(waiting_for_durable_,
                [&](const auto& waiting) { return waiting.second == cancelled; });
  cancelled->ended = true;
}

void QueueIndex::wake(const Waiters& woken) {
  if (woken.empty()) return;
  const std::scoped_lock calls(wake_mutex_);
  {
    const std::scoped_lock lock(mutex_);
    for (const WaiterPtr& waiter : woken) {
      const auto found = waiters_.find(waiter->key);
      if (found != waiters_.end() && found->second == waiter) waiters_.erase(found);
    }
  }
  for (const WaiterPtr& waiter : woken) {
    if (!std::exchange(waiter->ended, true)) waiter->wake();
  }
}

}  // namespace sluice::store::embedded
