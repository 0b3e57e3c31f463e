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

// Reads values that begin with the id of their schema, and asks the registry once for each id.
//
// Threads: as connect::ValueDecoder says.
class SchemaDecoder final : public connect::ValueDecoder {
 public:
  SchemaDecoder(connect::Encoding::Format format, RegistryAddress address)
      : format_(format), client_(std::move(address)) {}

  [[nodiscard]] Result<void> decode(std::span<const std::string_view> values, connect::Arena& arena,
                                    std::vector<Decoded>& outcomes,
                                    const std::function<bool()>& is_stopping) override;

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Known {
    std::unique_ptr<Format> format;  // null: there is none
    std::string reason;              // why
    SteadyTime asked;
  };
  [[nodiscard]] Result<const Known*> schema_of(std::int32_t id);

  const connect::Encoding::Format format_;
  RegistryClient client_;
  std::map<std::int32_t, Known> known_;
};

}  // namespace sluice::connectors::kafka::registry
