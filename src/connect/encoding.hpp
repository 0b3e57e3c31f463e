#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "base/schema.hpp"

namespace sluice::connect {

// `map.schema` of a task, understood: how values are encoded by a schema registry.
struct Encoding {
  enum class Format : std::uint8_t { Avro, Protobuf, Json } format = Format::Avro;
  // What a schema is known by there: `<topic>-value`, the record's full name, or both.
  enum class Subject : std::uint8_t {
    TopicName,
    RecordName,
    TopicRecordName
  } subject = Subject::TopicName;
  // How a value says by which schema it is: magic byte and id before it, or a header with the GUID.
  enum class Form : std::uint8_t { Prefix, Header } form = Form::Prefix;
  std::string record;      // full name; empty: the schema's own
  std::string definition;  // the schema's text; empty: the one that the registry has
  // What the definition refers to, and where the registry has it.
  struct Reference {
    std::string name, subject;
    std::int64_t version = 0;
  };
  std::vector<Reference> references = {};
  bool auto_register = false;
  std::optional<std::int64_t> version;  // nothing: the latest
  bool check = true;                    // of Json: whether values are held against the schema
};

[[nodiscard]] schema::Field encoding_field();

// The same of a task that reads records: how their values are decoded.
[[nodiscard]] schema::Field decoding_field();
[[nodiscard]] Encoding::Format parse_decoding(const boost::json::object& checked);

// Contract: checked against encoding_field(), and not null.
[[nodiscard]] Encoding parse_encoding(const boost::json::object& checked,
                                      std::vector<schema::Problem>& problems);

}  // namespace sluice::connect
