#include "connectors/kafka/registry/avro_format.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "connectors/kafka/registry/avro_reader.hpp"
#include "connectors/kafka/registry/wire_form.hpp"

namespace sluice::connectors::kafka::registry {
namespace {

namespace json = boost::json;
using Kind = AvroSchema::Kind;
using Type = AvroSchema::Type;

constexpr unsigned kDeepestDefault = 128;  // a default may hold what needs a default again
constexpr unsigned kMostSteps = 100'000;   // of one default, whose unions are found by trying
constexpr double kWholeDoubles = 9007199254740992.0;  // 2^53: beyond it they are not all there

using Done = Result<void, std::string>;

// The whole number that JSON says, whether as 20 or 20.0; nothing: it is none, or not exactly.
std::optional<std::int64_t> whole_number(const json::value& value) {
  if (const auto* number = value.if_int64()) return *number;
  const auto* number = value.if_double();
  if (number == nullptr || std::abs(*number) > kWholeDoubles || *number != std::trunc(*number))
    return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

template <class Bits>
void append_little_endian(std::string& out, Bits bits) {
  for (std::size_t i = 0; i < sizeof(Bits); ++i) out.push_back(static_cast<char>(bits >> (8 * i)));
}

// Avro's JSON encoding of bytes: one character, up to U+00FF, for each.
bool append_latin1(std::string& out, std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) {
      out.push_back(text[at]);
    } else if ((byte == 0xC2 || byte == 0xC3) && at + 1 < text.size()) {
      const auto next = static_cast<unsigned char>(text[++at]);
      out.push_back(static_cast<char>(((byte & 0x03U) << 6U) | (next & 0x3FU)));
    } else {
      return false;
    }
  }
  return true;
}

// A number times ten to the scale, as written: by the shortest digits that mean the double.
std::optional<std::int64_t> unscaled(const json::value& value, const Type::Decimal& decimal) {
  char digits[400];
  std::to_chars_result written{};
  if (const auto* whole = value.if_int64())
    written = std::to_chars(digits, digits + sizeof digits, *whole);
  else if (const auto* number = value.if_double())
    written = std::to_chars(digits, digits + sizeof digits, *number, std::chars_format::fixed);
  else
    return std::nullopt;
  if (written.ec != std::errc()) return std::nullopt;
  std::string text(digits, written.ptr);
  const auto point = text.find('.');
  const auto fraction = point == std::string::npos ? 0 : text.size() - point - 1;
  const auto scale = static_cast<std::size_t>(decimal.scale);
  if (fraction > scale) return std::nullopt;
  if (point != std::string::npos) text.erase(point, 1);
  text.append(scale - fraction, '0');
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const auto significant = std::to_string(out).size() - (out < 0 ? 1U : 0U);
  if (static_cast<int>(significant) > decimal.precision) return std::nullopt;
  return out;
}

// Two's complement, highest byte first, as short as it can be or `size` bytes; false: too small.
bool append_big_endian(std::string& out, std::int64_t number, std::optional<std::size_t> size) {
  std::string bytes;
  do {
    bytes.insert(bytes.begin(), static_cast<char>(number & 0xFF));
    const bool sign = (number & 0x80) != 0;
    number >>= 8;
    if ((number == 0 && !sign) || (number == -1 && sign)) break;
  } while (true);
  const bool is_negative = (static_cast<unsigned char>(bytes.front()) & 0x80U) != 0;
  if (size && bytes.size() > *size) return false;
  if (size) bytes.insert(0, *size - bytes.size(), is_negative ? '\xFF' : '\0');
  if (!size) append_zigzag(out, static_cast<std::int64_t>(bytes.size()));
  out += bytes;
  return true;
}

class AvroWriter {
 public:
  // `most`: no more than so many bytes. `is_fallback`: a union takes its first type that fits.
  AvroWriter(const AvroSchema& schema, std::string& out, std::size_t most, bool is_fallback)
      : schema_(schema), out_(out), most_(most), is_fallback_(is_fallback) {}

  Done write(const json::value& value, std::size_t type, unsigned depth = 0);

