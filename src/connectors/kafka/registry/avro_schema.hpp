#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "base/result.hpp"
#include "connectors/kafka/registry/format.hpp"

namespace sluice::connectors::kafka::registry {

// A schema of Avro 1.11, read: types by number, so that they may lead round in circles.
struct AvroSchema {
  enum class Kind : std::uint8_t {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Record,
    Enum,
    Array,
    Map,
    Union,
    Fixed
  };
  struct Field {
    std::string name;
    std::size_t type = 0;
    std::optional<boost::json::value> fallback = {};  // of one that is not given
    std::string encoded_fallback = {};                // the same, encoded
  };
  struct Type {
    Kind kind = Kind::Null;
    std::string name;  // full, of a named type; else what a union calls it
    std::vector<Field> fields = {};
    std::map<std::string, std::size_t, std::less<>> field_of = {};  // its number
    std::map<std::string, std::size_t, std::less<>> symbols = {};
    std::vector<std::size_t> branches = {};
    std::size_t items = 0;  // of an array; values of a map
    std::size_t size = 0;   // of a fixed
    struct Decimal {
      int precision = 0, scale = 0;
    };
    std::optional<Decimal> decimal = {};  // of bytes and fixed
  };

  std::vector<Type> types;
  std::size_t root = 0;

  // Fallbacks are not encoded yet. Errors: what is wrong, with its place.
  [[nodiscard]] static Result<AvroSchema, std::string> parse(const SchemaText& text);
};

}  // namespace sluice::connectors::kafka::registry
