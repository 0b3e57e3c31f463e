#pragma once
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

namespace sluice::connect::processing {

enum class Draft : std::uint8_t { Four, Later };

// Why a keyword of JSON Schema cannot have this value; nothing: it can, or it is no keyword that
// says anything about payloads. What stands in a schema below is not looked into.
[[nodiscard]] std::optional<std::string> fault_in_value(std::string_view keyword,
                                                        const boost::json::value& value,
                                                        Draft draft);

[[nodiscard]] bool is_pattern(std::string_view text);

}  // namespace sluice::connect::processing
