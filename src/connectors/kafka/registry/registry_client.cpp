#include "connectors/kafka/registry/registry_client.hpp"

#include <algorithm>
#include <limits>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/base64.hpp"
#include "base/json_text.hpp"
#include "connectors/kafka/kafka_properties.hpp"
#include "io/http_channel.hpp"
#include "io/http_client.hpp"

namespace sluice::connectors::kafka::registry {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kLongestAnswer = std::uint64_t{4} << 20;
constexpr std::size_t kLongestReason = 300;
constexpr std::size_t kMostReferences = 64;
constexpr unsigned kDeepestReference = 8;
constexpr std::size_t kShortestSecret = 4;  // a shorter one would hide every sentence
constexpr const char* kType = "application/vnd.schemaregistry.v1+json";

std::string_view name_of(connect::Encoding::Format format) {
  using connect::Encoding;
  if (format == Encoding::Format::Avro) return "AVRO";
  return format == Encoding::Format::Protobuf ? "PROTOBUF" : "JSON";
}

std::optional<std::int64_t> whole_at(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_int64() ? std::optional(value->get_int64()) : std::nullopt;
}

json::object body_of(const connect::Encoding& given) {
  json::object body{{"schema", given.definition}, {"schemaType", name_of(given.format)}};
  json::array references;
  for (const auto& [name, subject, version] : given.references)
    references.push_back(json::object{{"name", name}, {"subject", subject}, {"version", version}});
  if (!references.empty()) body["references"] = std::move(references);
  return body;
}

std::string subject_path(const std::string& subject) {
  return "/subjects/" + io::percent_encoded(subject);
}

// What the registry says, on one line; `secrets` that a friendly one repeats hide it.
std::string reason_in(std::string_view body, const std::vector<std::string>& secrets) {
  for (const auto& secret : secrets) {
    if (body.find(secret) != std::string_view::npos) return {};
  }
  boost::system::error_code error;
  const auto parsed = json::parse(body, error);
  if (error || !parsed.is_object()) return {};
  auto text = text_at(parsed.get_object(), "message");
  std::ranges::replace_if(text, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  if (text.size() > kLongestReason) text.resize(kLongestReason);
  return text.empty() ? text : ", " + text;
}

// Only what no later try can mend ends a task: the rest may be put right at the registry.
Errc code_of(unsigned status) {
  if (status == 404) return Errc::NotFound;
  return status == 409 || status == 422 || status == 400 ? Errc::InvalidArgument
                                                         : Errc::Unavailable;
}

}  // namespace

RegistryAddress address_of(const json::object& settings) {
  RegistryAddress address;
  address.url = text_at(settings, "url");
  while (address.url.ends_with('/')) address.url.pop_back();
  const auto token = text_at(settings, "token");
  const auto username = text_at(settings, "username");
  const auto password = text_at(settings, "password");
  if (!token.empty()) {
    address.authorization = "Bearer " + token;
  } else if (!username.empty()) {
    address.authorization = "Basic " + base64(username + ":" + password);
  }
  address.secrets = {token, password,
                     address.authorization.substr(address.authorization.find(' ') + 1)};
  std::erase_if(address.secrets, [](const auto& text) { return text.size() < kShortestSecret; });
  address.identity = {.ca_pem = real_line_breaks(text_at(settings, "ca_pem"))};
  if (const auto timeout = whole_at(settings, "timeout"))
    address.timeout = std::chrono::milliseconds(*timeout);
  return address;
}

Result<json::value> RegistryClient::ask(std::string_view method, const std::string& path,
                                        const json::object* body) {
  SL_TRY(url, io::parse_web_url(address_.url + path));
  io::HttpRequest request{.method = std::string(method), .url = address_.url + path};
  request.maximum_body_bytes = kLongestAnswer;
  request.headers = {{"Accept", std::string(kType) + ", application/json"}};
  if (!address_.authorization.empty())
    request.headers.emplace_back("Authorization", address_.authorization);
  if (body != nullptr) {
    request.headers.emplace_back("Content-Type", kType);
    request.body = json::serialize(*body);
  }
  io::HttpChannel channel(std::move(url), address_.identity);
  const auto answer =
      channel.exchange(request, std::chrono::steady_clock::now() + address_.timeout);
  if (!answer) return fail(Errc::Unavailable, "schema registry: " + answer.error().error.detail);
  if (answer->status != 200)
    return fail(code_of(answer->status), "schema registry: the answer to " + std::string(method) +
                                             " " + path + " is " + std::to_string(answer->status) +
                                             reason_in(answer->body, address_.secrets));
  boost::system::error_code error;
  auto parsed = json::parse(answer->body, error);
  if (error)
    return fail(Errc::Unavailable, "schema registry: the answer to " + path + " is no JSON");
  return parsed;
}

Result<RegisteredSchema> RegistryClient::get(const std::string& subject,
                                             std::optional<std::int64_t> version) {
  SL_TRY(answer, ask("GET",
                     subject_path(subject) + "/versions/" +
                         (version ? std::to_string(*version) : std::string("latest")),
                     nullptr));
  return read(answer);
}

Result<SchemaText> RegistryClient::get(const std::variant<std::int32_t, Guid>& schema_name) {
  const auto* guid = std::get_if<Guid>(&schema_name);
  SL_TRY(answer, ask("GET",
                     guid != nullptr
                         ? "/schemas/guids/" + guid_text(*guid)
                         : "/schemas/ids/" + std::to_string(std::get<std::int32_t>(schema_name)),
                     nullptr));
  if (!answer.is_object())
    return fail(Errc::Unavailable, "schema registry: the answer is no schema");
  SchemaText schema{.text = text_at(answer.get_object(), "schema")};
  SL_TRY_VOID(fetch_references(answer.get_object(), schema, 0));
  return schema;
}

Result<SchemaText> RegistryClient::whole(const connect::Encoding& given) {
  SchemaText schema{.text = given.definition};
  SL_TRY_VOID(fetch_references(body_of(given), schema, 0));
  return schema;
}

Result<RegisteredSchema> RegistryClient::find(const std::string& subject,
                                              const connect::Encoding& given) {
  const auto body = body_of(given);
  SL_TRY(answer, ask("POST", subject_path(subject), &body));
  SL_TRY(found, read(answer));
  found.schema.text = given.definition;  // the very one that was given
  SL_TRY_VOID(fetch_references(body, found.schema, 0));
  return std::move(found);
}

Result<RegisteredSchema> RegistryClient::add(const std::string& subject,
                                             const connect::Encoding& given) {
  const auto body = body_of(given);
  SL_TRY_VOID(ask("POST", subject_path(subject) + "/versions", &body));
  return find(subject, given);
}

Result<void> RegistryClient::try_it() {
  SL_TRY(answer, ask("GET", "/schemas/types", nullptr));
  if (!answer.is_array())
    return fail(Errc::Unavailable,
                "schema registry: what answers is none: check the path in `url`");
  return {};
}

Result<RegisteredSchema> RegistryClient::read(const json::value& answer) {
  const auto* object = answer.if_object();
  const auto id = object != nullptr ? whole_at(*object, "id") : std::nullopt;
  if (!id || *id < 0 || *id > std::numeric_limits<std::int32_t>::max())
    return fail(Errc::Unavailable, "schema registry: the answer holds no schema's `id`");
  RegisteredSchema found{.id = static_cast<std::int32_t>(*id),
                         .guid = parse_guid(text_at(*object, "guid")),
                         .schema = {.text = text_at(*object, "schema")}};
  SL_TRY_VOID(fetch_references(*object, found.schema, 0));
  return found;
}

// In depth first, so that each stands before what needs it; one that several need, once.
Result<void> RegistryClient::fetch_references(const json::object& answer, SchemaText& into,
                                              unsigned depth) {
  const auto* references = answer.if_contains("references");
  if (references == nullptr || !references->is_array()) return {};
  for (const auto& entry : references->get_array()) {
    const auto* reference = entry.if_object();
    const auto version = reference != nullptr ? whole_at(*reference, "version") : std::nullopt;
    if (!version) return fail(Errc::Unavailable, "schema registry: a reference has no version");
    const auto name = text_at(*reference, "name");
    if (std::ranges::find(into.references, name, &SchemaText::Reference::name) !=
        into.references.end())
      continue;
    if (depth >= kDeepestReference)
      return fail(Errc::InvalidArgument,
                  "schema registry: the schema's references refer to others more than " +
                      std::to_string(kDeepestReference) + " deep: " + name);
    if (into.references.size() >= kMostReferences)
      return fail(Errc::InvalidArgument, "schema registry: the schema has more than " +
                                             std::to_string(kMostReferences) + " references");
    SL_TRY(found, ask("GET",
                      subject_path(text_at(*reference, "subject")) + "/versions/" +
                          std::to_string(*version),
                      nullptr));
    if (!found.is_object())
      return fail(Errc::Unavailable, "schema registry: the reference " + name + " is no schema");
    SL_TRY_VOID(fetch_references(found.get_object(), into, depth + 1));
    into.references.push_back({.name = name, .text = text_at(found.get_object(), "schema")});
  }
  return {};
}

}  // namespace sluice::connectors::kafka::registry
