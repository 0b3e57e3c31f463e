// What a user may do through a task that runs as it.
#pragma once
#include <memory>
#include <string>

#include "broker/access/policy.hpp"
#include "broker/access/state.hpp"
#include "broker/accounts.hpp"

namespace sluice::broker {

[[nodiscard]] AccountRightsPtr rights_by(std::shared_ptr<const PolicySet> policies,
                                         const Users& users, const std::string& user,
                                         const std::string& client_id);
// With the policy switch off.
[[nodiscard]] AccountRightsPtr all_rights();

}  // namespace sluice::broker
