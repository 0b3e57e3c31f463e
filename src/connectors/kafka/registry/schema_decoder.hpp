#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connect/encoding.hpp"
#include "connect/value_decoder.hpp"
#include "connectors/kafka/registry/registry_client.hpp"

namespace sluice::connectors::kafka::registry {

// Reads values whose schema a header names, or the value's own beginning: by its id or its GUID.
// Asks the registry once for each.
//
// Threads: as connect::ValueDecoder says.
class SchemaDecoder final : public connect::ValueDecoder {
 public:
  SchemaDecoder(connect::Encoding::Format format, RegistryAddress address)
      : format_(format), client_(std::move(address)) {}

  [[nodiscard]] Result<void> decode(std::span<model::Message* const> messages,
                                    connect::Arena& arena, std::vector<std::string>& reasons,
                                    const std::function<bool()>& is_stopping) override;

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Known {
    std::unique_ptr<Format> format;  // null: there is none
    std::string reason;              // why
    SteadyTime asked;
  };
  [[nodiscard]] Result<std::string> decode(model::Message& message, connect::Arena& arena);
  [[nodiscard]] Result<const Known*> schema_of(const SchemaName& name);

  const connect::Encoding::Format format_;
  RegistryClient client_;
  std::map<std::string, Known, std::less<>> known_;  // by the bytes that name it
};

}  // namespace sluice::connectors::kafka::registry
