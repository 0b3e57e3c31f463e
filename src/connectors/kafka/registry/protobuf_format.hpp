#pragma once
#include <memory>

#include "connectors/kafka/registry/format.hpp"

namespace sluice::connectors::kafka::registry {

// From JSON to Protobuf, as the library maps one to the other. Schemas are read from memory alone:
// an import means another schema of the registry, or one of Google's own types.
class ProtobufFormat final : public Format {
 public:
  // `record`: the message's full name; empty: the first message of the schema.
  [[nodiscard]] static Result<std::unique_ptr<Format>, std::string> make(const SchemaText& text,
                                                                         std::string_view record);
  ~ProtobufFormat() override;
  [[nodiscard]] Result<void, std::string> encode(const boost::json::value& value,
                                                 std::string_view text,
                                                 std::string& out) const override;
  [[nodiscard]] Result<std::string, std::string> decode(std::string_view bytes) const override;
  [[nodiscard]] std::string record() const override;
  [[nodiscard]] std::string indexes() const override;

 private:
  struct Schema;
  explicit ProtobufFormat(std::unique_ptr<Schema> schema);
  std::unique_ptr<Schema> schema_;
};

}  // namespace sluice::connectors::kafka::registry
