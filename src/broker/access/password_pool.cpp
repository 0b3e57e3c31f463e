#include "broker/access/password_pool.hpp"

#include <utility>

namespace sluice::broker {

PasswordPool::PasswordPool(std::size_t threads, Bounds bounds) : bounds_(bounds) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

PasswordPool::~PasswordPool() {
  stop();
}

void PasswordPool::stop() {
  Waiting forgotten;  // destroyed unlocked
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    forgotten.swap(waiting_);
    turns_.clear();
    count_ = 0;
  }
  changed_.notify_all();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

PasswordPool::Admission PasswordPool::submit(const std::string& peer, Work work) {
  {
    const std::scoped_lock lock(mutex_);
    if (count_ >= bounds_.waiting || stopping_) return Admission::Full;
    const auto found = waiting_.find(peer);
    if (found != waiting_.end() && found->second.size() >= bounds_.waiting_per_peer) {
      return Admission::PeerFull;
    }
    if (found == waiting_.end()) turns_.push_back(peer);
    waiting_[peer].push_back(std::move(work));
    ++count_;
  }
  changed_.notify_one();
  return Admission::Taken;
}

PasswordPool::Work PasswordPool::take_next() {
  auto peer = std::move(turns_.front());
  turns_.pop_front();
  const auto found = waiting_.find(peer);
  auto work = std::move(found->second.front());
  found->second.pop_front();
  --count_;
  if (found->second.empty()) {
    waiting_.erase(found);
  } else {
    turns_.push_back(std::move(peer));
  }
  return work;
}

void PasswordPool::run() {
  for (;;) {
    Work work;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || count_ > 0; });
      if (stopping_) return;
      work = take_next();
    }
    work();
  }
}

}  // namespace sluice::broker
