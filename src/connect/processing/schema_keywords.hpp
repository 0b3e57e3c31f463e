#pragma once
#include <optional>

#include <boost/json/value.hpp>

#include "connect/processing/schema_check.hpp"

namespace sluice::connect::processing {

// What the library would pass over in silence, or find out with the first message: keywords that it
// does not know, references that lead out of the document, patterns that are none.
[[nodiscard]] std::optional<SchemaFault> fault_in_keywords(const boost::json::value& schema);

}  // namespace sluice::connect::processing
