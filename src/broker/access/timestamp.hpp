#pragma once
#include <cstdint>
#include <string>

namespace sluice::broker {

// RFC 3339, UTC, with milliseconds: `2026-03-01T12:00:00.000Z`.
[[nodiscard]] std::string rfc3339(std::int64_t wall_ms);

}  // namespace sluice::broker
