// What a source waits for whose other side is told only once tasks have delivered what it brought
// in. docs/adr/0068-acknowledge-delivered.md
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "store/store.hpp"

namespace sluice::connect {

struct Downstream {
  // What is durable now stands before it.
  std::function<store::Position()> reached;
  // Nothing: the tasks are done with all that stands before it. Otherwise why not; empty: it is on
  // its way.
  std::function<std::optional<std::string>(store::Position)> why_not;
  // Calls it, shortly, whenever a task has moved on. None: not any more, once this returns.
  std::function<void(std::function<void()>)> listen;
};

// Tells whoever listens that some task has moved on.
//
// Threads: any.
class Moves {
 public:
  void listen(const std::string& who, std::function<void()> listener) {
    const std::scoped_lock lock(mutex_);
    if (listener)
      listeners_[who] = std::move(listener);
    else
      listeners_.erase(who);
    has_listeners_ = !listeners_.empty();
  }
  void tell() {
    if (!has_listeners_) return;
    const std::scoped_lock lock(mutex_);
    for (const auto& [who, listener] : listeners_) listener();
  }

 private:
  std::mutex mutex_;  // guards the listeners
  std::map<std::string, std::function<void()>> listeners_;
  std::atomic<bool> has_listeners_{false};
};

}  // namespace sluice::connect
