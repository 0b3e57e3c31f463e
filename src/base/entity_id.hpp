#pragma once
#include <string>

#include "base/clock.hpp"

namespace sluice {

// A new immutable id of an entity: 26 characters of Crockford's base 32 (a ULID), sortable by the
// time of creation. Thread-safe.
[[nodiscard]] std::string new_entity_id(const Clock& clock);

}  // namespace sluice
