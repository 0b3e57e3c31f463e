#pragma once
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "store/store.hpp"

namespace sluice::store::embedded {

// Who wants to know of every commit.
//
// Threads: all calls from any thread; remove() waits for a call under way.
class Listeners {
 public:
  std::uint64_t add(Store::DurableListener listener) {
    const std::scoped_lock lock(mutex_);
    listeners_.emplace_back(++last_id_, std::move(listener));
    return last_id_;
  }

  void remove(std::uint64_t id) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(listeners_, [id](const auto& listener) { return listener.first == id; });
  }

  void call(Position durable) const {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, listener] : listeners_) listener(durable);
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::pair<std::uint64_t, Store::DurableListener>> listeners_;
  std::uint64_t last_id_ = 0;
};

}  // namespace sluice::store::embedded
