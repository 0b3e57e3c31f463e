#pragma once
#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace sluice {

// JSON for people too: 2.028 and 0, where the library writes 2.028E0 and 0E0.
[[nodiscard]] std::string json_text(const boost::json::value& value);

// The member `name`; empty where there is none, or no string.
[[nodiscard]] std::string text_at(const boost::json::object& object, std::string_view name);

}  // namespace sluice
