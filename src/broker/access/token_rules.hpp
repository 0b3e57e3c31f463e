#pragma once
#include <memory>
#include <vector>

#include <boost/json/value.hpp>

#include "base/result.hpp"
#include "broker/access/policy.hpp"
#include "broker/limits.hpp"

namespace sluice::broker {

// The topic rules that a claim carries, as policies of that login alone, with one that lets it
// connect. Two forms, as EMQX has them:
//
//   {"pub": ["a/${username}/#"], "sub": [...], "all": [...]}
//   [{"permission": "allow", "action": "publish", "topic": "a/b", "qos": [0, 1], "retain": false}]
//
// What is not understood is an error, never left out: it might be a deny. There is no order among
// them: a deny wins, as among all policies.
// Errors: InvalidArgument, what is wrong without anything of the token.
[[nodiscard]] Result<std::vector<PolicyPtr>> token_rules(const boost::json::value& claim);

}  // namespace sluice::broker
