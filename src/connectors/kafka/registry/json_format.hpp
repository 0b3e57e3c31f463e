#pragma once
#include <memory>

#include "connectors/kafka/registry/format.hpp"

namespace sluice::connectors::kafka::registry {

// JSON stays as it is: byte for byte. Whether it meets the schema is found out elsewhere, in a
// process of its own: connect/processing.
class JsonFormat final : public Format {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Format>, std::string> make(const SchemaText& text,
                                                                         std::string_view record);
  [[nodiscard]] Result<void, std::string> encode(const boost::json::value& value,
                                                 std::string_view text,
                                                 std::string& out) const override;
  [[nodiscard]] Result<std::string, std::string> decode(std::string_view bytes) const override;
  [[nodiscard]] std::string record() const override { return title_; }

 private:
  explicit JsonFormat(std::string title) : title_(std::move(title)) {}
  const std::string title_;
};

}  // namespace sluice::connectors::kafka::registry
