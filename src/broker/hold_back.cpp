// Who is read no further for a while, and for how long.
// A client that publishes faster than `mqtt.messages_per_second_per_client` allows is read no
// further for a while. Its own TCP connection fills up then and holds it back: it is not
// disconnected, nothing of it is lost, and no other client waits for it.
#include <algorithm>

#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

bool ClientConnection::is_paced() const {
  return worker_.broker().limits(client_->listener).messages_per_second != 0;
}

void ClientConnection::hold_back(std::uint32_t per_second) {
  const auto now = worker_.loop().now();
  const auto wait = pace_.take(per_second, now);
  if (wait == PublishPace::Wait::zero() || state_ != State::Open) return;
  is_held_back_ = true;
  link_->hold_reading(true);
  auto& broker = worker_.broker();
  const std::chrono::duration<double> seconds = wait;
  held_back_s_ += static_cast<float>(seconds.count());
  broker.counters().held_back_seconds.observe(seconds.count());
  if (const auto untold = broker.client_lines().due(client_->host))
    log::info("client held back: it publishes faster than it may",
              {{"client_id", client_->client_id},
               {"host", client_->host},
               {"messages_per_second_per_client", per_second},
               {"untold", *untold}});
  worker_.timers().at(now + wait, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->go_on();
  });
}

void ClientConnection::go_on() {
  is_held_back_ = false;
  if (state_ != State::Open || waits_for_room_) return;
  note_heard();
  link_->hold_reading(false);
}

// A task that is told to `block` has no room for more. What came has been taken; the client is read
// no further until there is.
void ClientConnection::wait_for_room(const MatchPtr& match) {
  auto& broker = worker_.broker();
  const auto is_full = [&](const PublishLimitPtr& limit) {
    return limit->is_reached(broker.store().head());
  };
  if (has_left_ || waits_for_room_ || std::ranges::none_of(match->limits, is_full)) return;
  waits_for_room_ = true;
  link_->hold_reading(true);
  worker_.room().wait(weak_from_this(), match);
  if (const auto untold = broker.client_lines().due(client_->host))
    log::info("client held back: a task that it publishes for has no room",
              {{"client_id", client_->client_id}, {"host", client_->host}, {"untold", *untold}});
  for (const auto& limit : match->limits) limit->tell_held();
}

// There is nobody left to hold back. What it has sent is read to the end, so that its DISCONNECT or
// its will counts at once; that is no more than a socket holds.
void ClientConnection::on_left() {
  has_left_ = true;
  if (!waits_for_room_) return;
  on_room();
  worker_.room().look_soon();
}

void ClientConnection::on_room() {
  waits_for_room_ = false;
  if (state_ != State::Open || is_held_back_) return;
  note_heard();
  link_->hold_reading(false);
}

}  // namespace sluice::broker
