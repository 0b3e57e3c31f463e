#include "simulation/fiber.hpp"

#include <sys/mman.h>
#include <utility>

#include "base/check.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define SLUICE_ASAN 1
#endif
#endif

namespace sluice::simulation {
namespace {

constexpr std::size_t kStackBytes = 1 << 20;  // of addresses: what is not touched takes no memory

Fiber* running = nullptr;  // fibers of one thread

void start_switch([[maybe_unused]] void** fake, [[maybe_unused]] const void* stack,
                  [[maybe_unused]] std::size_t bytes) {
#ifdef SLUICE_ASAN
  __sanitizer_start_switch_fiber(fake, stack, bytes);
#endif
}

void finish_switch([[maybe_unused]] void* fake, [[maybe_unused]] const void** old,
                   [[maybe_unused]] std::size_t* old_bytes) {
#ifdef SLUICE_ASAN
  __sanitizer_finish_switch_fiber(fake, old, old_bytes);
#endif
}

}  // namespace

Fiber::Fiber(std::function<void()> body) : body_(std::move(body)) {
  void* memory = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  SL_CHECK(memory != MAP_FAILED);
  stack_ = static_cast<char*>(memory);
  SL_CHECK(::getcontext(&own_) == 0);
  own_.uc_stack.ss_sp = stack_;
  own_.uc_stack.ss_size = kStackBytes;
  own_.uc_link = nullptr;
  ::makecontext(&own_, &Fiber::enter, 0);
}

Fiber::~Fiber() {
  SL_CHECK(done_);
  ::munmap(stack_, kStackBytes);
}

Fiber* Fiber::current() {
  return running;
}

void Fiber::resume() {
  SL_CHECK(!done_ && running == nullptr);
  running = this;
  void* fake = nullptr;
  start_switch(&fake, stack_, kStackBytes);
  ::swapcontext(&caller_, &own_);
  finish_switch(fake, nullptr, nullptr);
  running = nullptr;
}

void Fiber::switch_to_caller() {
  // A stack that is done with is told by the missing place for its fake one.
  start_switch(done_ ? nullptr : &fake_stack_, caller_stack_, caller_stack_bytes_);
  ::swapcontext(&own_, &caller_);
  finish_switch(fake_stack_, &caller_stack_, &caller_stack_bytes_);
}

void Fiber::pause() {
  SL_CHECK(running != nullptr);
  running->switch_to_caller();
}

void Fiber::enter() {
  auto* self = running;
  finish_switch(nullptr, &self->caller_stack_, &self->caller_stack_bytes_);
  self->body_();
  self->body_ = nullptr;
  self->done_ = true;
  self->switch_to_caller();
}

}  // namespace sluice::simulation
