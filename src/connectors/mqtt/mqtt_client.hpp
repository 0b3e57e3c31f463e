#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/descriptor.hpp"
#include "connectors/mqtt/mqtt_target.hpp"
#include "mqtt/codec.hpp"

namespace sluice::connectors::bridge {

// A client of an outside MQTT server that comes back by itself, with a session that stays. It knows
// packets; what they mean is its listener's.
//
// Owns:    the connection, and the thread that reads it.
// Threads: send(), hold() and away() from any. The listener is called on the client's thread.
// Fails:   never by itself: what keeps it away is in away(), and it tries again.
class MqttClient {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // Connected: what it asks for first. On this connection alone, numbered from 1. With an error
    // the connection is given up.
    [[nodiscard]] virtual Result<std::string> on_connected(const wire::Connack& connack,
                                                           std::uint64_t connection) = 0;
    // A packet of the server, but PINGRESP and DISCONNECT. What is wrong with it, if it is: then
    // the connection is given up.
    [[nodiscard]] virtual std::string on_packet(const wire::Packet& packet,
                                                std::uint64_t connection) = 0;
    // Something about away() has changed.
    virtual void on_change() = 0;
  };

  // `listener` outlives it.
  MqttClient(Target target, Session session, Listener& listener);
  ~MqttClient();
  MqttClient(const MqttClient&) = delete;
  MqttClient& operator=(const MqttClient&) = delete;

  void start();  // once whoever listens knows it
  // Packets on a connection; dropped when it is not that one any more.
  void send(std::uint64_t connection, std::string_view packets);
  // Whether the socket is left unread: the server fills its window and waits.
  void hold(bool is_held);
  // Ends that connection and makes another one.
  void drop(std::uint64_t connection);
  // Why the server is not reached; empty: it is.
  [[nodiscard]] std::string away() const;
  // Says what is left, and goodbye, and ends. Blocks for about a second at most: a server that
  // takes nothing is not waited for.
  void stop();

 private:
  using Time = io::SteadyTime;

  void run();
  [[nodiscard]] Result<void> open();
  [[nodiscard]] Result<void> serve();
  [[nodiscard]] Result<void> read_some(io::Deadline until);
  [[nodiscard]] Result<void> read_ready();
  [[nodiscard]] Result<void> take_packets();
  [[nodiscard]] Result<void> take(const wire::Frame& frame);
  [[nodiscard]] Result<void> flush();
  [[nodiscard]] Result<void> keep_alive(Time now);
  [[nodiscard]] bool is_stopping() const;
  [[nodiscard]] bool is_dropped() const;
  void wait(Time until);
  void wake();
  [[nodiscard]] io::Deadline within(std::chrono::milliseconds time) const;
  void set_away(std::string reason);

  const Target target_;
  const Session session_;
  Listener& listener_;
  Descriptor wake_;  // eventfd
  Descriptor cut_;   // eventfd: can be read once nothing is waited for any more

  mutable std::mutex mutex_;  // guards the seven that follow
  std::condition_variable ended_;
  std::string outbox_;
  std::uint64_t connection_ = 0;  // the one that is open, or was last
  bool is_connected_ = false;
  bool is_stopping_ = false;
  bool has_ended_ = false;
  bool is_dropped_ = false;
  std::string away_;
  std::atomic<bool> is_held_{false};

  // The client's thread only.
  std::optional<io::Stream> stream_;
  std::string input_;
  Time last_heard_{}, last_said_{};
  bool is_pinging_ = false;
  std::thread thread_;
};

}  // namespace sluice::connectors::bridge
