#include "mqtt/property_rules.hpp"

#include <initializer_list>
#include <limits>

#include "mqtt/utf8.hpp"

namespace sluice::mqtt {
namespace {

using enum PropertyPlace;

constexpr std::uint16_t in(std::initializer_list<PropertyPlace> places) {
  unsigned bits = 0;
  for (const PropertyPlace place : places) bits |= 1U << static_cast<unsigned>(place);
  return static_cast<std::uint16_t>(bits);
}

constexpr std::uint32_t kAny16 = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint32_t kAny32 = std::numeric_limits<std::uint32_t>::max();

constexpr PropertyRule byte_flag(std::uint16_t places) {
  return {PropertyType::Byte, 0, 1, places, 0};
}
constexpr PropertyRule two_byte(std::uint32_t lowest, std::uint16_t places) {
  return {PropertyType::TwoByte, lowest, kAny16, places, 0};
}
constexpr PropertyRule four_byte(std::uint32_t lowest, std::uint16_t places) {
  return {PropertyType::FourByte, lowest, kAny32, places, 0};
}
constexpr PropertyRule text(PropertyType type, std::uint16_t places) {
  return {type, 0, 0, places, 0};
}

constexpr std::size_t kRules = 0x2B;

// Table 2-4 of the standard.
constexpr std::array<PropertyRule, kRules> make_rules() {
  std::array<PropertyRule, kRules> rules{};
  const auto set = [&rules](PropertyId id, PropertyRule rule) {
    rules[static_cast<std::size_t>(id)] = rule;
  };
  constexpr auto kMessage = in({Publish, Will});
  constexpr auto kEverywhere = in({Will, Connect, Connack, Publish, Puback, Pubrec, Pubrel, Pubcomp,
                                   Subscribe, Suback, Unsubscribe, Unsuback, Disconnect, Auth});
  constexpr auto kAnswers =
      in({Connack, Puback, Pubrec, Pubrel, Pubcomp, Suback, Unsuback, Disconnect, Auth});
  constexpr auto kLogin = in({Connect, Connack, Auth});

  set(PropertyId::PayloadFormatIndicator, byte_flag(kMessage));
  set(PropertyId::MessageExpiryInterval, four_byte(0, kMessage));
  set(PropertyId::ContentType, text(PropertyType::String, kMessage));
  set(PropertyId::ResponseTopic, text(PropertyType::TopicName, kMessage));
  set(PropertyId::CorrelationData, text(PropertyType::Binary, kMessage));
  set(PropertyId::SubscriptionIdentifier,
      {PropertyType::Varint, 1, kLargestVarint, in({Publish, Subscribe}), in({Publish})});
  set(PropertyId::SessionExpiryInterval, four_byte(0, in({Connect, Connack, Disconnect})));
  set(PropertyId::AssignedClientIdentifier, text(PropertyType::String, in({Connack})));
  set(PropertyId::ServerKeepAlive, two_byte(0, in({Connack})));
  set(PropertyId::AuthenticationMethod, text(PropertyType::String, kLogin));
  set(PropertyId::AuthenticationData, text(PropertyType::Binary, kLogin));
  set(PropertyId::RequestProblemInformation, byte_flag(in({Connect})));
  set(PropertyId::WillDelayInterval, four_byte(0, in({Will})));
  set(PropertyId::RequestResponseInformation, byte_flag(in({Connect})));
  set(PropertyId::ResponseInformation, text(PropertyType::String, in({Connack})));
  set(PropertyId::ServerReference, text(PropertyType::String, in({Connack, Disconnect})));
  set(PropertyId::ReasonString, text(PropertyType::String, kAnswers));
  set(PropertyId::ReceiveMaximum, two_byte(1, in({Connect, Connack})));
  set(PropertyId::TopicAliasMaximum, two_byte(0, in({Connect, Connack})));
  set(PropertyId::TopicAlias, two_byte(1, in({Publish})));
  set(PropertyId::MaximumQos, byte_flag(in({Connack})));
  set(PropertyId::RetainAvailable, byte_flag(in({Connack})));
  set(PropertyId::UserProperty, {PropertyType::StringPair, 0, 0, kEverywhere, kEverywhere});
  set(PropertyId::MaximumPacketSize, four_byte(1, in({Connect, Connack})));
  set(PropertyId::WildcardSubscriptionAvailable, byte_flag(in({Connack})));
  set(PropertyId::SubscriptionIdentifierAvailable, byte_flag(in({Connack})));
  set(PropertyId::SharedSubscriptionAvailable, byte_flag(in({Connack})));
  return rules;
}

constexpr std::array<PropertyRule, kRules> kPropertyRules = make_rules();
constexpr PropertyRule kUnknownProperty{};

[[nodiscard]] Decoded<std::uint32_t> read_number(Reader& in, PropertyType type) {
  if (type == PropertyType::FourByte) return in.u32();
  if (type == PropertyType::Varint) return in.varint();
  if (type == PropertyType::TwoByte) return in.u16();
  return in.byte();
}

[[nodiscard]] Decoded<void> check_value(Reader& in, const PropertyRule& rule) {
  switch (rule.type) {
    case PropertyType::Byte:
    case PropertyType::TwoByte:
    case PropertyType::FourByte:
    case PropertyType::Varint: {
      SL_TRY(value, read_number(in, rule.type));
      if (value < rule.lowest || value > rule.highest) return protocol_error();
      return {};
    }
    case PropertyType::Binary:
      SL_TRY_VOID(in.binary());
      return {};
    case PropertyType::String:
      SL_TRY_VOID(in.string());
      return {};
    case PropertyType::TopicName: {
      SL_TRY(topic, in.string());
      // [MQTT-3.3.2-14] [MQTT-4.7.3-1]
      if (topic.empty() || has_wildcard(topic)) return protocol_error();
      return {};
    }
    case PropertyType::StringPair:
      SL_TRY_VOID(in.string());
      SL_TRY_VOID(in.string());
      return {};
    case PropertyType::Unknown:
      break;
  }
  return malformed();
}

}  // namespace

const PropertyRule& property_rule(std::uint8_t id) {
  return id < kPropertyRules.size() ? kPropertyRules[id] : kUnknownProperty;
}

Decoded<CheckedProperties> check_properties(std::string_view encoded, PropertyPlace place) {
  const unsigned here = 1U << static_cast<unsigned>(place);
  std::uint64_t seen = 0;
  Reader in(encoded);
  while (!in.empty()) {
    SL_TRY(id, in.byte());  // A variable byte integer, but no identifier needs a second byte.
    const PropertyRule& rule = property_rule(id);
    if ((rule.places & here) == 0) return malformed();
    const std::uint64_t bit = std::uint64_t{1} << id;
    if ((seen & bit) != 0 && (rule.repeatable & here) == 0) return protocol_error();
    seen |= bit;
    SL_TRY_VOID(check_value(in, rule));
  }
  return CheckedProperties{Properties::from_checked(encoded), seen};
}

}  // namespace sluice::mqtt
