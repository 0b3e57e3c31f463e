#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace sluice::broker {

// The due times of one worker behind a single timer of the operating system.
//
// Threads: the worker's own.
class Timers {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Id = std::pair<Time, std::uint64_t>;

  explicit Timers(boost::asio::io_context& io) : timer_(io) {}

  Id at(Time due, std::function<void()> work);
  Id after(std::chrono::milliseconds delay, std::function<void()> work) {
    return at(std::chrono::steady_clock::now() + delay, std::move(work));
  }
  void cancel(Id id) { entries_.erase(id); }
  void stop();

 private:
  void arm();
  void fire();

  boost::asio::steady_timer timer_;
  Time armed_for_ = Time::max();
  std::uint64_t last_ = 0;
  std::map<Id, std::function<void()>> entries_;
};

}  // namespace sluice::broker
