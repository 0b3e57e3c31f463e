#include "net/handshakes.hpp"

#include <utility>

#include "broker/broker.hpp"
#include "net/connection.hpp"

namespace sluice::net {

void Handshakes::wait(std::shared_ptr<Connection> connection) {
  waiting_.push_back(std::move(connection));
  expect_round();
}

// What is posted during a round runs at its end, or in the next one: never twice in the same.
void Handshakes::expect_round() {
  if (std::exchange(expects_round_, true)) return;
  worker_.post([this] {
    expects_round_ = false;
    run();
  });
}

void Handshakes::run() {
  const auto& clock = worker_.broker().clock();
  const auto end = clock.steady() + kPerRound;
  do {
    if (waiting_.empty()) return;
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    next->shake_hands();
  } while (clock.steady() < end);
  if (!waiting_.empty()) expect_round();
}

}  // namespace sluice::net
