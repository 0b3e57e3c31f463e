#pragma once
#include <string>

#include "connectors/kafka/registry/format.hpp"

namespace sluice::connectors::kafka::registry {

// A JSON Schema and what it refers to as one schema: references become definitions of its own, for
// who holds values against it looks nowhere else. Errors: what it refers to is not there.
[[nodiscard]] Result<std::string, std::string> bundled(const SchemaText& schema);

}  // namespace sluice::connectors::kafka::registry
