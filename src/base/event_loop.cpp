#include "base/event_loop.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.hpp"

namespace sluice {
namespace {

constexpr std::size_t kEventsPerRound = 256;
constexpr std::uint64_t kWakeKey = UINT64_MAX;

std::uint64_t key_of(int descriptor, std::uint32_t generation) {
  return std::uint64_t{generation} << 32 | static_cast<std::uint32_t>(descriptor);
}

std::uint32_t readiness_of(std::uint32_t events) {
  std::uint32_t readiness = 0;
  if ((events & EPOLLIN) != 0) readiness |= Readiness::kRead;
  if ((events & EPOLLOUT) != 0) readiness |= Readiness::kWrite;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
    readiness |= Readiness::kRead | Readiness::kHangUp;
  return readiness;
}

}  // namespace

EventLoop::EventLoop(const Clock& clock)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      clock_(clock),
      timers_(clock),
      now_(clock.steady()) {
  // Only without descriptors, at the very start: nothing could run.
  SL_CHECK(epoll_.is_open() && wake_.is_open());
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u64 = kWakeKey}};
  SL_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) == 0);
}

EventLoop::~EventLoop() {
  for (const auto& entry : entries_)
    if (entry.watched) entry.watched->on_loop_end();
}

void EventLoop::post(std::function<void()> work) {
  {
    const std::scoped_lock lock(mutex_);
    posted_.push_back(std::move(work));
  }
  has_posted_.store(true);
  // One wake for all that is posted while the loop sleeps, none while it does not.
  if (!sleeps_.exchange(false)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

Result<void> EventLoop::watch(int descriptor, std::shared_ptr<Watched> watched) {
  const auto index = static_cast<std::size_t>(descriptor);
  if (entries_.size() <= index) entries_.resize(std::max(index + 1, entries_.size() * 2));
  auto& entry = entries_[index];
  SL_CHECK(entry.watched == nullptr);
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                    .data = {.u64 = key_of(descriptor, ++entry.generation)}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0)
    return fail(Errc::IoFailed, std::string("watch a descriptor: ") + std::strerror(errno));
  entry.watched = std::move(watched);
  return {};
}

void EventLoop::unwatch(int descriptor) {
  const auto index = static_cast<std::size_t>(descriptor);
  if (index >= entries_.size() || entries_[index].watched == nullptr) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
  leaving_.push_back(std::move(entries_[index].watched));
  entries_[index].watched = nullptr;
}

void EventLoop::run_once(Time latest, FunctionRef<bool()> enough) {
  if (next_ready_ == ready_.size()) collect(latest);
  tell_ready(enough);
  timers_.run_due(now_);
  run_posted();
  leaving_.clear();
}

void EventLoop::collect(Time latest) {
  ready_.clear();
  next_ready_ = 0;
  std::array<epoll_event, kEventsPerRound> events;
  int timeout = milliseconds_until(std::min(latest, timers_.next_due()));
  if (timeout != 0) {
    // Posted work is looked for after this is said: whoever posts later sees it and wakes us.
    sleeps_.store(true);
    if (has_posted_.load()) timeout = 0;
  }
  const int count =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
  sleeps_.store(false);
  now_ = clock_.steady();
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 != kWakeKey) ready_.push_back({event.data.u64, readiness_of(event.events)});
  }
}

// Rounded up: a timer is never early. 0: not at all, -1: until something happens.
int EventLoop::milliseconds_until(Time latest) const {
  if (has_posted_.load()) return 0;
  if (latest == Time::max()) return -1;
  const auto now = clock_.steady();
  if (latest <= now) return 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(latest - now).count();
  return static_cast<int>(std::min<std::int64_t>(left, INT_MAX));
}

void EventLoop::tell_ready(FunctionRef<bool()> enough) {
  while (next_ready_ < ready_.size()) {
    const auto ready = ready_[next_ready_++];
    const auto& entry = entries_[static_cast<std::uint32_t>(ready.key)];
    // Unwatched since the system told of it; its number may stand for something else by now.
    if (entry.watched == nullptr || entry.generation != ready.key >> 32) continue;
    const auto watched = entry.watched;
    watched->on_ready(ready.readiness);
    if (enough()) return;
  }
}

void EventLoop::run_posted() {
  if (!has_posted_.load(std::memory_order_relaxed)) return;
  {
    const std::scoped_lock lock(mutex_);
    running_.swap(posted_);
    has_posted_.store(false);
  }
  for (auto& work : running_) work();
  running_.clear();
}

}  // namespace sluice
