#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "connect/encoding.hpp"
#include "connect/processing/processor.hpp"
#include "connect/value_encoder.hpp"
#include "connectors/kafka/registry/registry_client.hpp"

namespace sluice::connectors::kafka::registry {

// Encodes a task's values by schemas of a registry, which it asks once for each subject: what it
// knows it uses whether the registry answers or not.
//
// Owns:    what it knows of subjects; a process for each JSON Schema that values are held against.
// Threads: as connect::ValueEncoder says.
class SchemaEncoder final : public connect::ValueEncoder {
 public:
  SchemaEncoder(connect::Encoding encoding, RegistryAddress address);

  [[nodiscard]] Result<void> encode(std::span<connect::Record* const> records,
                                    connect::Arena& arena, std::vector<std::string>& reasons,
                                    const std::function<bool()>& is_stopping) override;

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  // A schema under its subject, ready to be used.
  struct Writer {
    std::unique_ptr<Format> format;
    std::string text;   // of a JSON Schema that values are held against; empty: of none
    std::string names;  // what says by which schema a value is: the prefix, or the header
    std::int32_t id = 0;
    SteadyTime asked;
  };
  struct Check;

  [[nodiscard]] Result<const Writer*> writer_for(std::string_view topic);
  [[nodiscard]] Result<std::string> subject_of(std::string_view topic) const;
  [[nodiscard]] Result<RegisteredSchema> ask(const std::string& subject);
  // A writer without its names.
  [[nodiscard]] Result<Writer> read_schema(const SchemaText& schema) const;
  [[nodiscard]] Result<Writer> make_writer(RegisteredSchema found) const;
  [[nodiscard]] bool is_current(const Writer& writer) const;
  [[nodiscard]] std::string encode(connect::Record& record, const Writer& writer,
                                   connect::Arena& arena);
  [[nodiscard]] Result<void> hold_against_schemas(std::vector<Check>& checks, connect::Arena& arena,
                                                  std::vector<std::string>& reasons,
                                                  const std::function<bool()>& is_stopping);
  void name_schema(connect::Record& record, const Writer& writer, connect::Arena& arena) const;

  const connect::Encoding encoding_;
  RegistryClient client_;
  std::string own_record_;                              // that subjects are named after
  std::map<std::string, Writer, std::less<>> writers_;  // by subject
  std::map<std::string, std::unique_ptr<connect::processing::Processor>> checkers_;  // by schema
  std::string scratch_;
};

// Whether a task may say so, as far as no registry has to be asked.
void check_encoding(const connect::Encoding& encoding, std::vector<schema::Problem>& problems);

}  // namespace sluice::connectors::kafka::registry
