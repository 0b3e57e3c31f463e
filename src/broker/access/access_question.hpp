#pragma once
#include <string>

#include "broker/access/permissions.hpp"

namespace sluice::broker {

// Why they do not let this client do it, in a sentence: which one denies it, or that none allows
// it. Contract: they do not.
[[nodiscard]] std::string why_denied(const PolicySet& policies, const Client& client,
                                     const AccessQuestion& asked);

}  // namespace sluice::broker
