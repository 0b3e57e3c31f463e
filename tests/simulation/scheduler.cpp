#include "simulation/scheduler.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/check.hpp"

namespace sluice::simulation {

std::function<std::string()> Violation::context;

void Violation::report(const std::string& what) {
  std::printf("VIOLATION: %s\n%s\n", what.c_str(), context ? context().c_str() : "");
  std::fflush(stdout);
  std::_Exit(1);
}

// The other end of a fiber that was started.
class Scheduler::Joined final : public Threads::Thread {
 public:
  Joined(Scheduler& scheduler, std::uint64_t number) : scheduler_(scheduler), number_(number) {}
  void join() override {
    const auto is_done = [&] {
      return std::ranges::none_of(scheduler_.tasks_,
                                  [&](const auto& task) { return task->number == number_; });
    };
    std::mutex mutex;
    std::condition_variable unused;
    std::unique_lock lock(mutex);
    scheduler_.wait(unused, lock, is_done, kForever);
  }

 private:
  Scheduler& scheduler_;
  const std::uint64_t number_;
};

Scheduler::~Scheduler() {
  SL_CHECK(tasks_.empty());
}

std::unique_ptr<Threads::Thread> Scheduler::start(std::function<void()> body) {
  auto task = std::make_unique<Task>();
  task->number = ++last_number_;
  task->fiber = std::make_unique<Fiber>(std::move(body));
  tasks_.push_back(std::move(task));
  return std::make_unique<Joined>(*this, last_number_);
}

Scheduler::Task* Scheduler::find(const Fiber* fiber) {
  const auto found =
      std::ranges::find_if(tasks_, [&](const auto& task) { return task->fiber.get() == fiber; });
  return found == tasks_.end() ? nullptr : found->get();
}

bool Scheduler::can_go_on(const Task& task) const {
  return task.due <= clock_.steady() || (task.until && (*task.until)());
}

bool Scheduler::wait(std::condition_variable&, std::unique_lock<std::mutex>& lock,
                     FunctionRef<bool()> until, std::chrono::nanoseconds at_most) {
  const auto due = at_most == kForever ? Time::max() : clock_.steady() + at_most;
  while (!until()) {
    if (due <= clock_.steady()) return false;
    lock.unlock();
    if (auto* task = find(Fiber::current())) {
      task->until = until;
      task->due = due;
      Fiber::pause();
      task->until.reset();
      task->due = Time::min();
    } else if (!run_one()) {
      if (!pass_to_next(due)) Violation::report("everybody waits, and nothing can happen any more");
    }
    lock.lock();
  }
  return true;
}

void Scheduler::give_way(std::chrono::nanoseconds at_least) {
  auto* task = find(Fiber::current());
  if (task == nullptr) return;
  task->due = clock_.steady() + at_least;
  Fiber::pause();
  task->due = Time::min();
}

bool Scheduler::run_one() {
  std::size_t able = 0;
  Task* chosen = nullptr;
  for (const auto& task : tasks_)
    if (can_go_on(*task) && random_.below(++able) == 0) chosen = task.get();
  if (chosen == nullptr) return false;
  ++steps_;
  note(chosen->number);
  chosen->fiber->resume();
  if (chosen->fiber->done())
    std::erase_if(tasks_, [&](const auto& task) { return task.get() == chosen; });
  return true;
}

bool Scheduler::pass_to_next(Time latest) {
  auto next = latest;
  for (const auto& task : tasks_) next = std::min(next, task->due);
  if (next == Time::max()) return false;
  clock_.pass(std::max(next - clock_.steady(), std::chrono::nanoseconds(0)));
  return true;
}

}  // namespace sluice::simulation
