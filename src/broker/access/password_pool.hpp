#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice::broker {

// A few threads for work that is heavy on memory and time, behind a bounded queue.
//
// Threads: submit() from any; stop() from one that is not of the pool.
class PasswordPool {
 public:
  PasswordPool(std::size_t threads, std::size_t maximum_waiting);
  ~PasswordPool();
  PasswordPool(const PasswordPool&) = delete;
  PasswordPool& operator=(const PasswordPool&) = delete;

  // False when too many wait already, or it is stopped; `work` is not run then.
  [[nodiscard]] bool submit(std::function<void()> work);
  // Waits for what runs and forgets what waits; nothing is taken any more. Idempotent.
  void stop();

 private:
  void run();

  const std::size_t maximum_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sluice::broker
