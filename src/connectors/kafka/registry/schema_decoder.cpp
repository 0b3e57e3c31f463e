#include "connectors/kafka/registry/schema_decoder.hpp"

#include "base/base64.hpp"
#include "mqtt/properties.hpp"

namespace sluice::connectors::kafka::registry {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostSchemas = 1024;
constexpr auto kLookForItAgainAfter = 30s;  // what the registry did not know

// What the header says, as the source has brought it in (kafka_source.cpp); nothing: there is none.
// No message has it any more.
std::optional<std::string_view> take_schema_header(model::Message& message, connect::Arena& arena) {
  std::optional<std::string_view> found;
  std::string others;
  mqtt::PropertyWriter writer(others);
  const auto properties = mqtt::Properties::from_checked(message.properties);
  for (auto it = properties.begin(); it != properties.end(); ++it) {
    const bool names = it->id == mqtt::PropertyId::UserProperty && it->name == kValueSchemaHeader;
    if (!names)
      writer.raw(it->encoded);
    else if (!found)
      found = it->text;
  }
  if (!found) return found;
  message.properties = arena.copy(others);
  std::string bytes;
  if (found->starts_with(kEncodedHeader) &&
      decode_base64(found->substr(kEncodedHeader.size()), bytes))
    found = arena.copy(bytes);
  return found;
}

std::string name_of(const SchemaName& name) {
  if (const auto* guid = std::get_if<Guid>(&name.schema)) return "GUID " + guid_text(*guid);
  return "id " + std::to_string(std::get<std::int32_t>(name.schema));
}

}  // namespace

Result<void> SchemaDecoder::decode(std::span<model::Message* const> messages, connect::Arena& arena,
                                   std::vector<std::string>& reasons,
                                   const std::function<bool()>& is_stopping) {
  reasons.assign(messages.size(), {});
  if (known_.size() >= kMostSchemas) known_.clear();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (is_stopping()) return fail(Errc::Unavailable, "schema registry: stopped");
    SL_TRY(reason, decode(*messages[i], arena));
    reasons[i] = std::move(reason);
  }
  return {};
}

// Empty, or why not. A header comes first, as with Confluent's deserializers.
Result<std::string> SchemaDecoder::decode(model::Message& message, connect::Arena& arena) {
  const auto header = take_schema_header(message, arena);
  auto value = message.payload;
  if (value.empty()) return std::string();  // a record without one: it has none here either
  auto named = header ? *header : value;
  const auto name = take_schema_name(named);
  if (!name)
    return header ? "schema: the header " + std::string(kValueSchemaHeader) + " names none"
                  : std::string("schema: the value does not begin with the id of a schema");
  if (!header) {
    value = named;
  } else if (!named.empty()) {  // the indexes of Protobuf, which stand before the value otherwise
    value = arena.copy(std::string(named) + std::string(value));
  }
  SL_TRY(known, schema_of(*name));
  if (known->format == nullptr) return known->reason;
  auto decoded = known->format->decode(value);
  if (!decoded) return std::move(decoded.error());
  message.payload = arena.copy(*decoded);
  return std::string();
}

// Whoever writes records may name any schema: one that nobody knows is that record's fault, and is
// not asked for with each.
Result<const SchemaDecoder::Known*> SchemaDecoder::schema_of(const SchemaName& name) {
  const auto now = std::chrono::steady_clock::now();
  const auto at = known_.find(name.bytes);
  if (at != known_.end() &&
      (at->second.format != nullptr || now < at->second.asked + kLookForItAgainAfter))
    return &at->second;
  Known known{.format = nullptr, .reason = {}, .asked = now};
  const auto found = client_.get(name.schema);
  if (!found && found.error().code != Errc::NotFound) return tl::unexpected(found.error());
  if (found) {
    auto format = make_format(format_, *found, {});
    if (format)
      known.format = std::move(*format);
    else
      known.reason = "schema of " + name_of(name) + ": " + format.error();
  } else {
    known.reason = "schema: the registry has none with the " + name_of(name);
  }
  return &known_.insert_or_assign(std::string(name.bytes), std::move(known)).first->second;
}

}  // namespace sluice::connectors::kafka::registry
