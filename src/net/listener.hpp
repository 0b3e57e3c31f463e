#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.hpp"
#include "base/result.hpp"
#include "broker/broker.hpp"
#include "net/connection.hpp"

namespace sluice::net {

// Accepts MQTT clients over TCP and spreads them over the workers.
//
// Owns:    the listening socket, the workers' read buffers.
// Threads: open() and close() from one thread; accepting happens on the first worker.
// Fails:   open() when the address is taken or not ours, saying which.
class Listener final : public Listening {
 public:
  explicit Listener(broker::Broker& broker);
  ~Listener() override;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Binds and listens; nothing is accepted before start(). `host`: an address, not a name.
  [[nodiscard]] Result<void> open(const std::string& host, std::uint16_t port);
  void start();
  void close();
  [[nodiscard]] std::string address() const { return address_; }  // host:port as bound

  [[nodiscard]] std::string& read_buffer(const broker::Worker& worker) override;
  bool move(Connection& connection, std::string_view client_id, std::string received) override;

 private:
  class Acceptor;
  void accept();
  void pause(int reason);
  [[nodiscard]] bool has_room_for(const Descriptor& socket);
  void adopt(Descriptor socket, std::string host, broker::Worker& worker,
             std::string_view received);

  broker::Broker& broker_;
  Descriptor socket_;
  std::string address_;
  std::vector<std::string> read_buffers_;  // by worker
  std::size_t next_ = 0;
  const int highest_descriptor_;  // that a client may have
  std::chrono::steady_clock::time_point next_warning_;
  bool started_ = false;
  bool closed_ = false;
};

}  // namespace sluice::net
