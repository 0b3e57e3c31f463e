#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "broker/access/policy.hpp"
#include "broker/access_control.hpp"

namespace sluice::broker {

enum class Operation : std::uint8_t { Connect, Publish, Subscribe, Receive };

// What somebody would want to do.
struct AccessQuestion {
  Operation operation = Operation::Connect;
  std::string topic = {};  // the filter of a Subscribe, without `$share/{group}/`
  mqtt::Qos qos = mqtt::Qos::AtMostOnce;
  bool retain = false;
};
[[nodiscard]] bool is_allowed(const Permissions& permissions, const AccessQuestion& asked);
// Does this policy, which concerns the client, say yes or no to it? Of Receive only denies do.
[[nodiscard]] bool speaks_on(const Policy& policy, const Client& client,
                             const AccessQuestion& asked);

// Those that concern the client, whatever it does.
[[nodiscard]] std::vector<const Policy*> concerning_policies(const PolicySet& policies,
                                                             const Client& client);
// What `policies` allow this client.
[[nodiscard]] PermissionsPtr compile_permissions(const PolicySet& policies, const Client& client);
// With the policy switch off.
[[nodiscard]] PermissionsPtr everything_allowed();

}  // namespace sluice::broker
