#pragma once
#include <chrono>
#include <memory>
#include <optional>

#include "base/event_loop.hpp"

namespace sluice::broker {

class Broker;

// Publishes `$SYS/broker/...` for those who are subscribed to it: at once when somebody begins,
// then at intervals. While nobody is, it does nothing at all.
//
// Threads: on_subscribed() any; the rest on the first worker.
class Statistics {
 public:
  static constexpr std::chrono::seconds kInterval{10};
  // Who subscribes again and again brings no more rounds than this.
  static constexpr std::chrono::seconds kShortestInterval{1};

  explicit Statistics(Broker& broker);

  // Somebody has subscribed to `$SYS/...`.
  void on_subscribed();

 private:
  struct Sum;
  void begin();
  void round();
  void publish(const Sum& sum);
  void go_on(std::chrono::milliseconds after);
  [[nodiscard]] bool has_reader() const;

  Broker& broker_;
  const EventLoop::Time started_;
  EventLoop::Time last_round_{};
  std::optional<Timers::Id> timer_;
};

}  // namespace sluice::broker
