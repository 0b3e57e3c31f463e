#include "mqtt/properties.hpp"

#include "base/check.hpp"
#include "mqtt/property_rules.hpp"

namespace sluice::mqtt {
namespace {

// The property at the front of `in`. Not UTF-8 and not ranges: they were checked before. Bounds
// are looked at all the same, so that a broken contract is not a read outside the packet.
[[nodiscard]] Decoded<Property> read_property(Reader& in) {
  SL_TRY(id, in.byte());
  Property property;
  property.id = static_cast<PropertyId>(id);
  switch (property_rule(id).type) {
    case PropertyType::Byte: {
      SL_TRY(value, in.byte());
      property.number = value;
      return property;
    }
    case PropertyType::TwoByte: {
      SL_TRY(value, in.u16());
      property.number = value;
      return property;
    }
    case PropertyType::FourByte: {
      SL_TRY(value, in.u32());
      property.number = value;
      return property;
    }
    case PropertyType::Varint: {
      SL_TRY(value, in.varint());
      property.number = value;
      return property;
    }
    case PropertyType::StringPair: {
      SL_TRY(name, in.binary());
      property.name = name;
      [[fallthrough]];
    }
    case PropertyType::String:
    case PropertyType::TopicName:
    case PropertyType::Binary: {
      SL_TRY(text, in.binary());
      property.text = text;
      return property;
    }
    case PropertyType::Unknown:
      break;
  }
  return malformed();
}

[[nodiscard]] bool is_number(PropertyId id) {
  const PropertyType type = property_rule(static_cast<std::uint8_t>(id)).type;
  return type == PropertyType::Byte || type == PropertyType::TwoByte ||
         type == PropertyType::FourByte || type == PropertyType::Varint;
}

}  // namespace

Properties::iterator::iterator(std::string_view rest) : rest_(rest), at_end_(false) {
  step();
}

Properties::iterator& Properties::iterator::operator++() {
  step();
  return *this;
}

void Properties::iterator::step() {
  Reader in(rest_);
  const Decoded<Property> property = read_property(in);
  if (!property) {
    SL_DCHECK(rest_.empty());
    at_end_ = true;
    return;
  }
  current_ = *property;
  current_.encoded = rest_.substr(0, rest_.size() - in.rest().size());
  rest_ = in.rest();
}

std::optional<std::uint32_t> Properties::number(PropertyId id) const {
  if (!is_number(id)) return std::nullopt;
  for (const Property& property : *this) {
    if (property.id == id) return property.number;
  }
  return std::nullopt;
}

std::optional<std::string_view> Properties::text(PropertyId id) const {
  if (is_number(id)) return std::nullopt;
  for (const Property& property : *this) {
    if (property.id == id) return property.text;
  }
  return std::nullopt;
}

void PropertyWriter::number(PropertyId id, std::uint32_t value) {
  const auto put = [this](std::uint32_t byte) { out_.push_back(static_cast<char>(byte & 0xFF)); };
  put(static_cast<std::uint8_t>(id));
  switch (property_rule(static_cast<std::uint8_t>(id)).type) {
    case PropertyType::FourByte:
      put(value >> 24);
      put(value >> 16);
      put(value >> 8);
      put(value);
      return;
    case PropertyType::TwoByte:
      put(value >> 8);
      put(value);
      return;
    case PropertyType::Byte:
      put(value);
      return;
    case PropertyType::Varint:
      SL_DCHECK(value <= kLargestVarint);
      for (; value >= 128; value >>= 7) put(value | 0x80);
      put(value);
      return;
    case PropertyType::Unknown:
    case PropertyType::String:
    case PropertyType::TopicName:
    case PropertyType::Binary:
    case PropertyType::StringPair:
      break;
  }
  SL_CHECK(is_number(id));
}

namespace {

void append_text(std::string& out, std::string_view value) {
  SL_CHECK(value.size() <= 0xFFFF);
  out.push_back(static_cast<char>(value.size() >> 8));
  out.push_back(static_cast<char>(value.size() & 0xFF));
  out.append(value);
}

}  // namespace

void PropertyWriter::text(PropertyId id, std::string_view value) {
  SL_DCHECK(!is_number(id) && id != PropertyId::UserProperty);
  out_.push_back(static_cast<char>(id));
  append_text(out_, value);
}

void PropertyWriter::user(std::string_view name, std::string_view value) {
  out_.push_back(static_cast<char>(PropertyId::UserProperty));
  append_text(out_, name);
  append_text(out_, value);
}

}  // namespace sluice::mqtt
