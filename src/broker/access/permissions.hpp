#pragma once
#include "broker/access/policy.hpp"
#include "broker/access_control.hpp"

namespace sluice::broker {

// What `policies` allow this client.
[[nodiscard]] PermissionsPtr compile_permissions(const PolicySet& policies, const Client& client);
// With the policy switch off.
[[nodiscard]] PermissionsPtr everything_allowed();

}  // namespace sluice::broker
