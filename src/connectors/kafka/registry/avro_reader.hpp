#pragma once
#include <string>
#include <string_view>

#include "connectors/kafka/registry/avro_schema.hpp"

namespace sluice::connectors::kafka::registry {

// One value in Avro's binary form as JSON: of a union the value alone, of bytes text with one
// character up to U+00FF for each. Errors: why it is none, with its place.
[[nodiscard]] Result<std::string, std::string> avro_to_json(const AvroSchema& schema,
                                                            std::string_view bytes);

}  // namespace sluice::connectors::kafka::registry
