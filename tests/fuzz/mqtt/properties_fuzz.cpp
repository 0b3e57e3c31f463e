// Whatever the bytes, checking a properties section ends and reads nothing outside it; and what it
// accepts can be read in full, each property with its own bytes, and written back as it was.
//
// The first byte of the input chooses the packet, the others are the section.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "mqtt/property_rules.hpp"
#include "support/mqtt_packets.hpp"

namespace sluice::mqtt::test {
namespace {

[[nodiscard]] bool is_text(PropertyType type) {
  return type == PropertyType::String || type == PropertyType::TopicName ||
         type == PropertyType::Binary;
}

void write_again(PropertyWriter& writer, const Property& property) {
  const auto type = property_rule(static_cast<std::uint8_t>(property.id)).type;
  if (type == PropertyType::StringPair) {
    writer.user(property.name, property.text);
  } else if (is_text(type)) {
    writer.text(property.id, property.text);
  } else {
    writer.number(property.id, property.number);
  }
}

void check_reading(std::string_view section, PropertyPlace place,
                   const CheckedProperties& checked) {
  std::string joined;
  std::string rewritten;
  PropertyWriter writer(rewritten);
  std::map<PropertyId, int> counts;
  for (const Property& property : checked.properties) {
    const auto& rule = property_rule(static_cast<std::uint8_t>(property.id));
    SL_CHECK(rule.type != PropertyType::Unknown);
    SL_CHECK(checked.has(property.id));
    const bool is_first = ++counts[property.id] == 1;
    SL_CHECK(is_first || (rule.repeatable >> static_cast<unsigned>(place) & 1) != 0);
    if (is_text(rule.type)) {
      SL_CHECK(!is_first || checked.properties.text(property.id) == property.text);
    } else if (rule.type != PropertyType::StringPair) {
      SL_CHECK(property.number >= rule.lowest && property.number <= rule.highest);
      SL_CHECK(!is_first || checked.properties.number(property.id) == property.number);
    }
    joined += property.encoded;
    write_again(writer, property);
  }
  SL_CHECK(joined == section);
  SL_CHECK(rewritten == section);
}

}  // namespace
}  // namespace sluice::mqtt::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::mqtt;
  if (size == 0) return 0;
  const auto place = static_cast<PropertyPlace>(data[0] % 16);
  const test::ExactCopy section({reinterpret_cast<const char*>(data) + 1, size - 1});
  const auto checked = check_properties(section.view(), place);
  if (checked) {
    SL_CHECK(checked->properties.encoded() == section.view());
    test::check_reading(section.view(), place, *checked);
  } else {
    SL_CHECK(checked.error() == ReasonCode::MalformedPacket ||
             checked.error() == ReasonCode::ProtocolError);
  }
  return 0;
}
