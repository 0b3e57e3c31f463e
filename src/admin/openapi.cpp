#include "admin/openapi.hpp"

#include <algorithm>
#include <array>

#include <boost/json/array.hpp>

#include "admin/http.hpp"
#include "admin/route.hpp"
#include "base/ascii.hpp"
#include "base/check.hpp"
#include "connect/documents.hpp"
#include "connect/source_spec.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

json::object text_schema() {
  return {{"type", "string"}};
}

json::object reference(std::string_view section, std::string_view name) {
  return {{"$ref", "#/components/" + std::string(section) + "/" + std::string(name)}};
}

json::object parameter(std::string_view in, std::string_view name, std::string_view help,
                       json::object schema) {
  json::object shown{{"name", name}, {"in", in}, {"description", help}};
  if (in == "path") shown["required"] = true;
  shown["schema"] = std::move(schema);
  return shown;
}

json::object query_schema(const Parameter& parameter) {
  auto schema = text_schema();
  json::array sorts;
  for (const auto& sort : parameter.sorts) {
    sorts.emplace_back(sort);
    sorts.emplace_back("-" + std::string(sort));
  }
  if (!sorts.empty()) schema["enum"] = std::move(sorts);
  return schema;
}

constexpr std::array<Parameter, 6> kPathParameters = {
    {{"name", "Name or id, percent-encoded."},
     {"id", "32 hexadecimal digits."},
     {"number", "Its `id`."},
     {"filter", "A topic filter, percent-encoded."},
     {"topic", "A topic, percent-encoded."},
     {"format", "Whose document it is: `tbmq` or `emqx`."}}};

json::array parameters_of(const Route& route) {
  json::array shown;
  for (const auto& part : route_path(route).parts) {
    if (!part.starts_with('{')) continue;
    const auto name = std::string_view(part).substr(1, part.size() - 2);
    const auto help = std::ranges::find(kPathParameters, name, &Parameter::name);
    SL_CHECK(help != kPathParameters.end());
    shown.push_back(parameter("path", name, help->help, text_schema()));
  }
  if (route.is_list) {
    shown.push_back(reference("parameters", "limit"));
    shown.push_back(reference("parameters", "page"));
  }
  for (const auto& each : route.query) {
    shown.push_back(parameter("query", each.name, each.help, query_schema(each)));
  }
  return shown;
}

json::object content(std::string_view type, json::object schema) {
  return {{type, json::object{{"schema", std::move(schema)}}}};
}

json::object answers_of(const Route& route) {
  json::object shown;
  for (const unsigned status : route.answers) {
    json::object answer{{"description", status_phrase(status)}};
    if (status != 204) {
      auto schema = route.is_list                              ? reference("schemas", "List")
                    : route.content_type == "application/json" ? reference("schemas", "Entity")
                    : route.content_type == "application/yaml" ? json::object{{"type", "object"}}
                                                               : text_schema();
      answer["content"] = content(route.content_type, std::move(schema));
    }
    shown[std::to_string(status)] = std::move(answer);
  }
  shown["default"] = reference("responses", "Problem");
  return shown;
}

// What need not be there may be null instead, as schema::check() takes it.
schema::Fields as_sent(schema::Fields fields) {
  for (auto& field : fields) {
    field.nullable |= !field.required;
    field.fields = as_sent(std::move(field.fields));
  }
  return fields;
}

json::object body_schema(const Route& route) {
  if (route.document != nullptr) return schema::to_json_schema(as_sent(route.document()));
  if (!route.document_of.empty()) return reference("schemas", route.document_of);
  return {{"type", "object"}};  // another server's document: we do not say what it holds
}

// With the least role that passes (OpenAPI 3.1, Security Requirement Object).
json::array security_of(const Route& route) {
  const auto role = role_for(route.guard);
  if (!role) return {};
  const json::array roles{name_of(*role)};
  json::array shown{json::object{{"bearer", roles}}, json::object{{"cookie", roles}}};
  if (route.guard == Guard::OperatorOrUser) shown.push_back(json::object{{"user", json::array()}});
  return shown;
}

json::object operation_of(const Route& route) {
  json::object shown{{"operationId", route.id},
                     {"summary", route.summary},
                     {"tags", json::array{resource_of(route)}}};
  if (auto parameters = parameters_of(route); !parameters.empty()) {
    shown["parameters"] = std::move(parameters);
  }
  if (route.body == Body::Patch) {
    const json::object patch{
        {"type", "object"},
        {"description", "A merge patch (RFC 7396) of a " + std::string(route.document_of) + "."}};
    shown["requestBody"] = json::object{
        {"required", true}, {"content", content("application/merge-patch+json", patch)}};
  }
  if (route.body == Body::Document) {
    auto schema = body_schema(route);
    shown["requestBody"] = json::object{
        {"required", true}, {"content", content("application/json", std::move(schema))}};
  }
  shown["responses"] = answers_of(route);
  shown["security"] = security_of(route);
  return shown;
}

