// Whatever the bytes, decoding ends, reads nothing outside them and allocates no more than it says;
// and what it accepts is encoded to bytes that decode to the same packet.
//
// The first byte of the input chooses version and sender, the others are what the peer sent.
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/check.hpp"
#include "support/mqtt_packets.hpp"

namespace sluice::mqtt::test {
namespace {

[[nodiscard]] std::size_t heap_bytes(const Packet& packet) {
  if (const auto* subscribe = std::get_if<Subscribe>(&packet)) {
    return subscribe->subscriptions.capacity() * sizeof(SubscriptionRequest);
  }
  if (const auto* unsubscribe = std::get_if<Unsubscribe>(&packet)) {
    return unsubscribe->filters.capacity() * sizeof(std::string_view);
  }
  if (const auto* suback = std::get_if<Suback>(&packet)) return suback->reasons.capacity();
  if (const auto* unsuback = std::get_if<Unsuback>(&packet)) return unsuback->reasons.capacity();
  return 0;
}

void check_round_trip(Version version, Sender sender, const Packet& packet) {
  const ExactCopy wire(encoded(version, packet));
  if (const auto* publish = std::get_if<Publish>(&packet)) {
    SL_CHECK(wire.view().size() == encoded_size(version, *publish));
    std::string split;
    encode_publish_head(split, version, *publish, publish->payload.size());
    SL_CHECK(split.append(publish->payload) == wire.view());
  }
  const auto again = decoded(version, sender, wire.view());
  SL_CHECK(again.has_value());
  SL_CHECK(again->has_value());
  SL_CHECK(**again == packet);
  SL_CHECK(encoded(version, **again) == wire.view());
}

void decode_all(Version version, Sender sender, std::string_view stream) {
  constexpr std::size_t kMaximumSize = 1'000'000;
  while (true) {
    const auto frame = next_frame(stream, kMaximumSize, version);
    if (!frame) return;
    if (!*frame) {
      const auto size = frame_size(stream);
      SL_CHECK(!size || (*size > stream.size() && *size <= kMaximumSize));
      return;
    }
    SL_CHECK((*frame)->size <= stream.size());
    SL_CHECK(frame_size(stream) == (*frame)->size);

    const ExactCopy body((*frame)->body);
    Frame exact = **frame;
    exact.body = body.view();
    const auto packet = decode(version, sender, exact);
    if (!packet) {
      SL_CHECK(is_error(packet.error()));
      return;
    }
    SL_CHECK(heap_bytes(*packet) <= 8 * exact.body.size());
    check_round_trip(version, sender, *packet);
    stream.remove_prefix((*frame)->size);
  }
}

}  // namespace
}  // namespace sluice::mqtt::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::mqtt;
  if (size == 0) return 0;
  constexpr Version kVersions[] = {Version::V31, Version::V311, Version::V5, Version::V5};
  const auto sender = (data[0] & 4) != 0 ? Sender::Server : Sender::Client;
  const test::ExactCopy stream({reinterpret_cast<const char*>(data) + 1, size - 1});
  test::decode_all(kVersions[data[0] & 3], sender, stream.view());
  return 0;
}
