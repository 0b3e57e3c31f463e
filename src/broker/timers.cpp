#include "broker/timers.hpp"

namespace sluice::broker {

Timers::Id Timers::at(Time due, std::function<void()> work) {
  const Id id{due, ++last_};
  entries_.emplace(id, std::move(work));
  if (due < armed_for_) arm();
  return id;
}

void Timers::stop() {
  entries_.clear();
  timer_.cancel();
}

void Timers::arm() {
  if (entries_.empty()) {
    armed_for_ = Time::max();
    return;
  }
  armed_for_ = entries_.begin()->first.first;
  timer_.expires_at(armed_for_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) fire();
  });
}

void Timers::fire() {
  const auto now = std::chrono::steady_clock::now();
  while (!entries_.empty() && entries_.begin()->first.first <= now) {
    auto node = entries_.extract(entries_.begin());
    node.mapped()();
  }
  arm();
}

}  // namespace sluice::broker
