#pragma once
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "base/result.hpp"

namespace sluice::connect::processing {

// Where `#/definitions/name` leads: the value and the place of it as a JSON pointer.
struct Target {
  const boost::json::value* value = nullptr;
  std::string pointer = {};
};

// Otherwise why it leads nowhere.
[[nodiscard]] Result<Target, std::string> follow(const boost::json::value& root,
                                                 const boost::json::value& reference);

// One step further down, as a JSON pointer writes it.
[[nodiscard]] std::string below(std::string_view pointer, std::string_view name);

}  // namespace sluice::connect::processing
