#include "broker/access/password_pool.hpp"

#include <utility>

namespace sluice::broker {

PasswordPool::PasswordPool(std::size_t threads, std::size_t maximum_waiting)
    : maximum_waiting_(maximum_waiting) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

PasswordPool::~PasswordPool() {
  stop();
}

void PasswordPool::stop() {
  std::deque<std::function<void()>> forgotten;  // destroyed unlocked
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    forgotten.swap(waiting_);
  }
  changed_.notify_all();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

bool PasswordPool::submit(std::function<void()> work) {
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.size() >= maximum_waiting_ || stopping_) return false;
    waiting_.push_back(std::move(work));
  }
  changed_.notify_one();
  return true;
}

void PasswordPool::run() {
  for (;;) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    work();
  }
}

}  // namespace sluice::broker
