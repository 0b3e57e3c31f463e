#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "base/result.hpp"
#include "connect/encoding.hpp"

namespace sluice::connectors::kafka::registry {

// A schema as it stands at a registry, or in a task's document.
struct SchemaText {
  struct Reference {
    std::string name;  // by which it is referred to: an Avro name, a file of Protobuf
    std::string text;
  };
  std::string text;
  // What it refers to, with what that refers to; each before what needs it.
  std::vector<Reference> references = {};
};

// Encodes values by one schema.
//
// Threads: one at a time.
class Format {
 public:
  virtual ~Format() = default;
  // Appends the value, or says why it does not fit the schema, with its place as a JSON pointer.
  // `text` is what `value` was read from.
  [[nodiscard]] virtual Result<void, std::string> encode(const boost::json::value& value,
                                                         std::string_view text,
                                                         std::string& out) const = 0;
  // The way back: JSON of what encode() makes, with the indexes of Protobuf before it. Errors: why
  // it is no such value.
  [[nodiscard]] virtual Result<std::string, std::string> decode(std::string_view bytes) const = 0;
  // The full name of what it encodes; empty: it has none.
  [[nodiscard]] virtual std::string record() const = 0;
  // Of Protobuf: wire_form.hpp.
  [[nodiscard]] virtual std::string indexes() const { return {}; }
};

// A larger one is refused, where it is more than twice as large as what it is made from, too.
inline constexpr std::size_t kLargestValue = std::size_t{1} << 20;

// `record`: which of the schema's records is meant; empty: the schema says. Errors: why it is no
// schema, for a person.
[[nodiscard]] Result<std::unique_ptr<Format>, std::string> make_format(
    connect::Encoding::Format format, const SchemaText& schema, std::string_view record);

}  // namespace sluice::connectors::kafka::registry
