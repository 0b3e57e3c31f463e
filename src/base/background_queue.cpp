#include "base/background_queue.hpp"

#include <utility>

namespace sluice {

BackgroundQueue::BackgroundQueue(Threads& threads)
    : threads_(threads), thread_(threads.start([this] { run(); })) {}

void BackgroundQueue::post(std::function<void()> work) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    waiting_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void BackgroundQueue::stop() {
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  changed_.notify_one();
  thread_->join();
}

void BackgroundQueue::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    threads_.wait(changed_, lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const auto work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
    lock.lock();
  }
}

}  // namespace sluice
