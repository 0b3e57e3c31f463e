#pragma once
#include <vector>

#include <boost/json/object.hpp>

#include "base/schema.hpp"

namespace sluice::connectors::kafka {

[[nodiscard]] schema::Fields source_fields();
void check_source(const boost::json::object& source, std::vector<schema::Problem>& problems);

}  // namespace sluice::connectors::kafka
