#include "connectors/kafka/registry/avro_reader.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/escape.hpp"
#include "connect/text.hpp"

namespace sluice::connectors::kafka::registry {
namespace {

using Kind = AvroSchema::Kind;
using Type = AvroSchema::Type;
using Read = Result<void, std::string>;

constexpr unsigned kDeepestRead = 64;

// Whoever wrote the bytes is not trusted: every number is held against what is there, and what
// comes out is bounded, for a list of a million nulls takes no byte.
class AvroReading {
 public:
  AvroReading(const AvroSchema& schema, std::string_view bytes, std::string& out)
      : schema_(schema),
        bytes_(bytes),
        out_(out),
        most_(std::max(kLargestValue, 8 * bytes.size())) {}

  Read read(std::size_t index, unsigned depth = 0);
  [[nodiscard]] std::size_t left() const { return bytes_.size(); }

 private:
  static tl::unexpected<std::string> wrong(std::string_view what) {
    return tl::unexpected("avro: " + std::string(what));
  }
  Result<std::string_view, std::string> take(std::size_t size);
  Result<std::int64_t, std::string> number();
  Result<std::size_t, std::string> length(std::size_t most);
  Read read_float(const Type& type);
  Read read_text(const Type& type);
  Read read_record(const Type& type, unsigned depth);
  Read read_blocks(const Type& type, unsigned depth);
  Read append_text(std::string_view text);
  void append_bytes(std::string_view bytes);

  const AvroSchema& schema_;
  std::string_view bytes_;
  std::string& out_;
  const std::size_t most_;
};

Result<std::string_view, std::string> AvroReading::take(std::size_t size) {
  if (size > bytes_.size()) return wrong("the value ends too early");
  const auto taken = bytes_.substr(0, size);
  bytes_.remove_prefix(size);
  return taken;
}

Result<std::int64_t, std::string> AvroReading::number() {
  std::uint64_t bits = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    SL_TRY(taken, take(1));
    const auto byte = static_cast<unsigned char>(taken.front());
    bits |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80)
      return static_cast<std::int64_t>(bits >> 1U) ^ -static_cast<std::int64_t>(bits & 1U);
  }
  return wrong("a number is longer than 64 bits");
}

Result<std::size_t, std::string> AvroReading::length(std::size_t most) {
  SL_TRY(value, number());
  if (value < 0 || static_cast<std::uint64_t>(value) > most)
    return wrong("a length or an index is out of bounds");
  return static_cast<std::size_t>(value);
}

Read AvroReading::read(std::size_t index, unsigned depth) {
  if (depth > kDeepestRead) return wrong("the value is nested too deep");
  if (out_.size() > most_) return wrong("the value becomes too large");
  const auto& type = schema_.types[index];
  switch (type.kind) {
    case Kind::Null:
      out_ += "null";
      return {};
    case Kind::Boolean: {
      SL_TRY(taken, take(1));
      out_ += taken.front() == 0 ? "false" : "true";
      return {};
    }
    case Kind::Int:
    case Kind::Long: {
      SL_TRY(value, number());
      if (type.kind == Kind::Int && value != static_cast<std::int32_t>(value))
        return wrong("a number is longer than 32 bits");
      connect::append_number(out_, value);
      return {};
    }
    case Kind::Float:
    case Kind::Double:
      return read_float(type);
    case Kind::Bytes:
    case Kind::Fixed:
    case Kind::String:
    case Kind::Enum:
      return read_text(type);
    case Kind::Record:
      return read_record(type, depth);
    case Kind::Array:
    case Kind::Map:
      return read_blocks(type, depth);
    case Kind::Union: {
      SL_TRY(branch, length(type.branches.size() - 1));
      return read(type.branches[branch], depth + 1);
    }
  }
  return {};
}

template <class Bits>
Bits little_endian(std::string_view bytes) {
  Bits bits = 0;
  for (std::size_t i = 0; i < sizeof(Bits); ++i)
    bits |= static_cast<Bits>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return bits;
}

Read AvroReading::read_float(const Type& type) {
  char digits[64];
  std::to_chars_result end{};
  bool is_finite = false;
  SL_TRY(taken, take(type.kind == Kind::Float ? sizeof(float) : sizeof(double)));
  if (type.kind == Kind::Float) {  // with the digits of its own: 0.1, not 0.10000000149011612
    const auto value = std::bit_cast<float>(little_endian<std::uint32_t>(taken));
    is_finite = std::isfinite(value);
    end = std::to_chars(digits, digits + sizeof digits, value);
  } else {
    const auto value = std::bit_cast<double>(little_endian<std::uint64_t>(taken));
    is_finite = std::isfinite(value);
    end = std::to_chars(digits, digits + sizeof digits, value);
  }
  if (!is_finite) return wrong("a number is none that JSON has");
  out_.append(digits, end.ptr);
  return {};
}

Read AvroReading::read_text(const Type& type) {
  if (type.kind == Kind::Enum) {
    SL_TRY(number, length(type.symbols.size()));
    for (const auto& [symbol, its_number] : type.symbols) {
      if (its_number == number) return append_text(symbol);
    }
    return wrong("there is no such symbol in " + type.name);
  }
  std::size_t size = type.size;
  if (type.kind != Kind::Fixed) {
    SL_TRY(given, length(bytes_.size()));
    size = given;
  }
  SL_TRY(taken, take(size));
  if (type.kind == Kind::String) return append_text(taken);
  append_bytes(taken);
  return {};
}

Read AvroReading::append_text(std::string_view text) {
  if (!is_utf8(text)) return wrong("a text is not UTF-8");
  connect::append_json_string(out_, text);
  return {};
}

void AvroReading::append_bytes(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xC0U | (byte >> 6U));
      text += static_cast<char>(0x80U | (byte & 0x3FU));
    }
  }
  connect::append_json_string(out_, text);
}

Read AvroReading::read_record(const Type& type, unsigned depth) {
  out_ += '{';
  for (const auto& field : type.fields) {
    if (&field != &type.fields.front()) out_ += ',';
    connect::append_json_string(out_, field.name);
    out_ += ':';
    SL_TRY_VOID(read(field.type, depth + 1));
  }
  out_ += '}';
  return {};
}

Read AvroReading::read_blocks(const Type& type, unsigned depth) {
  const bool is_map = type.kind == Kind::Map;
  out_ += is_map ? '{' : '[';
  bool is_first = true;
  for (;;) {
    SL_TRY(count, number());
    if (count == 0) break;
    if (count == std::numeric_limits<std::int64_t>::min())
      return wrong("a length is out of bounds");
    if (count < 0) {  // then the block says its bytes, too
      count = -count;
      SL_TRY_VOID(number());
    }
    for (; count > 0; --count) {
      if (!is_first) out_ += ',';
      is_first = false;
      if (is_map) {
        SL_TRY(size, length(bytes_.size()));
        SL_TRY(name, take(size));
        SL_TRY_VOID(append_text(name));
        out_ += ':';
      }
      SL_TRY_VOID(read(type.items, depth + 1));
    }
  }
  out_ += is_map ? '}' : ']';
  return {};
}

}  // namespace

Result<std::string, std::string> avro_to_json(const AvroSchema& schema, std::string_view bytes) {
  std::string out;
  AvroReading reading(schema, bytes, out);
  SL_TRY_VOID(reading.read(schema.root));
  if (reading.left() > 0)
    return tl::unexpected("avro: " + std::to_string(reading.left()) +
                          " bytes are left behind the value");
  return out;
}

}  // namespace sluice::connectors::kafka::registry
