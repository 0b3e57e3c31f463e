#pragma once
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "mqtt/packet.hpp"
#include "mqtt/property_rules.hpp"
#include "support/mqtt_packets.hpp"

namespace sluice::mqtt::test {

// Valid packets of every type, the same ones for the same seed.
//
// Owns: the bytes that its packets view, until the next call of next().
class RandomPackets {
 public:
  explicit RandomPackets(std::uint64_t seed) : random_(seed) {}

  // Some packet that `sender` may send in `version`.
  [[nodiscard]] Packet next(Version version, Sender sender);

 private:
  [[nodiscard]] unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }
  [[nodiscard]] bool flip() { return below(2) == 0; }
  [[nodiscard]] std::uint16_t packet_id() { return static_cast<std::uint16_t>(1 + below(65'535)); }
  [[nodiscard]] Qos qos() { return static_cast<Qos>(below(3)); }
  [[nodiscard]] ReasonCode one_of(std::string_view codes);
  [[nodiscard]] std::vector<ReasonCode> some_of(std::string_view codes);
  [[nodiscard]] std::string_view keep(std::string value);
  [[nodiscard]] std::string_view text();
  [[nodiscard]] std::string_view topic();
  [[nodiscard]] std::string_view binary();
  [[nodiscard]] Properties properties(Version version, PropertyPlace place,
                                      std::vector<PropertyId> without = {});
  void append_property(PropertyWriter& writer, PropertyId id, const PropertyRule& rule);

  [[nodiscard]] Packet connect(Version version);
  [[nodiscard]] Packet connack(Version version);
  [[nodiscard]] Packet publish(Version version, Sender sender);
  [[nodiscard]] Packet ack(Version version);
  [[nodiscard]] Packet subscribe(Version version);
  [[nodiscard]] Packet suback(Version version);
  [[nodiscard]] Packet unsubscribe(Version version);
  [[nodiscard]] Packet unsuback(Version version);
  [[nodiscard]] Packet disconnect(Version version, Sender sender);
  [[nodiscard]] Packet auth(Sender sender);

  std::mt19937_64 random_;
  std::deque<std::string> kept_;
};

}  // namespace sluice::mqtt::test
