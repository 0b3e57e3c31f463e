#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "base/threads.hpp"

namespace sluice {

// Work that may block, done one after another by a thread of its own.
//
// Owns:    the thread and the work that waits.
// Threads: post() from any; stop() from one.
class BackgroundQueue {
 public:
  explicit BackgroundQueue(Threads& threads);
  ~BackgroundQueue() { stop(); }
  BackgroundQueue(const BackgroundQueue&) = delete;
  BackgroundQueue& operator=(const BackgroundQueue&) = delete;

  void post(std::function<void()> work);  // after stop() nothing is done any more
  void stop();                            // all that was posted is done when it returns

 private:
  void run();

  Threads& threads_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::unique_ptr<Threads::Thread> thread_;
};

}  // namespace sluice
