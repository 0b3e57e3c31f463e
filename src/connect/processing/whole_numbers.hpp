#pragma once
#include <boost/json/value.hpp>

#include "connect/processing/keyword_values.hpp"

namespace sluice::connect::processing {

// Writes numbers so that the library sees in them what JSON Schema does. 1.0 and 1e3 are whole
// numbers (since draft 6: json-schema-validation, section 6.1.1); one beyond 63 bits is a number,
// which the library would hold against no bound.
void make_whole(boost::json::value& value, Draft draft);

// Whether a string, or the name of a member, contains U+0000: the library would see no more of it
// than what stands before.
[[nodiscard]] bool has_nul(const boost::json::value& value);

}  // namespace sluice::connect::processing
