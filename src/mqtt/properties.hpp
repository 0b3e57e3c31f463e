#pragma once
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "mqtt/reason_code.hpp"

namespace sluice::mqtt {

// MQTT 5.0 §2.2.2.2.
enum class PropertyId : std::uint8_t {
  PayloadFormatIndicator = 0x01,
  MessageExpiryInterval = 0x02,
  ContentType = 0x03,
  ResponseTopic = 0x08,
  CorrelationData = 0x09,
  SubscriptionIdentifier = 0x0B,
  SessionExpiryInterval = 0x11,
  AssignedClientIdentifier = 0x12,
  ServerKeepAlive = 0x13,
  AuthenticationMethod = 0x15,
  AuthenticationData = 0x16,
  RequestProblemInformation = 0x17,
  WillDelayInterval = 0x18,
  RequestResponseInformation = 0x19,
  ResponseInformation = 0x1A,
  ServerReference = 0x1C,
  ReasonString = 0x1F,
  ReceiveMaximum = 0x21,
  TopicAliasMaximum = 0x22,
  TopicAlias = 0x23,
  MaximumQos = 0x24,
  RetainAvailable = 0x25,
  UserProperty = 0x26,
  MaximumPacketSize = 0x27,
  WildcardSubscriptionAvailable = 0x28,
  SubscriptionIdentifierAvailable = 0x29,
  SharedSubscriptionAvailable = 0x2A,
};

// One property. `number` for byte, two byte, four byte and variable byte integers; `text` for
// strings and binary data; `name` and `text` for a user property.
struct Property {
  PropertyId id{};
  std::uint32_t number = 0;
  std::string_view name;
  std::string_view text;
  std::string_view encoded;  // the whole property as it stands in the packet, identifier included
};

// A properties section that has been checked once (identifiers allowed in this packet, no illegal
// repetition, values in range, strict UTF-8) and can then be read without errors, in order. A view
// of the encoded bytes, without the length prefix.
class Properties {
 public:
  Properties() = default;
  // Contract: `encoded` came from a checked section, or from a PropertyWriter.
  static Properties from_checked(std::string_view encoded) {
    Properties properties;
    properties.encoded_ = encoded;
    return properties;
  }

  class iterator {
   public:
    using value_type = Property;
    using difference_type = std::ptrdiff_t;
    iterator() = default;
    explicit iterator(std::string_view rest);
    const Property& operator*() const { return current_; }
    const Property* operator->() const { return &current_; }
    iterator& operator++();
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& it, std::default_sentinel_t) { return it.at_end_; }

   private:
    void step();
    std::string_view rest_;
    Property current_;
    bool at_end_ = true;
  };
  [[nodiscard]] iterator begin() const { return iterator(encoded_); }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }

  [[nodiscard]] bool empty() const { return encoded_.empty(); }
  [[nodiscard]] std::string_view encoded() const { return encoded_; }
  [[nodiscard]] std::optional<std::uint32_t> number(PropertyId id) const;   // first of that id
  [[nodiscard]] std::optional<std::string_view> text(PropertyId id) const;  // first of that id

  // Byte for byte: the same properties in another order are not equal.
  friend bool operator==(const Properties&, const Properties&) = default;

 private:
  std::string_view encoded_;
};

// Appends properties to a buffer in the order of the calls. The caller knows which are allowed.
class PropertyWriter {
 public:
  explicit PropertyWriter(std::string& out) : out_(out) {}
  void number(PropertyId id, std::uint32_t value);   // width by identifier
  void text(PropertyId id, std::string_view value);  // at most 65,535 bytes: the caller checked
  void user(std::string_view name, std::string_view value);
  void raw(std::string_view encoded) { out_.append(encoded); }

 private:
  std::string& out_;
};

}  // namespace sluice::mqtt