 private:
  // A place on the way to what is at fault; the pointer is made only when it is wanted.
  Done wrong(std::string_view what) const {
    std::string text = "avro: ";
    text += path_.empty() ? "/" : path_;
    text += ": ";
    text += what;
    return tl::unexpected(std::move(text));
  }
  Done must_be(std::string_view what) const { return wrong("must be " + std::string(what)); }
  Done write_number(const json::value& value, const Type& type);
  Done write_bytes(const json::value& value, const Type& type);
  Done write_text(const json::value& value, const Type& type);
  Done write_record(const json::value& value, const Type& type, unsigned depth);
  Done write_field(const json::object& object, const AvroSchema::Field& field, unsigned depth);
  Done write_array(const json::value& value, const Type& type, unsigned depth);
  Done write_map(const json::value& value, const Type& type, unsigned depth);
  Done write_union(const json::value& value, const Type& type, unsigned depth);
  Done write_first_that_fits(const json::value& value, const Type& type, unsigned depth);
  Done write_member(std::string_view name, const json::value& value, std::size_t type,
                    unsigned depth);
  [[nodiscard]] std::optional<std::size_t> null_branch(const Type& type) const;
  [[nodiscard]] bool may_be(const json::value& value, const Type& type) const;
  [[nodiscard]] bool has_members_of(const json::object& object, const Type& record) const;

