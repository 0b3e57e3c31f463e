// Up to where clients may publish what one queue is given: the broker's side of a Brake.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

#include "store/store.hpp"

namespace sluice::broker {

// Threads: any.
class PublishLimit {
 public:
  explicit PublishLimit(std::function<void()> on_held) : on_held_(std::move(on_held)) {}

  [[nodiscard]] bool is_reached(store::Position head) const {
    return head.get() >= end_.load(std::memory_order_seq_cst);
  }
  // Whether it was lower before.
  bool set(store::Position end) {
    return end_.exchange(end.get(), std::memory_order_seq_cst) < end.get();
  }
  void tell_held() {
    const std::scoped_lock lock(mutex_);
    if (on_held_) on_held_();
  }
  void end() {
    set(store::Position(UINT64_MAX));
    const std::scoped_lock lock(mutex_);
    on_held_ = nullptr;
  }

 private:
  std::atomic<std::uint64_t> end_{UINT64_MAX};
  std::mutex mutex_;  // guards on_held_
  std::function<void()> on_held_;
};
using PublishLimitPtr = std::shared_ptr<PublishLimit>;

}  // namespace sluice::broker
