#pragma once
#include <optional>

#include <boost/json/value.hpp>

#include "connect/processing/keyword_values.hpp"
#include "connect/processing/schema_check.hpp"

namespace sluice::connect::processing {

// Which draft a schema names; without a name it is draft 7.
[[nodiscard]] Draft draft_of(const boost::json::value& schema);

// Writes a schema so that the library reads it as it is meant. Otherwise what the library would
// pass over in silence, find out with the first message, or die of: keywords that it does not know,
// values that they cannot have, references that lead out of the document or round in a circle,
// patterns that are none.
[[nodiscard]] std::optional<SchemaFault> write_for_library(boost::json::value& schema, Draft draft);

}  // namespace sluice::connect::processing
