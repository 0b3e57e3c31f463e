#include "load/flow.hpp"

#include <algorithm>
#include <stdexcept>
#include <sys/prctl.h>
#include <unistd.h>

namespace sluice::load {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kLongestWaitNs = 20 * kMillisecond;
// A server that drops messages would shut --undelivered for ever.
constexpr std::uint64_t kWriteOffNs = 300 * kMillisecond;
constexpr std::uint64_t kQuietNs = 2'000 * kMillisecond;
constexpr std::uint64_t kSettleNs = 30'000 * kMillisecond;

}  // namespace

Flow::Flow(const Options& options)
    : options_(options), epoll_(::epoll_create1(EPOLL_CLOEXEC)), events_(256) {
  if (epoll_ < 0) throw std::runtime_error("epoll_create1");
  // The system's 50 us of slack would be half of the latency that is measured.
  ::prctl(PR_SET_TIMERSLACK, 1);
  add_subscribers();
  for (std::size_t number = 0; number < options.publishers; ++number) {
    auto publisher = std::make_unique<Publisher>(options, totals, number);
    publishers_.push_back(publisher.get());
    add(std::move(publisher));
  }
}

Flow::~Flow() {
  ::close(epoll_);
}

void Flow::add_subscribers() {
  for (std::size_t number = 0; number < options_.subscribers; ++number) {
    auto filter = options_.topic + "/+";
    if (!options_.group.empty()) {
      filter = "$share/" + options_.group + "/" + filter;
    } else if (options_.pairs() || options_.publishers == 1) {
      filter = options_.topic + "/" + std::to_string(options_.pairs() ? number : 0);
    }
    const auto client_id = "load-s" + std::to_string(number);
    // What an earlier run left must not be counted.
    if (options_.persistent) forget_session(options_, client_id);
    add(std::make_unique<Subscriber>(options_, totals, client_id, filter));
  }
}

void Flow::add(std::unique_ptr<Client> client) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.ptr = client.get();
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, client->connection.descriptor(), &event) != 0) {
    throw std::runtime_error("epoll_ctl");
  }
  clients_.push_back(std::move(client));
}

void Flow::wait(std::uint64_t at_most_ns) {
  const timespec time{.tv_sec = static_cast<time_t>(at_most_ns / 1'000'000'000),
                      .tv_nsec = static_cast<long>(at_most_ns % 1'000'000'000)};
  const int count =
      ::epoll_pwait2(epoll_, events_.data(), static_cast<int>(events_.size()), &time, nullptr);
  for (int at = 0; at < count; ++at) {
    const auto& event = events_[static_cast<std::size_t>(at)];
    auto& client = *static_cast<Client*>(event.data.ptr);
    if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) client.on_readable();
    client.connection.flush();
  }
}

void Flow::run(std::uint64_t until_ns, bool publishing, const std::function<bool()>& done) {
  for (auto now = now_ns(); now < until_ns && !done(); now = now_ns()) {
    auto idle = kLongestWaitNs;
    if (publishing) idle = options_.rate > 0 ? send_by_rate(now) : send_by_window(now);
    wait(std::min({idle, kLongestWaitNs, until_ns - now}));
  }
}

void Flow::settle() {
  auto quiet_since = now_ns();
  auto seen = totals.received + totals.acknowledged;
  run(now_ns() + kSettleNs, false, [&] {
    const auto now = now_ns();
    if (totals.received + totals.acknowledged != seen) quiet_since = now;
    seen = totals.received + totals.acknowledged;
    const bool all_here = in_flight() == 0 && totals.received >= expected();
    return all_here || (in_flight() == 0 && now - quiet_since > kQuietNs);
  });
}

std::size_t Flow::room(std::uint64_t now) {
  const auto times = options_.deliveries();
  const auto without_bound = options_.messages == 0 ? SIZE_MAX : options_.messages - totals.sent;
  if (options_.undelivered == 0 || times == 0) return without_bound;
  if (totals.received != last_received_ || last_progress_ns_ == 0) {
    last_received_ = totals.received;
    last_progress_ns_ = now;
  }
  const auto missing = expected() - std::min(expected(), totals.received + written_off_);
  const auto open = options_.undelivered - std::min(options_.undelivered, missing / times);
  if (open == 0 && now - last_progress_ns_ > kWriteOffNs) {
    written_off_ += missing;
    last_progress_ns_ = now;
  }
  return std::min(open, without_bound);
}

std::uint64_t Flow::send_by_window(std::uint64_t now) {
  auto open = room(now);
  bool more = false;
  for (std::size_t tried = 0; tried < publishers_.size() && open > 0; ++tried) {
    auto& publisher = *publishers_[turn_++ % publishers_.size()];
    const auto count = std::min({publisher.room(), options_.batch, open});
    if (count == 0) continue;
    publisher.send(count, now);
    open -= count;
    more = more || publisher.room() > 0;
  }
  return more && open > 0 ? 0 : kMillisecond;
}

std::uint64_t Flow::send_by_rate(std::uint64_t now) {
  if (begun_ns_ == 0) begun_ns_ = now;
  const auto step = static_cast<double>(options_.burst) * 1e9 / options_.rate;
  const auto due_of = [&](std::uint64_t burst) {
    return begun_ns_ + static_cast<std::uint64_t>(static_cast<double>(burst) * step);
  };
  for (; due_of(bursts_) <= now; ++bursts_) {
    auto& publisher = *publishers_[turn_++ % publishers_.size()];
    publisher.owe(due_of(bursts_), options_.burst);
    publisher.send_owed();
  }
  // Those that had no room when theirs was due.
  for (auto* publisher : publishers_) publisher->send_owed();
  return due_of(bursts_) - now;
}

std::size_t Flow::in_flight() const {
  std::size_t sum = 0;
  for (const auto* publisher : publishers_) sum += publisher->in_flight();
  return sum;
}

std::size_t Flow::owed() const {
  std::size_t sum = 0;
  for (const auto* publisher : publishers_) sum += publisher->owed();
  return sum;
}

}  // namespace sluice::load
