// Filters of dead letters, as queries have them: of the list, and of what acts on all that match.
#pragma once
#include <vector>

#include "admin/route.hpp"
#include "connect/letter_filter.hpp"

namespace sluice::admin {

[[nodiscard]] std::vector<Parameter> letter_parameters();
// What the query asks for, or the answer to a wrong one. One that is given and empty is wrong: what
// was meant to choose some would choose all.
[[nodiscard]] tl::expected<connect::LetterFilter, Response> letter_filter(const Call& call);

}  // namespace sluice::admin
