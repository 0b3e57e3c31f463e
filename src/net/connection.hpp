#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/descriptor.hpp"
#include "base/event_loop.hpp"
#include "broker/client_connection.hpp"
#include "broker/limits.hpp"
#include "broker/link.hpp"
#include "broker/worker.hpp"
#include "net/layers.hpp"

namespace sluice::net {

inline constexpr std::size_t kReadBuffer = 256 * 1024;  // one for each worker
inline constexpr std::size_t kMinimumRead = 64 * 1024;
// At a time from a client that may be held back: what it has sent too early is kept.
inline constexpr std::size_t kPacedRead = 16 * 1024;

class Connection;
class Handshakes;

// What the connections of one listener have together.
class Listening {
 public:
  // Of connections with layers: what is read before they have worked on it, what they give out.
  struct WireBuffers {
    std::string input;
    std::string output;
  };

  virtual ~Listening() = default;
  // Into which the connections of that worker read.
  [[nodiscard]] virtual std::string& read_buffer(const broker::Worker& worker) = 0;
  [[nodiscard]] virtual WireBuffers& wire_buffers(const broker::Worker& worker) = 0;
  [[nodiscard]] virtual Handshakes& handshakes(const broker::Worker& worker) = 0;
  [[nodiscard]] virtual broker::ListenerName listener_name() const = 0;
  // A TLS handshake is done; or why a connection's layers ended.
  virtual void note_handshake(const Layers& layers) = 0;
  virtual void note_failure(const std::string& host, const Layers& layers) = 0;
  virtual void note_end() = 0;
  // Takes the socket and what was read to the worker on which the client's session lives. False: it
  // is this one.
  virtual bool move(Connection& connection, std::string_view client_id, std::string received) = 0;
};

// One TCP connection of an MQTT client: bytes to packets, packets to bytes.
//
// Bytes are read into the worker's one large buffer and packets are decoded there in place; only
// the beginning of a packet that is not complete is kept, so an idle connection holds no buffer.
// Output is collected and written once per turn. What has layers between (TLS) reads and writes
// through them: connection_layers.cpp.
//
// Owns:    its socket. Is itself owned by the worker's loop for as long as that is open.
// Threads: its worker's own.
class Connection final : public broker::Link,
                         public Watched,
                         public std::enable_shared_from_this<Connection> {
 public:
  // `socket` does not block. `listening` lives longer. `layers`: none for plain TCP.
  Connection(Descriptor socket, std::unique_ptr<Layers> layers, broker::Worker& worker,
             Listening& listening);
  ~Connection() override;

  // `host`: the peer's address. `received`: bytes that were read before the connection came to this
  // worker; it does not go on to another one then.
  void start(std::string host, std::string_view received);
  [[nodiscard]] Descriptor take_socket();
  [[nodiscard]] std::unique_ptr<Layers> take_layers() { return std::move(layers_); }
  [[nodiscard]] broker::Worker& worker() { return worker_; }
  [[nodiscard]] const std::string& host() const { return client_->host(); }

  void on_ready(std::uint32_t readiness) override;
  void on_loop_end() override;
  void shake_hands();  // its turn has come among the handshakes of the worker

  [[nodiscard]] std::string& output() override { return output_; }
  [[nodiscard]] std::size_t waiting_bytes() const override {
    return output_.size() + (unsent_ ? unsent_->bytes.size() - unsent_->sent : 0);
  }
  void flush() override;
  void close_after_output() override;
  void hold_reading(bool hold) override;
  [[nodiscard]] std::optional<broker::PeerCertificate> certificate() const override {
    return layers_ && layers_->tls() != nullptr ? layers_->tls()->certificate() : std::nullopt;
  }

 private:
  void read_all();
  [[nodiscard]] bool may_read();
  [[nodiscard]] std::size_t most_to_read(std::size_t room) const;
  void read_later();
  void consume(std::string_view bytes);
  [[nodiscard]] bool belongs_elsewhere(const mqtt::Frame& frame, std::string_view bytes);
  void keep(std::string_view rest);
  [[nodiscard]] bool count_kept(std::size_t bytes);
  void note_drained(std::size_t size);
  void write_more();
  void end_sending();
  void drop_input();
  [[nodiscard]] bool send_some(std::string_view bytes, std::size_t& sent);
  void end();

  // --- with layers
  void read_layers();
  void wait_for_handshake();
  void take_wire(std::string_view wire);
  void adopt_certified_user();
  void flush_layers();
  [[nodiscard]] bool send_wire(std::string_view wire);
  [[nodiscard]] bool finish_layers();
  void close_from_below();

  Descriptor socket_;
  bool may_move_ = false;
  bool held_ = false;
  bool reads_later_ = false;
  bool reads_when_drained_ = false;
  bool hung_up_ = false;  // the peer sends no more: read to the end without waiting to be told
  bool closing_ = false;
  bool ended_ = false;
  bool waits_for_handshake_ = false;
  bool counted_as_stranger_ = false;
  bool ended_below_ = false;   // once what was read before is handled
  std::uint32_t dropped_ = 0;  // input of a peer that was told that the connection ends
  std::uint32_t counted_ = 0;  // of partial_, for the bound on that of all clients
  broker::Worker& worker_;
  Listening& listening_;
  std::shared_ptr<broker::ClientConnection> client_;
  std::string partial_;  // the beginning of a packet, or what was read while reading is held
  std::string output_;
  // What the operating system did not take yet, of a peer that reads slowly.
  struct Unsent {
    std::string bytes;
    std::size_t sent = 0;
  };
  std::unique_ptr<Unsent> unsent_;
  std::unique_ptr<Layers> layers_;
};

}  // namespace sluice::net