  const AvroSchema& schema_;
  std::string& out_;
  const std::size_t most_;
  const bool is_fallback_;
  unsigned steps_ = 0;
  std::string path_;
};

Done AvroWriter::write(const json::value& value, std::size_t index, unsigned depth) {
  if (depth > kDeepestDefault) return wrong("is nested too deep");
  if (out_.size() > most_) return wrong("the value becomes too large");
  if (is_fallback_ && ++steps_ > kMostSteps) return wrong("takes too much work");
  const auto& type = schema_.types[index];
  switch (type.kind) {
    case Kind::Null:
      return value.is_null() ? Done() : must_be("null");
    case Kind::Boolean:
      if (!value.is_bool()) return must_be("true or false");
      out_.push_back(value.get_bool() ? 1 : 0);
      return {};
    case Kind::Int:
    case Kind::Long:
    case Kind::Float:
    case Kind::Double:
      return write_number(value, type);
    case Kind::Bytes:
    case Kind::Fixed:
      return write_bytes(value, type);
    case Kind::String:
    case Kind::Enum:
      return write_text(value, type);
    case Kind::Record:
      return write_record(value, type, depth);
    case Kind::Array:
      return write_array(value, type, depth);
    case Kind::Map:
      return write_map(value, type, depth);
    case Kind::Union:
      return write_union(value, type, depth);
  }
  return {};
}

Done AvroWriter::write_number(const json::value& value, const Type& type) {
  if (type.kind == Kind::Int || type.kind == Kind::Long) {
    const auto number = whole_number(value);
    using Int = std::numeric_limits<std::int32_t>;
    if (!number || (type.kind == Kind::Int && (*number < Int::min() || *number > Int::max())))
      return must_be(type.kind == Kind::Int ? "a whole number of 32 bits"
                                            : "a whole number of 64 bits");
    append_zigzag(out_, *number);
    return {};
  }
  if (!value.is_number()) return must_be("a number");
  const auto number = value.to_number<double>();
  if (type.kind == Kind::Double) {
    append_little_endian(out_, std::bit_cast<std::uint64_t>(number));
    return {};
  }
  if (std::abs(number) > static_cast<double>(std::numeric_limits<float>::max()))
    return must_be("a number of 32 bits");
  append_little_endian(out_, std::bit_cast<std::uint32_t>(static_cast<float>(number)));
  return {};
}

Done AvroWriter::write_bytes(const json::value& value, const Type& type) {
  const bool is_fixed = type.kind == Kind::Fixed;
  if (type.decimal && value.is_number()) {
    const auto number = unscaled(value, *type.decimal);
    const auto size = is_fixed ? std::optional(type.size) : std::nullopt;
    if (number && append_big_endian(out_, *number, size)) return {};
    return must_be("a number of at most " + std::to_string(type.decimal->precision) + " digits, " +
                   std::to_string(type.decimal->scale) + " of them behind the point");
  }
  std::string bytes;
  if (!value.is_string() || !append_latin1(bytes, value.get_string()))
    return must_be("text with one character up to U+00FF for each byte");
  if (is_fixed && bytes.size() != type.size)
    return must_be(std::to_string(type.size) + " bytes long, and has " +
                   std::to_string(bytes.size()));
  if (!is_fixed) append_zigzag(out_, static_cast<std::int64_t>(bytes.size()));
  out_ += bytes;
  return {};
}

Done AvroWriter::write_text(const json::value& value, const Type& type) {
  if (!value.is_string()) return must_be("text");
  const std::string_view text = value.get_string();
  if (type.kind == Kind::Enum) {
    const auto found = type.symbols.find(text);
    if (found == type.symbols.end()) return must_be("one of the symbols of " + type.name);
    append_zigzag(out_, static_cast<std::int64_t>(found->second));
    return {};
  }
  append_zigzag(out_, static_cast<std::int64_t>(text.size()));
  out_ += text;
  return {};
}

Done AvroWriter::write_member(std::string_view name, const json::value& value, std::size_t type,
                              unsigned depth) {
  const auto before = path_.size();
  path_ += '/';
  path_ += name;
  auto done = write(value, type, depth + 1);
  path_.resize(before);
  return done;
}

// Nothing of a value is left out in silence: what is no field of the record is refused.
Done AvroWriter::write_record(const json::value& value, const Type& type, unsigned depth) {
  const auto* object = value.if_object();
  if (object == nullptr) return must_be("an object: " + type.name);
  std::size_t known = 0;
  for (const auto& field : type.fields) {
    if (object->contains(field.name)) ++known;
    SL_TRY_VOID(write_field(*object, field, depth));
  }
  if (known == object->size()) return {};
  for (const auto& member : *object) {
    if (type.field_of.contains(std::string_view(member.key()))) continue;
    return wrong("`" + std::string(member.key()) + "` is no field of " + type.name);
  }
  return {};
}

Done AvroWriter::write_field(const json::object& object, const AvroSchema::Field& field,
                             unsigned depth) {
  if (const auto* value = object.if_contains(field.name))
    return write_member(field.name, *value, field.type, depth);
  if (!field.encoded_fallback.empty()) {
    out_ += field.encoded_fallback;
    return {};
  }
  if (field.fallback) return write_member(field.name, *field.fallback, field.type, depth);
  const auto& type = schema_.types[field.type];
  const auto null = type.kind == Kind::Union ? null_branch(type) : std::nullopt;
  if (!null && type.kind != Kind::Null)
    return wrong("`" + field.name + "` is missing, and has no default");
  if (null) append_zigzag(out_, static_cast<std::int64_t>(*null));
  return {};
}

// One block, then the end.
Done AvroWriter::write_array(const json::value& value, const Type& type, unsigned depth) {
  const auto* items = value.if_array();
  if (items == nullptr) return must_be("a list");
  if (!items->empty()) append_zigzag(out_, static_cast<std::int64_t>(items->size()));
  std::size_t number = 0;
  for (const auto& item : *items)
    SL_TRY_VOID(write_member(std::to_string(number++), item, type.items, depth));
  out_.push_back(0);
  return {};
}

Done AvroWriter::write_map(const json::value& value, const Type& type, unsigned depth) {
  const auto* members = value.if_object();
  if (members == nullptr) return must_be("an object");
  if (!members->empty()) append_zigzag(out_, static_cast<std::int64_t>(members->size()));
  for (const auto& member : *members) {
    const std::string_view name = member.key();
    append_zigzag(out_, static_cast<std::int64_t>(name.size()));
    out_ += name;
    SL_TRY_VOID(write_member(name, member.value(), type.items, depth));
  }
  out_.push_back(0);
  return {};
}

std::optional<std::size_t> AvroWriter::null_branch(const Type& type) const {
  for (std::size_t i = 0; i < type.branches.size(); ++i) {
    if (schema_.types[type.branches[i]].kind == Kind::Null) return i;
  }
  return std::nullopt;
}

// As Avro's JSON encoding has it, {"the branch's name": value}; or the value alone: then it is the
// first branch that such a value may be. Chosen by what stands there and not by trying, which would
// take exponential time.
Done AvroWriter::write_union(const json::value& value, const Type& type, unsigned depth) {
  if (is_fallback_) return write_first_that_fits(value, type, depth);
  const auto* object = value.if_object();
  const auto* wrapped = object != nullptr && object->size() == 1 ? &*object->begin() : nullptr;
  for (std::size_t i = 0; wrapped != nullptr && i < type.branches.size(); ++i) {
    const auto& branch = schema_.types[type.branches[i]];
    if (branch.kind == Kind::Null || branch.name != std::string_view(wrapped->key())) continue;
    append_zigzag(out_, static_cast<std::int64_t>(i));
    return write_member(wrapped->key(), wrapped->value(), type.branches[i], depth);
  }
  for (std::size_t i = 0; i < type.branches.size(); ++i) {
    if (!may_be(value, schema_.types[type.branches[i]])) continue;
    append_zigzag(out_, static_cast<std::int64_t>(i));
    return write(value, type.branches[i], depth + 1);
  }
  std::string names;
  for (const auto branch : type.branches)
    names += (names.empty() ? "" : ", ") + schema_.types[branch].name;
  return must_be("one of: " + names);
}

// A default is of the union's first type; Avro 1.12 takes any.
Done AvroWriter::write_first_that_fits(const json::value& value, const Type& type, unsigned depth) {
  const auto before = out_.size();
  Done last;
  for (std::size_t i = 0; i < type.branches.size(); ++i) {
    append_zigzag(out_, static_cast<std::int64_t>(i));
    last = write(value, type.branches[i], depth + 1);
    if (last) return last;
    out_.resize(before);
  }
  return last;
}

bool AvroWriter::may_be(const json::value& value, const Type& type) const {
  switch (type.kind) {
    case Kind::Null:
      return value.is_null();
    case Kind::Boolean:
      return value.is_bool();
    case Kind::Int: {
      const auto number = whole_number(value);
      return number && *number == static_cast<std::int32_t>(*number);
    }
    case Kind::Long:
      return whole_number(value).has_value();
    case Kind::Float:
    case Kind::Double:
      return value.is_number();
    case Kind::Bytes:
    case Kind::Fixed:
      return value.is_string() || (type.decimal && value.is_number());
    case Kind::String:
      return value.is_string();
    case Kind::Enum:
      return value.is_string() && type.symbols.contains(std::string_view(value.get_string()));
    case Kind::Record:
      return value.is_object() && has_members_of(value.get_object(), type);
    case Kind::Array:
      return value.is_array();
    case Kind::Map:
      return value.is_object();
    case Kind::Union:
      break;
  }
  return false;
}

bool AvroWriter::has_members_of(const json::object& object, const Type& record) const {
  for (const auto& member : object) {
    if (!record.field_of.contains(std::string_view(member.key()))) return false;
  }
  for (const auto& field : record.fields) {
    if (object.contains(field.name) || field.fallback) continue;
    const auto& type = schema_.types[field.type];
    if (type.kind != Kind::Null && (type.kind != Kind::Union || !null_branch(type))) return false;
  }
  return true;
}

}  // namespace

