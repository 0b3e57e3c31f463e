#pragma once
#include <string>

#include <boost/json/value.hpp>

namespace sluice {

// JSON for people too: 2.028 and 0, where the library writes 2.028E0 and 0E0.
[[nodiscard]] std::string json_text(const boost::json::value& value);

}  // namespace sluice
