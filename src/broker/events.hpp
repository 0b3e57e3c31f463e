#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/event_loop.hpp"
#include "broker/event_listener.hpp"
#include "broker/limits.hpp"

namespace sluice::model {
struct Message;
}

namespace sluice::broker {

struct Client;
class Worker;

// What happens on one worker, as messages of the server: `$events/...` and `$SYS/...`, of QoS 0,
// through the log like every other message. Nothing is made while nobody is subscribed to it; who
// listens (Broker::event_listener) is told all the same, of as many as it admits.
//
// Owns:    those of this turn, at most kMaximum and kMaximumBytes; what is more is counted
//          (sluice_events_dropped_total) and left out, so that no publish waits for them.
// Threads: its worker's own.
class Events {
 public:
  static constexpr std::size_t kMaximum = kEventsInATurn;
  static constexpr std::size_t kMaximumBytes = kEventBytesInATurn;
  static constexpr std::size_t kMessagesPerSecond = kMessageEventsPerSecond;
  static constexpr std::size_t kStatesAtOnce = 20;
  static constexpr std::chrono::seconds kStateInterval{5};

  explicit Events(Worker& worker) : worker_(worker) {}

  // Before add(), which goes to whom it was said for.
  [[nodiscard]] bool wants(Event event);
  // With `event`, `clientid`, `username`, `peername`, `node` and `timestamp` in front of `details`.
  void add(Event event, const Client& client, boost::json::object details);
  // Of a message that `receiver` was to get.
  void add_undelivered(const Client& receiver, const model::Message& message,
                       std::string_view reason);
  // Anything else, if somebody is subscribed to it.
  void add(std::string topic, std::string payload);
  // How something stands, e.g. a task: what one subject has to tell is bounded to kStatesAtOnce,
  // and one in kStateInterval from then on; the newest is told in the end. Two tasks that carry
  // each other's events and fail at them would tell each other for ever.
  void add_state(const std::string& subject, std::string topic, std::string payload);

  // Into this turn's publishes.
  void flush();
  [[nodiscard]] bool empty() const { return waiting_.empty(); }

 private:
  struct Entry {
    std::string topic;
    std::string payload;
    std::string client_id;  // whom it is about
    std::string username;
    std::string host;
    bool has_username = false;
  };
  [[nodiscard]] bool wants(std::string_view topic) const;
  [[nodiscard]] bool is_in_time(Event event);
  void tell(const Client& client, std::string topic, const boost::json::object& shown);
  void keep(Entry entry);
  struct Subject {
    std::size_t told = 0;  // of those that it may tell at once
    EventLoop::Time last{};
    bool is_late = false;  // `newest` waits for its time
    Entry newest;
  };
  void tell_late(const std::string& name);

  Worker& worker_;
  std::vector<Entry> waiting_;
  std::size_t bytes_ = 0;
  EventLoop::Time second_{};  // in which so many were made
  std::size_t messages_ = 0;
  std::map<std::string, Subject> subjects_;  // that have told something lately
  bool is_admitted_ = false;                 // by the listener, the one that comes next
};

}  // namespace sluice::broker
