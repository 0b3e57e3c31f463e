// What a connection must do in time, and how long it may last.
#include <algorithm>

#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/session.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

using mqtt::ReasonCode;

void ClientConnection::on_deadline() {
  const auto self = shared_from_this();  // closing lets go of it
  switch (state_) {
    case State::AwaitingConnect:
      worker_.broker().counters().disconnects_no_connect.add();
      close();
      return;
    case State::Authenticating:
      refuse_with_connack(ReasonCode::NotAuthorized, "the login took too long");
      return;
    case State::Deciding:  // also when the answer waits for a disk that takes nothing
      refuse_with_connack(ReasonCode::ServerUnavailable);
      return;
    case State::Open:
      on_open_deadline();
      return;
    case State::Closed:
      return;
  }
}

void ClientConnection::note_heard() {
  last_heard_ = worker_.deadlines().tick_at(worker_.loop().now());
}

void ClientConnection::watch_deadlines() {
  if (state_ != State::Open) return;
  const auto due = std::min(silent_too_long(), login_ends());
  if (due != Deadlines::Time::max()) worker_.deadlines().set(*this, due);
}

void ClientConnection::on_open_deadline() {
  const auto now = worker_.broker().clock().steady();
  if (now >= login_ends()) {
    log::debug("client disconnected: its login has expired", {{"client_id", client_->client_id}});
    disconnect(ReasonCode::NotAuthorized);
    return;
  }
  // It may have sent what we do not read.
  if (is_held_back_ || waits_for_room_ || worker_.stalled()) note_heard();
  if (now < silent_too_long())
    watch_deadlines();
  else
    disconnect(ReasonCode::KeepAliveTimeout);
}

Deadlines::Time ClientConnection::login_ends() const {
  const auto* terms = client_->terms.get();
  return terms == nullptr ? Deadlines::Time::max() : terms->ends.value_or(Deadlines::Time::max());
}

// A client is heard of at least every one and a half keep-alive times. [MQTT-3.1.2-22]
Deadlines::Time ClientConnection::silent_too_long() const {
  if (keep_alive_s_ == 0) return Deadlines::Time::max();
  return worker_.deadlines().end_of(last_heard_) +
         std::chrono::milliseconds(1500 * std::int64_t{keep_alive_s_});
}

}  // namespace sluice::broker
