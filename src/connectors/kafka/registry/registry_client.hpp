#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/result.hpp"
#include "connectors/kafka/registry/format.hpp"
#include "connectors/kafka/registry/wire_form.hpp"
#include "io/tls_probe.hpp"

namespace sluice::connectors::kafka::registry {

// Where the registry is, and as whom it is asked.
struct RegistryAddress {
  std::string url;  // paths are appended to it
  std::string authorization;
  std::vector<std::string> secrets;  // what no reason may show
  io::TlsIdentity identity;
  std::chrono::milliseconds timeout{5000};
};
// Of a connection's `schema_registry`. Contract: checked.
[[nodiscard]] RegistryAddress address_of(const boost::json::object& settings);

// A schema as the registry has it.
struct RegisteredSchema {
  std::int32_t id = 0;
  std::optional<Guid> guid;  // registries before Confluent 8.0 have none
  SchemaText schema;
};

// Asks a registry that speaks Confluent's REST API. One connection for each request: they are rare.
//
// Threads: one at a time; every call blocks, for `timeout` and each reference again.
// Errors:  InvalidArgument (the registry refuses what is asked: a person must mend it), anything
//          else is worth another try; with a sentence for a person, without secrets.
class RegistryClient {
 public:
  explicit RegistryClient(RegistryAddress address) : address_(std::move(address)) {}

  // What a subject has under a version; nothing: its latest.
  [[nodiscard]] Result<RegisteredSchema> get(const std::string& subject,
                                             std::optional<std::int64_t> version);
  // The schema of an id or a GUID. NotFound: there is none.
  [[nodiscard]] Result<SchemaText> get(const std::variant<std::int32_t, Guid>& schema_name);
  // The schema that a task gives, with what it refers to; nothing is registered.
  [[nodiscard]] Result<SchemaText> whole(const connect::Encoding& given);
  // The same as the subject has it.
  [[nodiscard]] Result<RegisteredSchema> find(const std::string& subject,
                                              const connect::Encoding& given);
  // Likewise, registered first where it is not there.
  [[nodiscard]] Result<RegisteredSchema> add(const std::string& subject,
                                             const connect::Encoding& given);
  // Whether it is there and takes us.
  [[nodiscard]] Result<void> try_it();

 private:
  [[nodiscard]] Result<boost::json::value> ask(std::string_view method, const std::string& path,
                                               const boost::json::object* body);
  [[nodiscard]] Result<RegisteredSchema> read(const boost::json::value& answer);
  [[nodiscard]] Result<void> fetch_references(const boost::json::object& answer, SchemaText& into,
                                              unsigned depth);

  const RegistryAddress address_;
};

}  // namespace sluice::connectors::kafka::registry
