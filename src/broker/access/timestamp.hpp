#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::broker {

// RFC 3339, UTC, with milliseconds: `2026-03-01T12:00:00.000Z`.
[[nodiscard]] std::string rfc3339(std::int64_t wall_ms);
// The way back, with or without a fraction of the second; only `Z` is taken for a zone.
[[nodiscard]] std::optional<std::int64_t> parse_utc(std::string_view text);

}  // namespace sluice::broker
