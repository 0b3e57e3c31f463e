#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/timers.hpp"

namespace sluice::broker {

class Session;
class Worker;

// Where clients are to go instead. MQTT 5.0 §4.11.
struct Redirect {
  std::string server;        // Server Reference; empty: the client knows where else
  bool permanently = false;  // 0x9D instead of 0x9C
};

// Sends the clients of one worker to another server, so many a second. MQTT 3 has no word for it:
// those are disconnected. Their sessions stay.
//
// Threads: its worker's own.
class Drain {
 public:
  explicit Drain(Worker& worker) : worker_(worker) {}

  // Those that are connected now; one that is under way is replaced. Returns how many.
  std::size_t begin(Redirect to, double per_second);

 private:
  void go_on();

  Worker& worker_;
  Redirect to_;
  double per_step_ = 0;
  double allowed_ = 0;  // the part of one that a step may be short of
  std::vector<std::weak_ptr<Session>> left_;
  std::optional<Timers::Id> timer_;
};

}  // namespace sluice::broker
