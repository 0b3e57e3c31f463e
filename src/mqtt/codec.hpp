// Bytes to packets and back. No I/O, no state but the protocol version, which the caller knows from
// CONNECT. Decoding reads nothing outside the packet and allocates only the list of a SUBSCRIBE,
// SUBACK, UNSUBSCRIBE or UNSUBACK, once, after its entries have been counted: at most eight bytes
// for each byte of the packet. What MQTT 3.1 calls unused is ignored in packets of that version.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mqtt/packet.hpp"

namespace sluice::mqtt {

// The fixed header and where the body stands.
struct Frame {
  PacketType type{};
  std::uint8_t flags = 0;
  std::string_view body;  // view into the buffer
  std::size_t size = 0;   // of the whole packet: how much of the buffer it takes
};

// The next packet at the front of `bytes`; nothing when more bytes are needed. Refuses, as soon as
// the header is there: type 0, flags that the type does not allow [MQTT-2.2.2-2], a remaining
// length of more than four bytes or not minimal [MQTT-1.5.5-1], and a packet larger than
// `maximum_size` (PacketTooLarge). With version V31 the DUP flag of PUBREL, SUBSCRIBE and
// UNSUBSCRIBE passes, which that version alone has.
[[nodiscard]] Decoded<std::optional<Frame>> next_frame(std::string_view bytes,
                                                       std::size_t maximum_size,
                                                       Version version = Version::V311);

// How many bytes the packet at the front will have in all, if its fixed header is complete: how
// much to make room for. Contract: next_frame() answered "more needed" for the same bytes.
[[nodiscard]] std::optional<std::size_t> frame_size(std::string_view bytes);

enum class Sender : std::uint8_t { Client, Server };  // who sent the packet that is decoded

[[nodiscard]] Decoded<Connect> decode_connect(std::string_view body);  // carries its own version

// The version that a CONNECT asks for, however broken the rest of it is; nothing when there is none
// that is known. Says in which form, if any, a refused CONNECT can be answered.
[[nodiscard]] std::optional<Version> version_of_connect(std::string_view body);

[[nodiscard]] Decoded<Connack> decode_connack(Version version, std::string_view body);
[[nodiscard]] Decoded<Publish> decode_publish(Version version, Sender sender, std::uint8_t flags,
                                              std::string_view body);
[[nodiscard]] Decoded<Ack> decode_ack(Version version, PacketType type, std::string_view body);
[[nodiscard]] Decoded<Subscribe> decode_subscribe(Version version, std::string_view body);
[[nodiscard]] Decoded<Suback> decode_suback(Version version, std::string_view body);
[[nodiscard]] Decoded<Unsubscribe> decode_unsubscribe(Version version, std::string_view body);
[[nodiscard]] Decoded<Unsuback> decode_unsuback(Version version, std::string_view body);
[[nodiscard]] Decoded<Disconnect> decode_disconnect(Version version, Sender sender,
                                                    std::string_view body);
[[nodiscard]] Decoded<Auth> decode_auth(Version version, std::string_view body);

// Any packet of that sender; what the other side alone may send is a ProtocolError.
[[nodiscard]] Decoded<Packet> decode(Version version, Sender sender, const Frame& frame);

// Each appends one whole packet to `out`. Contract: fields are within the protocol's limits.
void encode(std::string& out, const Connect& packet);
void encode(std::string& out, Version version, const Connack& packet);
void encode(std::string& out, Version version, const Publish& packet);
void encode(std::string& out, Version version, const Ack& packet);
void encode(std::string& out, Version version, const Subscribe& packet);
void encode(std::string& out, Version version, const Suback& packet);
void encode(std::string& out, Version version, const Unsubscribe& packet);
void encode(std::string& out, Version version, const Unsuback& packet);
void encode(std::string& out, Version version, const Disconnect& packet);
void encode(std::string& out, Version version, const Auth& packet);
void encode(std::string& out, Pingreq);
void encode(std::string& out, Pingresp);

// Everything of a PUBLISH but its payload, so that a payload that is shared need not be copied.
// `payload_size` counts into the remaining length.
void encode_publish_head(std::string& out, Version version, const Publish& packet,
                         std::size_t payload_size);

// Of a whole packet of that size.
[[nodiscard]] constexpr std::size_t fixed_header_size(std::size_t packet_size) {
  return packet_size < 2 + 128         ? 2
         : packet_size < 3 + 16'384    ? 3
         : packet_size < 4 + 2'097'152 ? 4
                                       : 5;
}

// The size that encode(out, version, packet) would append.
[[nodiscard]] std::size_t encoded_size(Version version, const Publish& packet);

}  // namespace sluice::mqtt
