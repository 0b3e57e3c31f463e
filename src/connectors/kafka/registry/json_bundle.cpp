#include "connectors/kafka/registry/json_bundle.hpp"

#include <map>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace sluice::connectors::kafka::registry {
namespace {

namespace json = boost::json;

constexpr unsigned kDeepest = 64;

// Values, not schemas: a `$ref` in them is none.
bool holds_values(std::string_view name) {
  return name == "enum" || name == "const" || name == "default" || name == "examples";
}

class Bundler {
 public:
  explicit Bundler(const SchemaText& schema) : schema_(schema) {}
  [[nodiscard]] Result<std::string, std::string> run();

 private:
  [[nodiscard]] Result<json::value, std::string> read(const std::string& text,
                                                      const std::string& place);
  [[nodiscard]] Result<void, std::string> point(json::value& value, const std::string& place,
                                                unsigned depth);
  [[nodiscard]] Result<std::string, std::string> target_of(std::string_view reference,
                                                           const std::string& place) const;

  const SchemaText& schema_;
  std::map<std::string, std::string, std::less<>> places_;  // by name: a JSON pointer
};

Result<std::string, std::string> Bundler::run() {
  boost::system::error_code error;
  const auto whole = json::parse(schema_.text, error);
  if (error || !whole.is_object())
    return tl::unexpected(std::string("json: a schema that refers to others must be an object"));
  const auto* defined = whole.get_object().if_contains("definitions");
  const auto is_taken = [&](const std::string& name) {
    return defined != nullptr && defined->is_object() && defined->get_object().contains(name);
  };
  std::vector<std::string> keys;
  for (const auto& reference : schema_.references) {
    auto key = "reference-" + std::to_string(keys.size() + 1);
    while (is_taken(key)) key += "x";
    places_[reference.name] = "/definitions/" + key;
    keys.push_back(std::move(key));
  }
  SL_TRY(bundle, read(schema_.text, ""));
  auto& definitions = bundle.as_object()["definitions"];
  if (!definitions.is_object()) definitions.emplace_object();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto& reference = schema_.references[i];
    auto part = read(reference.text, places_.at(reference.name));
    if (!part) return tl::unexpected(reference.name + ": " + part.error());
    definitions.get_object()[keys[i]] = std::move(*part);
  }
  return json::serialize(bundle);
}

// With all that it refers to pointing into the bundle, where it stands at `place`.
Result<json::value, std::string> Bundler::read(const std::string& text, const std::string& place) {
  boost::system::error_code error;
  auto parsed = json::parse(text, error);
  if (error || (!parsed.is_object() && !parsed.is_bool()))
    return tl::unexpected(std::string("json: the schema must be an object, true or false"));
  if (auto* object = parsed.if_object()) {
    // What begins at them is another place now.
    object->erase("$id");
    object->erase("id");
  }
  SL_TRY_VOID(point(parsed, place, 0));
  return parsed;
}

Result<void, std::string> Bundler::point(json::value& value, const std::string& place,
                                         unsigned depth) {
  if (depth > kDeepest) return tl::unexpected(std::string("json: the schema is too deep"));
  if (auto* list = value.if_array()) {
    for (auto& entry : *list) SL_TRY_VOID(point(entry, place, depth + 1));
    return {};
  }
  auto* object = value.if_object();
  if (object == nullptr) return {};
  for (auto& member : *object) {
    if (member.key() == "$ref" && member.value().is_string()) {
      SL_TRY(target, target_of(member.value().get_string(), place));
      member.value() = target;
    } else if (!holds_values(member.key())) {
      SL_TRY_VOID(point(member.value(), place, depth + 1));
    }
  }
  return {};
}

Result<std::string, std::string> Bundler::target_of(std::string_view reference,
                                                    const std::string& place) const {
  const auto hash = reference.find('#');
  const auto name = reference.substr(0, hash);
  const auto fragment =
      hash == std::string_view::npos ? std::string_view() : reference.substr(hash + 1);
  auto base = place;
  if (!name.empty()) {
    const auto found = places_.find(name);
    if (found == places_.end())
      return tl::unexpected("json: it refers to `" + std::string(name) +
                            "`, which is none of its references");
    base = found->second;
  }
  if (!fragment.empty() && fragment.front() != '/')
    return tl::unexpected("json: `" + std::string(reference) +
                          "` names no place: only pointers, as `#/definitions/x`, can be followed");
  return "#" + base + std::string(fragment);
}

}  // namespace

Result<std::string, std::string> bundled(const SchemaText& schema) {
  if (schema.references.empty()) return schema.text;
  return Bundler(schema).run();
}

}  // namespace sluice::connectors::kafka::registry
