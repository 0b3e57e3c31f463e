#pragma once
#include <string>

#include <boost/json/object.hpp>

#include "connect/registry.hpp"

namespace sluice::admin {

// OpenAPI 3.1, made from routes() and from what the connectors declare: nothing of it is written by
// hand.
[[nodiscard]] boost::json::object openapi_document(const connect::Registry& connectors);
[[nodiscard]] std::string openapi_yaml(const connect::Registry& connectors);

// Any JSON as YAML blocks, in the order of its members.
[[nodiscard]] std::string to_yaml(const boost::json::value& value);

}  // namespace sluice::admin
