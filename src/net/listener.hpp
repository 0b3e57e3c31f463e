#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.hpp"
#include "base/guarded.hpp"
#include "base/line_limit.hpp"
#include "base/result.hpp"
#include "broker/access/policy.hpp"
#include "broker/broker.hpp"
#include "net/connection.hpp"
#include "net/counters.hpp"

namespace sluice::net {

struct ListenerOptions {
  std::string name;                            // in the settings
  std::optional<TlsServing> tls;               // none: not encrypted
  std::optional<WebSocketServing> web_socket;  // none: packets stand in TCP or TLS as they are
  // Proxies that say whom they pass on: addresses and ranges.
  std::vector<broker::Network> proxies = {};
  std::uint32_t connections = UINT32_MAX;  // at one time
};

// Accepts MQTT clients over TCP, TLS and WebSocket and spreads them over the workers.
//
// Owns:    the listening socket, the workers' read buffers, the certificates.
// Threads: open() and close() from one thread; accepting happens on the first worker.
// Fails:   open() when the address is taken or not ours, saying which.
class Listener final : public Listening {
 public:
  Listener(broker::Broker& broker, ListenerOptions options, Counters& counters);
  ~Listener() override;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Binds and listens; nothing is accepted before start(). `host`: an address, not a name.
  [[nodiscard]] Result<void> open(const std::string& host, std::uint16_t port);
  void start();
  void close();
  [[nodiscard]] std::string address() const { return address_; }  // host:port as bound

  // Before open(), and again whenever the files may have changed; for connections that begin from
  // then on. Errors: which file, and
  // why; the old ones stay.
  [[nodiscard]] Result<void> load_certificates();
  // When the first of them expires, in seconds since 1970; none: it has none.
  [[nodiscard]] std::optional<std::int64_t> certificates_expire_s() const;
  [[nodiscard]] const std::string& name() const { return options_.name; }

  [[nodiscard]] std::string& read_buffer(const broker::Worker& worker) override;
  [[nodiscard]] WireBuffers& wire_buffers(const broker::Worker& worker) override;
  [[nodiscard]] Handshakes& handshakes(const broker::Worker& worker) override;
  [[nodiscard]] broker::ListenerName listener_name() const override { return name_; }
  void note_handshake(const Layers& layers) override;
  void note_failure(const std::string& host, const Layers& layers) override;
  void note_end() override { open_.fetch_sub(1, std::memory_order_relaxed); }
  bool move(Connection& connection, std::string_view client_id, std::string received) override;

 private:
  class Acceptor;
  struct Wire;
  // A connection on its way to its worker.
  struct Arriving {
    Descriptor socket;
    std::string host;
    std::string received;
    std::unique_ptr<Layers> layers;
    bool by_proxy = false;
  };
  void accept();
  void pause(int reason);
  [[nodiscard]] bool has_room_for(const Descriptor& socket);
  void refuse(std::string_view reason, std::int64_t most);
  [[nodiscard]] std::unique_ptr<Layers> new_layers(bool by_proxy) const;
  void adopt(Arriving arriving, broker::Worker& worker);

  broker::Broker& broker_;
  const ListenerOptions options_;
  const broker::ListenerName name_;
  Counters& counters_;
  Guarded<std::shared_ptr<const io::TlsContext>> tls_;
  std::shared_ptr<const WebSocketServing> web_socket_;
  LineLimit failure_lines_;
  Descriptor socket_;
  std::string address_;
  std::vector<std::string> read_buffers_;     // by worker
  std::vector<std::unique_ptr<Wire>> wires_;  // by worker; none for plain TCP
  std::size_t next_ = 0;
  const int highest_descriptor_;  // that a client may have
  std::chrono::steady_clock::time_point next_warning_;
  std::atomic<std::uint32_t> open_{0};  // connections
  bool started_ = false;
  bool closed_ = false;
};

}  // namespace sluice::net
