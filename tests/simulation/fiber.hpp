#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <ucontext.h>

namespace sluice::simulation {

// A thread of execution that runs only while somebody resumes it, on his thread.
//
// Owns:    its stack.
// Threads: the one that made it.
class Fiber {
 public:
  explicit Fiber(std::function<void()> body);
  ~Fiber();  // Contract: done
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void resume();        // until it pauses or is done
  static void pause();  // on a fiber: back to who resumed it
  [[nodiscard]] static Fiber* current();
  [[nodiscard]] bool done() const { return done_; }

 private:
  static void enter();
  void switch_to_caller();

  std::function<void()> body_;
  char* stack_ = nullptr;
  ucontext_t own_{};
  ucontext_t caller_{};
  bool done_ = false;
  // For AddressSanitizer, which must know on which stack we are.
  const void* caller_stack_ = nullptr;
  std::size_t caller_stack_bytes_ = 0;
  void* fake_stack_ = nullptr;
};

}  // namespace sluice::simulation
