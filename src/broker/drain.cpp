#include "broker/drain.hpp"

#include <utility>

#include "base/log.hpp"
#include "broker/client_connection.hpp"
#include "broker/session.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

namespace {
constexpr std::chrono::milliseconds kStep{100};
}

std::size_t Drain::begin(Redirect to, double per_second) {
  to_ = std::move(to);
  per_step_ = per_second * std::chrono::duration<double>(kStep).count();
  allowed_ = 0;
  left_.clear();
  for (const auto& session : worker_.sessions())
    if (session->connection()) left_.push_back(session);
  const auto count = left_.size();
  if (timer_) worker_.timers().cancel(*timer_);
  go_on();
  return count;
}

void Drain::go_on() {
  timer_.reset();
  allowed_ += per_step_;
  while (allowed_ >= 1 && !left_.empty()) {
    const auto session = left_.back().lock();
    left_.pop_back();
    if (!session || !session->connection()) continue;
    session->connection()->redirect(to_);
    allowed_ -= 1;
  }
  if (left_.empty()) {
    left_.shrink_to_fit();
    return;
  }
  timer_ = worker_.timers().after(kStep, [this] { go_on(); });
}

}  // namespace sluice::broker
