#pragma once
#include <cstddef>

#include "broker/filter_table.hpp"

namespace sluice::broker {

class Worker;

// Looks at each session of one worker after users or policies have changed: what was taken away
// ends at once, not with the next packet. docs/design/sessions.md, "Rights that are taken away".
//
// Threads: its worker's own.
class RightsReview {
 public:
  // In one turn: a change may not hold up the clients of a worker that has very many sessions.
  static constexpr std::size_t kSessionsPerTurn = 256;

  explicit RightsReview(Worker& worker) : worker_(worker) {}

  // Everything is looked at once more. A round that has begun ends first, so that changes which
  // follow each other closely keep no session from its turn.
  void begin();

 private:
  struct Seen {
    std::size_t ended = 0;
    std::size_t disconnected = 0;
    std::size_t subscriptions = 0;
  };
  void go_on();
  void look_at(Session& session);
  void report();

  Worker& worker_;
  bool runs_ = false;
  bool again_ = false;
  std::size_t bucket_ = 0;   // of the worker's sessions, the next to be looked at
  std::size_t buckets_ = 0;  // as many there were: with another number all are looked at again
  Seen seen_;
};

}  // namespace sluice::broker
