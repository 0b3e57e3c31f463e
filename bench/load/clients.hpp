#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "load/connection.hpp"
#include "load/meter.hpp"
#include "load/options.hpp"

namespace sluice::load {

[[nodiscard]] std::uint64_t now_ns();  // of a clock that only runs forward

// What the first bytes of every payload say: a subscriber sees how old a message is, and whether
// one is missing before it.
struct Stamp {
  std::uint64_t due_ns = 0;  // when it was to be sent, not when the socket had room
  std::uint32_t sequence = 0;
  std::uint32_t publisher = 0;
};

// What all clients of a run have seen so far.
struct Totals {
  std::uint64_t sent = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t refused = 0;
  std::uint64_t received = 0;
  std::uint64_t gaps = 0;  // messages that a later one of the same publisher overtook or replaced
  std::uint64_t repeats = 0;  // messages that came again, or behind a later one
  Histogram to_puback;        // from the due time to the PUBACK
  Histogram to_delivery;      // from the due time to the subscriber

  void clear_times() { to_puback.clear(), to_delivery.clear(); }
};

// A CONNECT of this client; a view of `client_id` and `options`.
[[nodiscard]] mqtt::Connect connect_of(const Options& options, const std::string& client_id);
// The same for a session that outlives the connection.
[[nodiscard]] mqtt::Connect persistent_connect_of(const Options& options,
                                                  const std::string& client_id);
// Ends the session of that name, if there is one.
void forget_session(const Options& options, const std::string& client_id);

class Client {
 public:
  Client(const Options& options, Totals& totals)
      : connection(options.host, options.port), totals_(totals) {}
  virtual ~Client() = default;
  virtual void on_readable() = 0;

  Connection connection;

 protected:
  [[nodiscard]] Totals& totals() { return totals_; }

 private:
  Totals& totals_;
};

// One publisher: the bytes of its PUBLISH are made once, only stamp and packet id differ.
class Publisher final : public Client {
 public:
  Publisher(const Options& options, Totals& totals, std::size_t number);
  void on_readable() override;

  // How many it may send now: QoS 1 is bound by the window; none while the socket is full.
  [[nodiscard]] std::size_t room() const;
  void send(std::size_t count, std::uint64_t due_ns);  // one write. Contract: count <= room()

  // With --rate: `owed` messages are due since `due_ns`; it sends what it may, now or later.
  void owe(std::uint64_t due_ns, std::size_t count);
  void send_owed();

  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
  [[nodiscard]] std::size_t owed() const { return owed_.size() - paid_; }

 private:
  void append(std::uint64_t due_ns);

  const Options& options_;
  std::uint32_t number_;
  std::string bytes_;  // a whole PUBLISH
  std::size_t stamp_at_ = 0;
  std::size_t id_at_ = 0;
  std::vector<std::uint64_t> due_of_;  // by packet id
  std::uint16_t next_id_ = 0;
  std::uint32_t sequence_ = 0;
  std::size_t in_flight_ = 0;
  std::vector<std::uint64_t> owed_;  // due times; those before paid_ are sent
  std::size_t paid_ = 0;
};

class Subscriber final : public Client {
 public:
  // With an empty filter it only takes up its session again.
  Subscriber(const Options& options, Totals& totals, const std::string& client_id,
             const std::string& filter);
  void on_readable() override;

 private:
  void count(const Stamp& stamp);

  bool ordered_;                     // not so for the members of a group
  std::vector<std::uint32_t> next_;  // sequence number by publisher
};

}  // namespace sluice::load
