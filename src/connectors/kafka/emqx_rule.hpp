#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sluice::connectors::kafka {

// A rule of EMQX as far as a task can say the same: `SELECT * FROM "t/#", "u" WHERE qos > 0`.
struct EmqxRule {
  std::vector<std::string> filters;
  std::string where;  // in our language; empty: none
};

// Errors: what of it cannot be carried over, for a person.
[[nodiscard]] Result<EmqxRule, std::string> read_emqx_rule(std::string_view sql);

// `${.clientid}` -> `${clientid}`: the leading dot is all that our templates do not know.
[[nodiscard]] std::string emqx_template(std::string_view text);

}  // namespace sluice::connectors::kafka
