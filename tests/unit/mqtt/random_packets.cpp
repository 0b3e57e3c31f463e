#include "unit/mqtt/random_packets.hpp"

#include <algorithm>
#include <utility>

namespace sluice::mqtt::test {
namespace {

using namespace std::string_view_literals;

constexpr auto kPiecesOfText = {"a"sv,      "/"sv,      "$"sv,      "\u00e4"sv,
                                "\u20ac"sv, "sensor"sv, "\u4e2d"sv, "\U0001F600"sv,
                                "\ufeff"sv, " "sv,      "\x01"sv,   "temperature"sv};

// Without what MQTT 3 cannot say.
[[nodiscard]] std::string_view reasons_for(Version version, std::string_view v3,
                                           std::string_view v5) {
  return version == Version::V5 ? v5 : v3;
}

}  // namespace

std::string_view RandomPackets::keep(std::string value) {
  return kept_.emplace_back(std::move(value));
}

ReasonCode RandomPackets::one_of(std::string_view codes) {
  return static_cast<ReasonCode>(codes[below(static_cast<unsigned>(codes.size()))]);
}

std::vector<ReasonCode> RandomPackets::some_of(std::string_view codes) {
  std::vector<ReasonCode> reasons;
  for (unsigned i = 0; i <= below(5); ++i) reasons.push_back(one_of(codes));
  return reasons;
}

std::string_view RandomPackets::text() {
  std::string out;
  for (unsigned i = below(6); i > 0; --i) {
    out += kPiecesOfText.begin()[below(static_cast<unsigned>(kPiecesOfText.size()))];
  }
  return keep(std::move(out));
}

std::string_view RandomPackets::topic() {
  return keep("t" + std::string(text()));
}

std::string_view RandomPackets::binary() {
  std::string out;
  for (unsigned i = below(4) == 0 ? below(300) : below(8); i > 0; --i) {
    out.push_back(static_cast<char>(below(256)));
  }
  return keep(std::move(out));
}

void RandomPackets::append_property(PropertyWriter& writer, PropertyId id,
                                    const PropertyRule& rule) {
  switch (rule.type) {
    case PropertyType::Byte:
    case PropertyType::TwoByte:
    case PropertyType::FourByte:
    case PropertyType::Varint: {
      const std::uint64_t span = std::uint64_t{rule.highest} - rule.lowest + 1;
      const std::uint64_t offset =
          flip() ? random_() % span : random_() % std::min(span, std::uint64_t{200});
      return writer.number(id, static_cast<std::uint32_t>(rule.lowest + offset));
    }
    case PropertyType::TopicName:
      return writer.text(id, topic());
    case PropertyType::String:
      return writer.text(id, text());
    case PropertyType::Binary:
      return writer.text(id, binary());
    case PropertyType::StringPair:
      return writer.user(text(), text());
    case PropertyType::Unknown:
      return;
  }
}

Properties RandomPackets::properties(Version version, PropertyPlace place,
                                     std::vector<PropertyId> without) {
  if (version != Version::V5 || below(3) == 0) return {};
  const unsigned here = 1U << static_cast<unsigned>(place);
  std::vector<PropertyId> ids;
  for (unsigned number = 1; number < 0x30; ++number) {
    const auto& rule = property_rule(static_cast<std::uint8_t>(number));
    const auto id = static_cast<PropertyId>(number);
    if ((rule.places & here) == 0 || std::ranges::count(without, id) != 0) continue;
    const unsigned copies = (rule.repeatable & here) != 0 ? below(4) : below(2);
    ids.insert(ids.end(), copies, id);
  }
  std::ranges::shuffle(ids, random_);
  std::string section;
  PropertyWriter writer(section);
  for (const PropertyId id : ids) {
    append_property(writer, id, property_rule(static_cast<std::uint8_t>(id)));
  }
  return Properties::from_checked(keep(std::move(section)));
}

Packet RandomPackets::connect(Version version) {
  Connect packet;
  packet.version = version;
  packet.clean_start = flip();
  packet.keep_alive_s = static_cast<std::uint16_t>(below(65'536));
  packet.client_id = text();
  if (flip()) packet.username = text();
  if (flip() && (packet.username || version == Version::V5)) packet.password = binary();
  if (flip()) {
    packet.will = Will{.topic = topic(),
                       .payload = binary(),
                       .qos = qos(),
                       .retain = flip(),
                       .properties = properties(version, PropertyPlace::Will)};
  }
  packet.properties =
      properties(version, PropertyPlace::Connect,
                 flip() ? std::vector{PropertyId::AuthenticationData} : std::vector<PropertyId>{});
  if (!packet.properties.text(PropertyId::AuthenticationMethod) &&
      packet.properties.text(PropertyId::AuthenticationData)) {
    packet.properties = {};
  }
  return packet;
}

Packet RandomPackets::connack(Version version) {
  Connack packet;
  packet.reason = one_of(reasons_for(version, "\x00\x84\x85\x88\x86\x87"sv, "\x00\x80\x87\x9f"sv));
  packet.session_present =
      version != Version::V31 && packet.reason == ReasonCode::Success && flip();
  packet.properties = properties(version, PropertyPlace::Connack, {PropertyId::AuthenticationData});
  return packet;
}

Packet RandomPackets::publish(Version version, Sender sender) {
  Publish packet;
  packet.topic = topic();
  packet.payload = binary();
  packet.qos = qos();
  packet.retain = flip();
  if (packet.qos != Qos::AtMostOnce) {
    packet.dup = flip();
    packet.packet_id = packet_id();
  }
  packet.properties =
      properties(version, PropertyPlace::Publish,
                 sender == Sender::Client ? std::vector{PropertyId::SubscriptionIdentifier}
                                          : std::vector<PropertyId>{});
  if (packet.properties.number(PropertyId::TopicAlias) && flip()) packet.topic = {};
  return packet;
}

Packet RandomPackets::ack(Version version) {
  Ack packet;
  packet.type = static_cast<PacketType>(static_cast<unsigned>(PacketType::Puback) + below(4));
  packet.packet_id = packet_id();
  const bool is_first = packet.type <= PacketType::Pubrec;
  packet.reason =
      one_of(reasons_for(version, "\x00"sv, is_first ? "\x00\x10\x87\x99"sv : "\x00\x92"sv));
  packet.properties = properties(version, static_cast<PropertyPlace>(packet.type));
  return packet;
}

Packet RandomPackets::subscribe(Version version) {
  Subscribe packet;
  packet.packet_id = packet_id();
  packet.properties = properties(version, PropertyPlace::Subscribe);
  for (unsigned i = 0; i <= below(6); ++i) {
    SubscriptionRequest request;
    const bool is_shared = below(4) == 0;
    request.filter = keep((is_shared ? "$share/g/" : "") + std::string(topic()) + "/#");
    request.qos = qos();
    if (version == Version::V5) {
      request.no_local = !is_shared && flip();
      request.retain_as_published = flip();
      request.retain_handling = static_cast<std::uint8_t>(below(3));
    }
    packet.subscriptions.push_back(request);
  }
  return packet;
}

Packet RandomPackets::suback(Version version) {
  return Suback{
      .packet_id = packet_id(),
      .properties = properties(version, PropertyPlace::Suback),
      .reasons = some_of(reasons_for(version, "\x00\x01\x02\x80"sv, "\x00\x01\x02\x80\x8f\xa2"sv))};
}

Packet RandomPackets::unsubscribe(Version version) {
  Unsubscribe packet;
  packet.packet_id = packet_id();
  packet.properties = properties(version, PropertyPlace::Unsubscribe);
  for (unsigned i = 0; i <= below(6); ++i) packet.filters.push_back(topic());
  return packet;
}

Packet RandomPackets::unsuback(Version version) {
  Unsuback packet;
  packet.packet_id = packet_id();
  packet.properties = properties(version, PropertyPlace::Unsuback);
  if (version == Version::V5) packet.reasons = some_of("\x00\x11\x87\x91"sv);
  return packet;
}

Packet RandomPackets::disconnect(Version version, Sender sender) {
  if (version != Version::V5) return Disconnect{};
  if (sender == Sender::Client) {
    return Disconnect{.reason = one_of("\x00\x04\x82\x99"sv),
                      .properties = properties(version, PropertyPlace::Disconnect)};
  }
  return Disconnect{.reason = one_of("\x00\x8b\x9c\xa2"sv),
                    .properties = properties(version, PropertyPlace::Disconnect,
                                             {PropertyId::SessionExpiryInterval})};
}

Packet RandomPackets::auth(Sender sender) {
  std::string section;
  PropertyWriter writer(section);
  writer.text(PropertyId::AuthenticationMethod, text());
  if (flip()) writer.text(PropertyId::AuthenticationData, binary());
  if (flip()) writer.user(text(), text());
  return Auth{.reason = one_of(sender == Sender::Client ? "\x18\x19"sv : "\x00\x18"sv),
              .properties = Properties::from_checked(keep(std::move(section)))};
}

Packet RandomPackets::next(Version version, Sender sender) {
  kept_.clear();
  const bool is_v5 = version == Version::V5;
  if (sender == Sender::Client) {
    switch (below(is_v5 ? 8 : 7)) {
      case 0:
        return connect(version);
      case 1:
        return subscribe(version);
      case 2:
        return unsubscribe(version);
      case 3:
        return Pingreq{};
      case 4:
        return publish(version, sender);
      case 5:
        return ack(version);
      case 6:
        return disconnect(version, sender);
      default:
        return auth(sender);
    }
  }
  switch (below(is_v5 ? 8 : 6)) {
    case 0:
      return connack(version);
    case 1:
      return suback(version);
    case 2:
      return unsuback(version);
    case 3:
      return Pingresp{};
    case 4:
      return publish(version, sender);
    case 5:
      return ack(version);
    case 6:
      return disconnect(version, sender);
    default:
      return auth(sender);
  }
}

}  // namespace sluice::mqtt::test