json::object problem_schema() {
  const json::object field{
      {"type", "object"},
      {"properties", json::object{{"pointer", text_schema()}, {"detail", text_schema()}}}};
  return {
      {"type", "object"},
      {"required", json::array{"type", "title", "status", "detail", "code"}},
      {"properties", json::object{{"type", text_schema()},
                                  {"title", text_schema()},
                                  {"status", json::object{{"type", "integer"}}},
                                  {"detail", text_schema()},
                                  {"code", text_schema()},
                                  {"hint", text_schema()},
                                  {"fields", json::object{{"type", "array"}, {"items", field}}}}}};
}

json::object list_schema() {
  return {{"type", "object"},
          {"required", json::array{"items", "next"}},
          {"properties",
           json::object{{"items", json::object{{"type", "array"},
                                               {"items", reference("schemas", "Entity")}}},
                        {"next", json::object{{"type", json::array{"string", "null"}}}}}}};
}

// One alternative per connector.
json::object one_of(const connect::Registry& connectors,
                    schema::Fields (*fields_of)(const connect::Connector&),
                    bool only_with_connection) {
  json::array alternatives;
  for (const auto& [name, connector] : connectors.all()) {
    if (only_with_connection && !connector.needs_connection) continue;
    auto schema = schema::to_json_schema(as_sent(fields_of(connector)));
    schema["title"] = name;
    alternatives.push_back(std::move(schema));
  }
  if (alternatives.empty()) return {{"type", "object"}};
  return {{"oneOf", std::move(alternatives)}};
}

// By kind of sink; and by kind of source, where that is outside.
json::object task_schema(const connect::Registry& connectors) {
  auto schema = one_of(connectors, connect::task_fields, false);
  auto* alternatives = schema.if_contains("oneOf");
  if (alternatives == nullptr) return schema;
  for (const auto& [name, connector] : connectors.all()) {
    if (connector.make_source == nullptr) continue;
    auto source = schema::to_json_schema(as_sent(connect::source_task_fields(connector)));
    source["title"] = name + " source";
    alternatives->as_array().push_back(std::move(source));
  }
  return schema;
}

json::object components(const connect::Registry& connectors) {
  const json::object limit{{"type", "integer"}, {"minimum", 1}, {"maximum", 1000}, {"default", 50}};
  return {
      {"securitySchemes",
       json::object{
           {"bearer", json::object{{"type", "http"}, {"scheme", "bearer"}}},
           {"cookie",
            json::object{{"type", "apiKey"}, {"in", "cookie"}, {"name", "sluice_session"}}},
           {"user", json::object{{"type", "http"}, {"scheme", "basic"}}}}},
      {"parameters",
       json::object{
           {"limit", parameter("query", "limit", "How many at most.", limit)},
           {"page", parameter("query", "page", "The `next` of the page before.", text_schema())}}},
      {"responses",
       json::object{
           {"Problem", json::object{{"description", "A problem (RFC 9457)."},
                                    {"content", content("application/problem+json",
                                                        reference("schemas", "Problem"))}}}}},
      {"schemas", json::object{{"Problem", problem_schema()},
                               {"Entity", json::object{{"type", "object"}}},
                               {"Connection", one_of(connectors, connect::connection_fields, true)},
                               {"Task", task_schema(connectors)},
                               {"List", list_schema()}}},
  };
}

}  // namespace

json::object openapi_document(const connect::Registry& connectors) {
  json::object paths;
  for (const auto& route : routes()) {
    auto& path = paths[route.path];
    if (path.is_null()) path.emplace_object();
    path.get_object()[ascii_lower(name_of(route.method))] = operation_of(route);
  }
  return {{"openapi", "3.1.0"},
          {"info", json::object{{"title", "Sluice administration"}, {"version", "1"}}},
          {"security", json::array{json::object{{"bearer", json::array()}},
                                   json::object{{"cookie", json::array()}}}},
          {"paths", std::move(paths)},
          {"components", components(connectors)}};
}

std::string openapi_yaml(const connect::Registry& connectors) {
  return to_yaml(openapi_document(connectors));
}

}  // namespace sluice::admin
