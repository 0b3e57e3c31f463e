// Whatever the schema and whatever the value: reading the schema ends with a schema or a reason,
// and encoding with a reason, or with a value that is no larger than it may be and that reads back
// by the schema to its very end. And any bytes read as a value of the schema end with JSON or a
// reason. The input is a schema, a zero byte, and a value.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/parse.hpp>

#include "connectors/kafka/registry/avro_format.hpp"
#include "connectors/kafka/registry/avro_schema.hpp"

namespace {

namespace registry = sluice::connectors::kafka::registry;
using Kind = registry::AvroSchema::Kind;

// Reads a value by its schema, written here from the specification alone.
class Reader {
 public:
  Reader(const registry::AvroSchema& schema, std::string_view bytes)
      : schema_(schema), bytes_(bytes) {}
  void read(std::size_t index) {
    const auto& type = schema_.types[index];
    switch (type.kind) {
      case Kind::Null:
        return;
      case Kind::Boolean:
        if (static_cast<unsigned char>(take(1).front()) > 1) std::abort();
        return;
      case Kind::Int: {
        const auto value = number();
        if (value != static_cast<std::int32_t>(value)) std::abort();
        return;
      }
      case Kind::Long:
        static_cast<void>(number());
        return;
      case Kind::Float:
        static_cast<void>(take(4));
        return;
      case Kind::Double:
        static_cast<void>(take(8));
        return;
      case Kind::Bytes:
      case Kind::String:
        static_cast<void>(take(count(bytes_.size())));
        return;
      case Kind::Fixed:
        static_cast<void>(take(type.size));
        return;
      case Kind::Enum:
        static_cast<void>(count(type.symbols.size() - 1));
        return;
      case Kind::Record:
        for (const auto& field : type.fields) read(field.type);
        return;
      case Kind::Array:
      case Kind::Map:
        return blocks(type);
      case Kind::Union:
        return read(type.branches[count(type.branches.size() - 1)]);
    }
  }
  [[nodiscard]] bool is_at_end() const { return bytes_.empty(); }

 private:
  std::string_view take(std::size_t size) {
    if (size > bytes_.size()) std::abort();
    const auto taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::int64_t number() {
    std::uint64_t bits = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (shift > 63) std::abort();
      const auto byte = static_cast<unsigned char>(take(1).front());
      bits |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) break;
    }
    return static_cast<std::int64_t>(bits >> 1U) ^ -static_cast<std::int64_t>(bits & 1U);
  }
  std::size_t count(std::size_t most) {
    const auto value = number();
    if (value < 0 || static_cast<std::size_t>(value) > most) std::abort();
    return static_cast<std::size_t>(value);
  }
  void blocks(const registry::AvroSchema::Type& type) {
    while (const auto items = number()) {
      if (items < 0) std::abort();
      for (std::int64_t i = 0; i < items; ++i) {
        if (type.kind == Kind::Map) static_cast<void>(take(count(bytes_.size())));
        read(type.items);
      }
    }
  }

  const registry::AvroSchema& schema_;
  std::string_view bytes_;
};

// Any bytes become JSON, or there is a reason.
void check_reading(const registry::Format& format, std::string_view bytes) {
  const auto json = format.decode(bytes);
  if (!json) {
    if (!json.error().starts_with("avro: ")) std::abort();
    return;
  }
  if (json->size() > 2 * std::max(registry::kLargestValue, 8 * bytes.size())) std::abort();
  boost::json::parse_options options;
  options.max_depth = 100;
  boost::system::error_code error;
  static_cast<void>(boost::json::parse(*json, error, {}, options));
  if (error) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto zero = input.find('\0');
  if (zero == std::string_view::npos) return 0;
  const registry::SchemaText schema{.text = std::string(input.substr(0, zero))};
  const auto format = registry::AvroFormat::make(schema, {});
  if (!format) {
    if (!format.error().starts_with("avro: ")) std::abort();
    return 0;
  }
  const auto text = input.substr(zero + 1);
  check_reading(**format, text);
  boost::system::error_code error;
  const auto value = boost::json::parse(text, error);
  if (error) return 0;
  std::string encoded;
  if (const auto done = (*format)->encode(value, text, encoded); !done) {
    if (!done.error().starts_with("avro: ")) std::abort();
    return 0;
  }
  if (encoded.size() > std::max(registry::kLargestValue, 2 * text.size())) std::abort();
  const auto read = registry::AvroSchema::parse(schema);
  Reader reader(*read, encoded);
  reader.read(read->root);
  if (!reader.is_at_end()) std::abort();
  check_reading(**format, encoded);
  return 0;
}
