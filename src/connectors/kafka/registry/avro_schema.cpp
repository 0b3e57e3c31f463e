#include "connectors/kafka/registry/avro_schema.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "base/json_text.hpp"

namespace sluice::connectors::kafka::registry {
namespace {

namespace json = boost::json;
using Kind = AvroSchema::Kind;
using Type = AvroSchema::Type;

constexpr std::size_t kMostTypes = 10'000;
constexpr std::size_t kDeepestSchema = 64;
constexpr std::int64_t kLargestFixed = 1 << 20;
constexpr int kHighestPrecision = 1000;

constexpr std::array<std::pair<std::string_view, Kind>, 8> kPrimitives = {{
    {"null", Kind::Null},
    {"boolean", Kind::Boolean},
    {"int", Kind::Int},
    {"long", Kind::Long},
    {"float", Kind::Float},
    {"double", Kind::Double},
    {"bytes", Kind::Bytes},
    {"string", Kind::String},
}};

bool is_name(std::string_view text) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto is_part = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
  return !text.empty() && is_letter(text.front()) && std::ranges::all_of(text, is_part);
}

// Names with dots between them.
bool is_full_name(std::string_view text) {
  for (;;) {
    const auto dot = text.find('.');
    if (!is_name(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

class AvroReader {
 public:
  using Index = Result<std::size_t, std::string>;

  // `space`: the namespace around it; `at`: its place, for a person.
  Index read(const json::value& schema, const std::string& space, const std::string& at);
  std::vector<Type> take() { return std::move(types_); }

 private:
  static tl::unexpected<std::string> wrong(const std::string& at, std::string_view what) {
    return tl::unexpected("avro: " + (at.empty() ? "/" : at) + ": " + std::string(what));
  }
  Index add(Type type, const std::string& at) {
    if (types_.size() >= kMostTypes) return wrong(at, "the schema has too many types");
    types_.push_back(std::move(type));
    return types_.size() - 1;
  }
  Index named(std::string_view name, const std::string& space, const std::string& at);
  Index read_object(const json::object& schema, const std::string& space, const std::string& at);
  Index read_union(const json::array& branches, const std::string& space, const std::string& at);
  Index declare(const json::object& schema, Kind kind, std::string& space, const std::string& at);
  Index read_record(const json::object& schema, std::string space, const std::string& at);
  Index read_enum(const json::object& schema, std::string space, const std::string& at);
  Index read_fixed(const json::object& schema, std::string space, const std::string& at);
  Index read_items(const json::object& schema, Kind kind, const std::string& space,
                   const std::string& at);
  static void read_decimal(const json::object& schema, Type& type);

  std::vector<Type> types_;
  std::map<std::string, std::size_t, std::less<>> names_;
};

AvroReader::Index AvroReader::read(const json::value& schema, const std::string& space,
                                   const std::string& at) {
  if (schema.is_string()) return named(schema.get_string(), space, at);
  if (schema.is_object()) return read_object(schema.get_object(), space, at);
  if (schema.is_array()) return read_union(schema.get_array(), space, at);
  return wrong(at, "must be a type: its name, an object or a list");
}

AvroReader::Index AvroReader::named(std::string_view name, const std::string& space,
                                    const std::string& at) {
  for (const auto& [primitive, kind] : kPrimitives) {
    if (name == primitive) return add({.kind = kind, .name = std::string(name)}, at);
  }
  const bool is_full = name.find('.') != std::string_view::npos || space.empty();
  auto found = names_.find(is_full ? std::string(name) : space + "." + std::string(name));
  if (found == names_.end()) found = names_.find(name);
  if (found == names_.end())
    return wrong(at, "there is no type `" + std::string(name) + "`, or only further down");
  return found->second;
}

AvroReader::Index AvroReader::read_object(const json::object& schema, const std::string& space,
                                          const std::string& at) {
  const auto* type = schema.if_contains("type");
  if (type == nullptr) return wrong(at, "has no `type`");
  if (!type->is_string()) return read(*type, space, at + "/type");
  const std::string_view name = type->get_string();
  if (name == "record" || name == "error") return read_record(schema, space, at);
  if (name == "enum") return read_enum(schema, space, at);
  if (name == "fixed") return read_fixed(schema, space, at);
  if (name == "array") return read_items(schema, Kind::Array, space, at);
  if (name == "map") return read_items(schema, Kind::Map, space, at);
  auto found = named(name, space, at);
  if (found && types_[*found].kind == Kind::Bytes) read_decimal(schema, types_[*found]);
  return found;
}

AvroReader::Index AvroReader::read_union(const json::array& branches, const std::string& space,
                                         const std::string& at) {
  Type type{.kind = Kind::Union, .name = "union"};
  std::size_t number = 0;
  std::vector<std::string> seen;
  for (const auto& branch : branches) {
    const auto place = at + "/" + std::to_string(number++);
    SL_TRY(index, read(branch, space, place));
    if (types_[index].kind == Kind::Union) return wrong(place, "must not be a union itself");
    if (std::ranges::find(seen, types_[index].name) != seen.end())
      return wrong(place, "the union has `" + types_[index].name + "` already");
    seen.push_back(types_[index].name);
    type.branches.push_back(index);
  }
  if (type.branches.empty()) return wrong(at, "must name at least one type");
  return add(std::move(type), at);
}

// A named type is known to what stands inside it; `space` becomes its own namespace.
AvroReader::Index AvroReader::declare(const json::object& schema, Kind kind, std::string& space,
                                      const std::string& at) {
  auto name = text_at(schema, "name");
  if (!is_full_name(name)) return wrong(at + "/name", "must be a name");
  if (const auto dot = name.rfind('.'); dot != std::string::npos) {
    space = name.substr(0, dot);
  } else {
    if (schema.contains("namespace")) space = text_at(schema, "namespace");
    if (!space.empty() && !is_full_name(space)) return wrong(at + "/namespace", "must be a name");
    if (!space.empty()) name = space + "." + name;
  }
  SL_TRY(index, add({.kind = kind, .name = name}, at));
  if (!names_.emplace(name, index).second)
    return wrong(at + "/name", "`" + name + "` stands in the schema twice");
  return index;
}

AvroReader::Index AvroReader::read_record(const json::object& schema, std::string space,
                                          const std::string& at) {
  SL_TRY(index, declare(schema, Kind::Record, space, at));
  const auto* fields = schema.if_contains("fields");
  if (fields == nullptr || !fields->is_array()) return wrong(at, "has no list of `fields`");
  std::size_t number = 0;
  for (const auto& entry : fields->get_array()) {
    const auto place = at + "/fields/" + std::to_string(number);
    const auto* field = entry.if_object();
    if (field == nullptr) return wrong(place, "must be an object");
    AvroSchema::Field read_field{.name = text_at(*field, "name")};
    if (!is_name(read_field.name)) return wrong(place + "/name", "must be a name");
    const auto* type = field->if_contains("type");
    if (type == nullptr) return wrong(place, "has no `type`");
    SL_TRY(type_index, read(*type, space, place + "/type"));
    read_field.type = type_index;
    if (const auto* fallback = field->if_contains("default")) read_field.fallback = *fallback;
    if (!types_[index].field_of.emplace(read_field.name, number).second)
      return wrong(place + "/name", "`" + read_field.name + "` stands in the record twice");
    types_[index].fields.push_back(std::move(read_field));
    ++number;
  }
  return index;
}

AvroReader::Index AvroReader::read_enum(const json::object& schema, std::string space,
                                        const std::string& at) {
  SL_TRY(index, declare(schema, Kind::Enum, space, at));
  const auto* symbols = schema.if_contains("symbols");
  if (symbols == nullptr || !symbols->is_array()) return wrong(at, "has no list of `symbols`");
  std::size_t number = 0;
  for (const auto& symbol : symbols->get_array()) {
    const auto place = at + "/symbols/" + std::to_string(number);
    if (!symbol.is_string() || !is_name(symbol.get_string())) return wrong(place, "must be a name");
    if (!types_[index].symbols.emplace(std::string(symbol.get_string()), number).second)
      return wrong(place, "stands in the list twice");
    ++number;
  }
  return index;
}

AvroReader::Index AvroReader::read_fixed(const json::object& schema, std::string space,
                                         const std::string& at) {
  SL_TRY(index, declare(schema, Kind::Fixed, space, at));
  const auto* size = schema.if_contains("size");
  if (size == nullptr || !size->is_int64() || size->get_int64() < 0 ||
      size->get_int64() > kLargestFixed)
    return wrong(at + "/size", "must be a number of bytes up to 1048576");
  types_[index].size = static_cast<std::size_t>(size->get_int64());
  read_decimal(schema, types_[index]);
  return index;
}

AvroReader::Index AvroReader::read_items(const json::object& schema, Kind kind,
                                         const std::string& space, const std::string& at) {
  const std::string member = kind == Kind::Array ? "items" : "values";
  const auto* items = schema.if_contains(member);
  if (items == nullptr) return wrong(at, "has no `" + member + "`");
  SL_TRY(index, read(*items, space, at + "/" + member));
  return add({.kind = kind, .name = kind == Kind::Array ? "array" : "map", .items = index}, at);
}

// One that is not valid is passed over, as the specification says of all logical types.
void AvroReader::read_decimal(const json::object& schema, Type& type) {
  if (text_at(schema, "logicalType") != "decimal") return;
  const auto number = [&](std::string_view name, std::int64_t fallback) {
    const auto* value = schema.if_contains(name);
    return value != nullptr && value->is_int64() ? value->get_int64() : fallback;
  };
  const auto precision = number("precision", 0);
  const auto scale = number("scale", 0);
  if (precision < 1 || precision > kHighestPrecision || scale < 0 || scale > precision) return;
  type.decimal = {static_cast<int>(precision), static_cast<int>(scale)};
}

Result<json::value, std::string> parse_text(const std::string& text) {
  json::parse_options options;
  options.max_depth = kDeepestSchema;
  boost::system::error_code error;
  auto parsed = json::parse(text, error, {}, options);
  if (!error) return parsed;
  // A primitive type may stand there without quotes: registries hand it out so.
  if (is_name(text)) return json::value(text);
  return tl::unexpected("avro: the schema is not JSON: " + error.message());
}

}  // namespace

Result<AvroSchema, std::string> AvroSchema::parse(const SchemaText& text) {
  AvroReader reader;
  for (const auto& reference : text.references) {
    SL_TRY(parsed, parse_text(reference.text));
    if (auto read = reader.read(parsed, "", ""); !read)
      return tl::unexpected(reference.name + ": " + read.error());
  }
  SL_TRY(parsed, parse_text(text.text));
  SL_TRY(root, reader.read(parsed, "", ""));
  return AvroSchema{.types = reader.take(), .root = root};
}

}  // namespace sluice::connectors::kafka::registry
