// What the standard says of each property, as a table. Private to the codec. MQTT 5.0 §2.2.2.2.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "mqtt/packet.hpp"
#include "mqtt/properties.hpp"
#include "mqtt/reader.hpp"

namespace sluice::mqtt {

// Where a properties section stands: the will, or the packet type by its number.
enum class PropertyPlace : std::uint8_t {
  Will = 0,
  Connect = 1,
  Connack,
  Publish,
  Puback,
  Pubrec,
  Pubrel,
  Pubcomp,
  Subscribe,
  Suback,
  Unsubscribe,
  Unsuback,
  Disconnect = 14,
  Auth,
};

enum class PropertyType : std::uint8_t {
  Unknown,
  Byte,
  TwoByte,
  FourByte,
  Varint,
  String,
  TopicName,  // a string without wildcards
  Binary,
  StringPair,
};

struct PropertyRule {
  PropertyType type = PropertyType::Unknown;
  std::uint32_t lowest = 0;
  std::uint32_t highest = 0;
  std::uint16_t places = 0;      // one bit for each PropertyPlace
  std::uint16_t repeatable = 0;  // where it may stand more than once
};

// Of the identifier; type Unknown when there is no such property.
[[nodiscard]] const PropertyRule& property_rule(std::uint8_t id);

// A checked section, and which identifiers were seen in it, one bit each.
struct CheckedProperties {
  Properties properties;
  std::uint64_t seen = 0;

  [[nodiscard]] bool has(PropertyId id) const {
    return (seen >> static_cast<unsigned>(id) & 1) != 0;
  }
};

// Linear in the size of the section. Fails: MalformedPacket for an identifier that is unknown or
// not valid in this place and for a value that is not of its type (§2.2.2.2); ProtocolError for a
// repetition and a value out of range.
[[nodiscard]] Decoded<CheckedProperties> check_properties(std::string_view encoded,
                                                          PropertyPlace place);

// The length-prefixed section at the front of `in`. Contract: the version is 5.
[[nodiscard]] inline Decoded<CheckedProperties> read_properties(Reader& in, PropertyPlace place) {
  SL_TRY(size, in.varint());
  SL_TRY(encoded, in.bytes(size));
  if (encoded.empty()) return CheckedProperties{};
  return check_properties(encoded, place);
}

}  // namespace sluice::mqtt
