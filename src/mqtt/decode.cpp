#include <utility>

#include "mqtt/codec.hpp"
#include "mqtt/reader.hpp"

namespace sluice::mqtt {
namespace {

template <class T>
[[nodiscard]] Decoded<Packet> as_packet(Decoded<T> packet) {
  if (!packet) return tl::unexpected(packet.error());
  return Packet(std::move(*packet));
}

template <class T>
[[nodiscard]] Decoded<Packet> without_body(std::string_view body) {
  if (!body.empty()) return malformed();
  return Packet(T{});
}

// May this side send that type at all? MQTT 5.0 §2.1.2, table 2-1.
[[nodiscard]] bool may_send(Sender sender, PacketType type) {
  switch (type) {
    case PacketType::Connect:
    case PacketType::Subscribe:
    case PacketType::Unsubscribe:
    case PacketType::Pingreq:
      return sender == Sender::Client;
    case PacketType::Connack:
    case PacketType::Suback:
    case PacketType::Unsuback:
    case PacketType::Pingresp:
      return sender == Sender::Server;
    case PacketType::Publish:
    case PacketType::Puback:
    case PacketType::Pubrec:
    case PacketType::Pubrel:
    case PacketType::Pubcomp:
    case PacketType::Disconnect:
    case PacketType::Auth:
      return true;
  }
  return false;
}

// Success is for the server to say, Re-authenticate for the client. §3.15.2.1, table 3-15.
[[nodiscard]] Decoded<Packet> decode_auth_of(Sender sender, Version version,
                                             std::string_view body) {
  const auto packet = decode_auth(version, body);
  if (!packet) return tl::unexpected(packet.error());
  const ReasonCode foreign =
      sender == Sender::Client ? ReasonCode::Success : ReasonCode::ReAuthenticate;
  if (packet->reason == foreign) return protocol_error();
  return Packet(*packet);
}

}  // namespace

Decoded<Packet> decode(Version version, Sender sender, const Frame& frame) {
  if (!may_send(sender, frame.type)) return protocol_error();
  switch (frame.type) {
    case PacketType::Connect:
      return as_packet(decode_connect(frame.body));
    case PacketType::Connack:
      return as_packet(decode_connack(version, frame.body));
    case PacketType::Publish:
      return as_packet(decode_publish(version, sender, frame.flags, frame.body));
    case PacketType::Puback:
    case PacketType::Pubrec:
    case PacketType::Pubrel:
    case PacketType::Pubcomp:
      return as_packet(decode_ack(version, frame.type, frame.body));
    case PacketType::Subscribe:
      return as_packet(decode_subscribe(version, frame.body));
    case PacketType::Suback:
      return as_packet(decode_suback(version, frame.body));
    case PacketType::Unsubscribe:
      return as_packet(decode_unsubscribe(version, frame.body));
    case PacketType::Unsuback:
      return as_packet(decode_unsuback(version, frame.body));
    case PacketType::Pingreq:
      return without_body<Pingreq>(frame.body);
    case PacketType::Pingresp:
      return without_body<Pingresp>(frame.body);
    case PacketType::Disconnect:
      return as_packet(decode_disconnect(version, sender, frame.body));
    case PacketType::Auth:
      return decode_auth_of(sender, version, frame.body);
  }
  return malformed();
}

}  // namespace sluice::mqtt
