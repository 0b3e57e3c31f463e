#include "connect/inbound_mapper.hpp"

#include <algorithm>

#include "connect/header_properties.hpp"
#include "mqtt/properties.hpp"
#include "mqtt/topic.hpp"
#include "mqtt/utf8.hpp"

namespace sluice::connect {
namespace {

using mqtt::PropertyId;

constexpr std::size_t kMostLevels = 65535;       // mqtt.topic_levels is the broker's to know
constexpr std::size_t kLongestProperty = 65535;  // [MQTT-1.5.4] two bytes of length

tl::unexpected<std::string> missing(std::string_view place, std::string_view name) {
  std::string why(place);
  why += ": ${";
  why += name;
  why += "} is not in what came and has no default";
  return tl::unexpected(std::move(why));
}

bool fits_a_property(std::string_view text) {
  return text.size() <= kLongestProperty && mqtt::is_valid_utf8(text);
}

}  // namespace

// What the broker would say, too, but for the whole batch: a task that stops at what is rejected
// has to know it before it publishes what stands behind.
std::string why_not_topic(std::string_view topic) {
  std::string why = "topic " + std::string(topic.substr(0, 256));
  if (!mqtt::is_valid_topic_name(topic, kMostLevels))
    return why + ": must be a topic name: not empty, no wildcards";
  if (topic.starts_with('$')) return why + ": topics that begin with `$` belong to the server";
  return {};
}

std::string why_never_a_topic(const Template& topic) {
  if (const auto constant = topic.constant()) return why_not_topic(*constant);
  const auto has_wildcard = [](const Template::Part& part) {
    return !part.name && part.literal.find_first_of("+#") != std::string::npos;
  };
  return std::ranges::any_of(topic.parts(), has_wildcard) ? "must be a topic name: no wildcards"
                                                          : std::string();
}

InboundMapper::InboundMapper(const InboundMapping& mapping, Names names)
    : mapping_(mapping),
      names_(std::move(names)),
      outward_(outward_origin(names_.task_id)),
      fields_(names_.node) {}

bool InboundMapper::circles(const model::Message& message) const {
  const auto origins = origins_of(message);
  return connect::circles(origins, names_.task_id, names_.maximum_hops) ||
         connect::circles(origins, outward_, 0);
}

std::optional<where::Truth> InboundMapper::judge(const where::Condition& condition,
                                                 const model::Message& message, Arena& arena,
                                                 std::vector<std::string_view>* missing) {
  fields_.use(message, arena);
  return condition.evaluate(message, fields_.payload(), missing);
}

Result<broker::OutsideMessage, std::string> InboundMapper::map(
    const model::Message& message, Arena& arena, std::optional<std::string_view> payload) {
  processed_ = message;
  if (payload) processed_.payload = *payload;
  fields_.use(processed_, arena);

  broker::OutsideMessage out;
  const auto topic = mapping_.topic.evaluate(fields_);
  if (!topic) return missing("topic", topic.error());
  if (!fits_a_property(*topic))
    return tl::unexpected(std::string("topic: is not UTF-8 text of at most 65535 bytes"));
  out.topic = *topic;
  auto value = processed_.payload;
  if (mapping_.value) {
    const auto made = mapping_.value->evaluate(fields_);
    if (!made) return missing("value", made.error());
    value = *made;
  }
  out.payload = value;
  SL_TRY(encoded, properties(message, value));
  out.properties = std::move(encoded);
  const auto came_with =
      mapping_.is_of_records ? mqtt::Qos::AtLeastOnce : static_cast<mqtt::Qos>(message.qos);
  out.qos = mapping_.qos.value_or(came_with);
  out.retain = mapping_.retain.value_or(!mapping_.is_of_records && message.retain);
  out.client.client_id = names_.client_id;
  out.client.username = names_.account;
  out.client.has_username = !names_.account.empty();
  return out;
}

// Those it came with first, in their order; its origins last, whatever the mapping says.
Result<std::string, std::string> InboundMapper::properties(const model::Message& message,
                                                           std::string_view payload) {
  std::string encoded;
  mqtt::PropertyWriter writer(encoded);
  HeaderProperties headers(encoded, payload);
  std::string origins;
  const auto given = mqtt::Properties::from_checked(message.properties);
  for (auto it = given.begin(); it != given.end(); ++it) {
    const bool is_user = it->id == PropertyId::UserProperty;
    if (is_user && it->name == kOrigins) {
      origins = it->text;
    } else if (!mapping_.keeps_properties) {
      continue;
    } else if (!is_user || !mapping_.is_of_records) {
      writer.raw(it->encoded);
    } else {
      headers.add(it->name, it->text);
    }
  }
  for (const auto& [name, compiled] : mapping_.properties) {
    const auto text = compiled.evaluate(fields_);
    if (!text) return missing("property " + name, text.error());
    if (!fits_a_property(*text))
      return tl::unexpected("property " + name + ": is not UTF-8 text of at most 65535 bytes");
    writer.user(name, *text);
  }
  if (!origins.empty()) origins += ',';
  origins += names_.task_id;
  if (!fits_a_property(origins)) return tl::unexpected(std::string(kOrigins) + ": is too long");
  writer.user(kOrigins, origins);
  return encoded;
}

}  // namespace sluice::connect
