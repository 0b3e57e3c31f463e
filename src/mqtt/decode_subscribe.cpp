#include "mqtt/codec.hpp"
#include "mqtt/property_rules.hpp"

namespace sluice::mqtt {
namespace {

// How many entries stand in the payload, each a filter and `extra` bytes: what to make room for.
[[nodiscard]] Decoded<std::size_t> count_filters(Reader in, std::size_t extra) {
  std::size_t count = 0;
  for (; !in.empty(); ++count) {
    SL_TRY_VOID(in.binary());
    SL_TRY_VOID(in.bytes(extra));
  }
  if (count == 0) return protocol_error();  // [MQTT-3.8.3-2] [MQTT-3.10.3-2]
  return count;
}

[[nodiscard]] Decoded<SubscriptionRequest> options_v3(unsigned options, Version version) {
  // [MQTT-3.8.3-4] of 3.1.1; to 3.1 the upper bits are unused.
  if (version == Version::V311 && (options & 0xFC) != 0) return malformed();
  if ((options & 0b11) == 3) return malformed();
  SubscriptionRequest request;
  request.qos = static_cast<Qos>(options & 0b11);
  return request;
}

[[nodiscard]] Decoded<SubscriptionRequest> options_v5(unsigned options, std::string_view filter) {
  if ((options & 0xC0) != 0) return malformed();  // [MQTT-3.8.3-5]
  SubscriptionRequest request;
  request.no_local = (options & 0x04) != 0;
  request.retain_as_published = (options & 0x08) != 0;
  request.retain_handling = static_cast<std::uint8_t>(options >> 4 & 0b11);
  if ((options & 0b11) == 3 || request.retain_handling == 3) return protocol_error();  // §3.8.3.1
  request.qos = static_cast<Qos>(options & 0b11);
  if (request.no_local && filter.starts_with("$share/")) {
    return protocol_error();  // [MQTT-3.8.3-4]
  }
  return request;
}

[[nodiscard]] Decoded<SubscriptionRequest> read_subscription(Reader& in, Version version) {
  SL_TRY(filter, in.string());  // [MQTT-3.8.3-1]
  SL_TRY(options, in.byte());
  auto request =
      version == Version::V5 ? options_v5(options, filter) : options_v3(options, version);
  if (request) request->filter = filter;
  return request;
}

}  // namespace

Decoded<Subscribe> decode_subscribe(Version version, std::string_view body) {
  Reader in(body);
  Subscribe packet;
  SL_TRY(packet_id, in.packet_id());
  packet.packet_id = packet_id;
  if (version == Version::V5) {
    SL_TRY(section, read_properties(in, PropertyPlace::Subscribe));
    packet.properties = section.properties;
  }
  SL_TRY(count, count_filters(in, 1));
  packet.subscriptions.reserve(count);
  while (!in.empty()) {
    SL_TRY(request, read_subscription(in, version));
    packet.subscriptions.push_back(request);
  }
  return packet;
}

// A function of its own in every build: bench/cost tells by its calls where a part begins.
[[gnu::noinline]] Decoded<Unsubscribe> decode_unsubscribe(Version version, std::string_view body) {
  Reader in(body);
  Unsubscribe packet;
  SL_TRY(packet_id, in.packet_id());
  packet.packet_id = packet_id;
  if (version == Version::V5) {
    SL_TRY(section, read_properties(in, PropertyPlace::Unsubscribe));
    packet.properties = section.properties;
  }
  SL_TRY(count, count_filters(in, 0));
  packet.filters.reserve(count);
  while (!in.empty()) {
    SL_TRY(filter, in.string());  // [MQTT-3.10.3-1]
    packet.filters.push_back(filter);
  }
  return packet;
}

}  // namespace sluice::mqtt
