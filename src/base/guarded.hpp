#pragma once
#include <mutex>
#include <utility>

namespace sluice {

// Data that can only be touched while its mutex is held.
template <class T>
class Guarded {
 public:
  template <class... Args>
  explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}

  template <class F>
  decltype(auto) with(F&& body) {
    const std::scoped_lock lock(mutex_);
    return std::forward<F>(body)(value_);
  }

  template <class F>
  decltype(auto) with(F&& body) const {
    const std::scoped_lock lock(mutex_);
    return std::forward<F>(body)(value_);
  }

 private:
  mutable std::mutex mutex_;
  T value_;
};

}  // namespace sluice
