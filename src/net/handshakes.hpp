#pragma once
#include <chrono>
#include <deque>
#include <memory>

#include "broker/worker.hpp"

namespace sluice::net {

class Connection;

// The TLS handshakes of one worker, in the order of their arrival: so much of them in each round of
// its loop that clients who are connected do not notice a thousand that begin at once.
//
// Owns:    a share in each connection that waits.
// Threads: the worker's own.
class Handshakes {
 public:
  // One private-key operation takes up to a millisecond or two (RSA), and there is at least one in
  // each round.
  static constexpr std::chrono::microseconds kPerRound{500};

  explicit Handshakes(broker::Worker& worker) : worker_(worker) {}

  // Connection::shake_hands() is called when it is its turn.
  void wait(std::shared_ptr<Connection> connection);

 private:
  void expect_round();
  void run();

  broker::Worker& worker_;
  std::deque<std::shared_ptr<Connection>> waiting_;
  bool expects_round_ = false;
};

}  // namespace sluice::net