// Defaults are encoded once, so that one that does not fit is the schema's fault and no message's.
Result<std::unique_ptr<Format>, std::string> AvroFormat::make(const SchemaText& text,
                                                              std::string_view record) {
  SL_TRY(schema, AvroSchema::parse(text));
  for (auto& type : schema.types) {
    for (auto& field : type.fields) {
      if (!field.fallback) continue;
      std::string encoded;
      AvroWriter writer(schema, encoded, kLargestValue, true);
      if (const auto written = writer.write(*field.fallback, field.type); !written)
        return tl::unexpected("avro: the default of `" + field.name + "` in " + type.name + ": " +
                              written.error());
      field.encoded_fallback = std::move(encoded);
    }
  }
  if (!record.empty() && schema.types[schema.root].name != record)
    return tl::unexpected("avro: the schema is `" + schema.types[schema.root].name + "` and not `" +
                          std::string(record) + "`");
  return std::unique_ptr<Format>(new AvroFormat(std::move(schema)));
}

Result<void, std::string> AvroFormat::encode(const json::value& value, std::string_view text,
                                             std::string& out) const {
  const auto most = out.size() + std::max(kLargestValue, 2 * text.size());
  AvroWriter writer(schema_, out, most, false);
  SL_TRY_VOID(writer.write(value, schema_.root));
  if (out.size() > most) return tl::unexpected(std::string("avro: the value becomes too large"));
  return {};
}

Result<std::string, std::string> AvroFormat::decode(std::string_view bytes) const {
  return avro_to_json(schema_, bytes);
}

std::string AvroFormat::record() const {
  return schema_.types[schema_.root].name;
}

}  // namespace sluice::connectors::kafka::registry
