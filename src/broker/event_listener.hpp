#pragma once
#include <cstdint>

#include <boost/json/object.hpp>

namespace sluice::broker {

enum class Event : std::uint8_t {
  ClientConnected,
  ClientDisconnected,
  SessionCreated,
  SessionSubscribed,
  SessionUnsubscribed,
  SessionTerminated,
  MessageDropped,      // a publish that was given up
  MessageUndelivered,  // for one client
};

// Who is told of events besides those who are subscribed to them.
//
// Threads: any worker's; neither call blocks.
class EventListener {
 public:
  virtual ~EventListener() = default;
  // Whether it takes one more now: of very many it wants some, and counts the others.
  [[nodiscard]] virtual bool admits(Event event) = 0;
  // One that it has admitted, as `$events/...` shows it.
  virtual void take(Event event, boost::json::object shown) = 0;
};

}  // namespace sluice::broker
