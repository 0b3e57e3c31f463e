#include "connect/processing/schema_keywords.hpp"

#include <boost/json/object.hpp>

#include "connect/processing/schema_nodes.hpp"
#include "connect/processing/schema_references.hpp"
#include "connect/processing/whole_numbers.hpp"

namespace sluice::connect::processing {
namespace {

namespace json = boost::json;

// As the library reads it: percent signs are encoded, nothing else.
std::string reference_to(std::string_view pointer) {
  std::string reference = "#";
  for (const char c : pointer) reference += c == '%' ? "%25" : std::string(1, c);
  return reference;
}

}  // namespace

Draft draft_of(const json::value& schema) {
  const auto* object = schema.if_object();
  const auto* draft = object != nullptr ? object->if_contains("$schema") : nullptr;
  const bool is_4 =
      draft != nullptr && draft->is_string() &&
      std::string_view(draft->get_string()).find("draft-04") != std::string_view::npos;
  return is_4 ? Draft::Four : Draft::Later;
}

std::optional<SchemaFault> write_for_library(json::value& schema, Draft draft) {
  make_whole(schema, draft);
  SchemaNodes nodes(schema, draft);
  if (auto fault = nodes.read()) return fault;
  // Values are replaced where they stand, so that no node moves before all are done; references
  // first, while all that they lead through is there.
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (auto* object = const_cast<json::value&>(nodes[i]).if_object())
      if (auto* reference = object->if_contains("$ref"))
        *reference = reference_to(follow(schema, *reference)->pointer);
  json::object names;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    auto* object = const_cast<json::value&>(nodes[i]).if_object();
    if (object == nullptr) continue;
    // A base for references in draft 3 and 4, which there are none of; the library would go by it
    // in every draft, and without end where it is relative.
    if (auto* id = object->if_contains("id")) *id = nullptr;
    // By a whole number the library divides without the fraction: 1.5 would be a multiple of 1.
    if (auto* divisor = object->if_contains("multipleOf")) *divisor = divisor->to_number<double>();
    // What a reference has led to the library knows by its place, and gives its propertyNames the
    // same place: it would take the one for the other. Behind a reference they have their own.
    if (auto* of_names = object->if_contains("propertyNames"); of_names != nullptr) {
      const auto name = "sluice-names-" + std::to_string(i);
      names[name] = *of_names;
      *of_names = {{"$ref", reference_to(below("/definitions", name))}};
    }
  }
  if (names.empty()) return std::nullopt;
  auto& definitions = schema.get_object()["definitions"];
  if (!definitions.is_object()) definitions.emplace_object();
  for (auto& member : names) definitions.get_object()[member.key()] = std::move(member.value());
  return std::nullopt;
}

}  // namespace sluice::connect::processing
