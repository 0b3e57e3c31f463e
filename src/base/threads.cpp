#include "base/threads.hpp"

#include <thread>
#include <utility>

namespace sluice {
namespace {

class SystemThread final : public Threads::Thread {
 public:
  explicit SystemThread(std::function<void()> body) : thread_(std::move(body)) {}
  void join() override { thread_.join(); }

 private:
  std::thread thread_;
};

class SystemThreads final : public Threads {
 public:
  std::unique_ptr<Thread> start(std::function<void()> body) override {
    return std::make_unique<SystemThread>(std::move(body));
  }
  bool wait(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
            FunctionRef<bool()> until, std::chrono::nanoseconds at_most) override {
    if (at_most != kForever) return changed.wait_for(lock, at_most, until);
    changed.wait(lock, until);
    return true;
  }
};

}  // namespace

Threads& system_threads() {
  static SystemThreads threads;  // holds nothing
  return threads;
}

}  // namespace sluice
