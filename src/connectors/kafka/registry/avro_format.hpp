#pragma once
#include <memory>

#include "connectors/kafka/registry/avro_schema.hpp"

namespace sluice::connectors::kafka::registry {

// From JSON to Avro's binary form. What JSON may say for each type: docs/guide/schema-registry.md.
class AvroFormat final : public Format {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Format>, std::string> make(const SchemaText& text,
                                                                         std::string_view record);
  [[nodiscard]] Result<void, std::string> encode(const boost::json::value& value,
                                                 std::string_view text,
                                                 std::string& out) const override;
  [[nodiscard]] Result<std::string, std::string> decode(std::string_view bytes) const override;
  [[nodiscard]] std::string record() const override;

 private:
  explicit AvroFormat(AvroSchema schema) : schema_(std::move(schema)) {}
  AvroSchema schema_;
};

}  // namespace sluice::connectors::kafka::registry
