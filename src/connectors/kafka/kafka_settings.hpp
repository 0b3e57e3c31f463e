// From the settings of a connection and a sink to properties of the client library.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/schema.hpp"
#include "connectors/kafka/kafka_client.hpp"
#include "io/tls_probe.hpp"

namespace sluice::connectors::kafka {

// Rules across fields, certificates that are none, and `properties` against the list of what may be
// set.
void check_settings(const boost::json::object& settings, std::vector<schema::Problem>& problems);
// The secret does not go to another `token_url`.
void check_change(const boost::json::object& before, const boost::json::object& after,
                  const boost::json::object& given, std::vector<schema::Problem>& problems);

[[nodiscard]] bool uses_tls(const boost::json::object& settings);
// Certificates and key, from fields or Java's properties.
[[nodiscard]] io::TlsIdentity tls_identity_of(const boost::json::object& settings);

struct Server {
  std::string host, port;  // without brackets
};
// Of `bootstrap_servers`.
[[nodiscard]] std::vector<Server> servers_of(std::string_view list);

// Addresses, security and the properties of the connection: what every client needs.
[[nodiscard]] Properties client_properties(const boost::json::object& settings);
// Where it gets its tokens, with OAUTHBEARER.
[[nodiscard]] std::optional<TokenEndpoint> tokens_of(const boost::json::object& settings);
// How long records of a flow may gather before the producer sees them: out of the task's
// `linger_ms`, whose rest is the producer's.
[[nodiscard]] std::chrono::milliseconds gather_time(const boost::json::object& sink);
// And what a producer needs besides, for the task's `sink`. `batch_bytes` may be smaller than the
// sink's own, for a topic that takes less. With a `transactional_id` it writes in transactions.
[[nodiscard]] Properties producer_properties(const boost::json::object& settings,
                                             const boost::json::object& sink,
                                             const std::string& client_id, std::size_t batch_bytes,
                                             const std::string& transactional_id = {});

}  // namespace sluice::connectors::kafka
