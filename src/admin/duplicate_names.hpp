#pragma once
#include <string_view>
#include <vector>

#include "base/schema.hpp"

namespace sluice::admin {

// The names that an object of this JSON text has twice: a parsed value only holds the last one.
// At most ten, and none of a text that is not JSON or nested deeper than `maximum_depth`.
[[nodiscard]] std::vector<schema::Problem> duplicate_names(std::string_view text,
                                                           std::size_t maximum_depth);

}  // namespace sluice::admin
