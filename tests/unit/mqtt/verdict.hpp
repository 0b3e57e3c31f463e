// Tables of packets and what the codec must say to them.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "support/mqtt_packets.hpp"

namespace sluice::mqtt::test {

inline constexpr Version kV31 = Version::V31;
inline constexpr Version kV311 = Version::V311;
inline constexpr Version kV5 = Version::V5;
inline constexpr ReasonCode kGood = ReasonCode::Success;
inline constexpr ReasonCode kMalformed = ReasonCode::MalformedPacket;
inline constexpr ReasonCode kProtocol = ReasonCode::ProtocolError;

struct Case {
  std::string_view rule;  // the statement of the standard, and the packet in a few words
  Version version;
  std::string_view packet;  // in the notation of bytes()
  ReasonCode expected;
};

inline void expect_verdicts(Sender sender, std::initializer_list<Case> cases) {
  for (const Case& one : cases) {
    SCOPED_TRACE(std::string(one.rule) + ": " + std::string(one.packet));
    const ExactCopy packet(bytes(one.packet));

    const auto outcome = decoded(one.version, sender, packet.view());

    if (!outcome) {
      ADD_FAILURE() << "the packet is not complete";
      continue;
    }
    const ReasonCode verdict = *outcome ? ReasonCode::Success : outcome->error();
    EXPECT_EQ(name_of(verdict), name_of(one.expected));
  }
}

// The packet of type T in the notation of bytes(). `storage` keeps the bytes it views.
template <class T>
[[nodiscard]] T decoded_as(Version version, Sender sender, std::string_view notation,
                           std::string& storage) {
  storage = bytes(notation);
  const auto outcome = decoded(version, sender, storage);
  if (!outcome || !*outcome || !std::holds_alternative<T>(**outcome)) {
    ADD_FAILURE() << "refused: " << notation;
    return {};
  }
  return std::get<T>(**outcome);
}

}  // namespace sluice::mqtt::test
