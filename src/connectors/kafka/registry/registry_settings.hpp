#pragma once
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "base/schema.hpp"

namespace sluice::connectors::kafka::registry {

// `schema_registry` of a Kafka connection.
[[nodiscard]] schema::Field registry_field();
// It, where the connection has one; else null.
[[nodiscard]] const boost::json::object* registry_of(const boost::json::object& settings);

// Contract: of a whole connection, as the next.
void check_registry(const boost::json::object& settings, std::vector<schema::Problem>& problems);
// Its secrets do not go to another `url`.
void check_registry_change(const boost::json::object& before, const boost::json::object& after,
                           const boost::json::object& given,
                           std::vector<schema::Problem>& problems);

}  // namespace sluice::connectors::kafka::registry
