// An outside MQTT server: where it is and who we are there, from the settings of a connection.
#pragma once
#include <chrono>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "base/schema.hpp"
#include "connect/registry.hpp"
#include "io/stream.hpp"
#include "mqtt/packet.hpp"

namespace sluice::connectors::bridge {

namespace wire = sluice::mqtt;

struct Target {
  std::string host;
  std::uint16_t port = 1883;
  bool is_tls = false;
  io::TlsIdentity identity;
  wire::Version version = wire::Version::V5;
  std::string username;  // empty: none
  std::string password;
  std::chrono::seconds keep_alive{30};

  [[nodiscard]] std::string place() const { return host + ":" + std::to_string(port); }
};

[[nodiscard]] Target target_of(const boost::json::object& settings);
[[nodiscard]] schema::Fields connection_fields();
void check_settings(const boost::json::object& settings, std::vector<schema::Problem>& problems);
void check_change(const boost::json::object& before, const boost::json::object& after,
                  const boost::json::object& given, std::vector<schema::Problem>& problems);

// Bytes both ways, with TLS where the target wants it. Blocks. Errors: as io::connect_to() and
// io::TlsProbe::open(), with the place.
[[nodiscard]] Result<io::Stream> reach(const Target& target, io::Deadline until);

// The session that is asked for.
struct Session {
  std::string client_id;
  bool is_clean = true;
  std::chrono::seconds expiry{0};
  std::uint16_t receive_maximum = 65535;
  std::size_t maximum_packet_size = std::size_t{16} << 20;
};

// CONNECT, and DISCONNECT once it is answered. Errors: as the stream, NotAuthorized.
[[nodiscard]] Result<void> log_in(io::Stream& stream, const Target& target, const Session& session,
                                  io::SteadyTime until);
// The bytes of CONNECT.
[[nodiscard]] std::string connect_packet(const Target& target, const Session& session);
// Why a CONNACK refuses, and what to do about it.
[[nodiscard]] std::string why_refused(wire::ReasonCode reason);

// Resolves, connects, shakes hands and logs in, as a client that leaves nothing behind.
[[nodiscard]] std::vector<connect::VerifyStep> verify(const boost::json::object& settings,
                                                      std::string_view topic);

}  // namespace sluice::connectors::bridge
