#include "base/timers.hpp"

namespace sluice {

Timers::Id Timers::at(Time due, std::function<void()> work) {
  const Id id{due, ++last_};
  entries_.emplace(id, std::move(work));
  return id;
}

Timers::Time Timers::next_due() const {
  return entries_.empty() ? Time::max() : entries_.begin()->first.first;
}

void Timers::run_due(Time now) {
  while (!entries_.empty() && entries_.begin()->first.first <= now) {
    auto node = entries_.extract(entries_.begin());
    node.mapped()();
  }
}

}  // namespace sluice
