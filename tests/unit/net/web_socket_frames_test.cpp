#include "net/web_socket_frames.hpp"

#include <gtest/gtest.h>

#include "unit/net/client_frames.hpp"

namespace sluice::net {
namespace {

using test::frame;
using test::Kind;

// A reader and what came out of it.
struct Reading {
  FrameReader reader;
  std::string carried;
  std::string answer;

  Reading& take(std::string bytes) {
    const auto size = reader.take(bytes, answer);
    carried.append(bytes, 0, size);
    return *this;
  }
  Reading& take_byte_by_byte(std::string_view bytes) {
    for (const char byte : bytes) take(std::string(1, byte));
    return *this;
  }
};

std::optional<CloseCode> refusal_of(const std::string& bytes) {
  return Reading().take(bytes).reader.refusal();
}

TEST(FrameReader, JoinsWhatFramesCarry) {
  Reading reading;

  reading.take(frame(Kind::Binary, "one ") + frame(Kind::Binary, "") + frame(Kind::Binary, "two"));

  EXPECT_EQ(reading.carried, "one two");
  EXPECT_FALSE(reading.reader.is_over());
}

TEST(FrameReader, TakesFramesOfEveryLengthInAnyPieces) {
  for (const std::size_t size :
       {0UL, 1UL, 7UL, 8UL, 9UL, 125UL, 126UL, 127UL, 1000UL, 65535UL, 65536UL, 70000UL}) {
    std::string payload(size, '\0');
    for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 31);
    const auto bytes = frame(Kind::Binary, payload) + frame(Kind::Binary, "end");

    EXPECT_EQ(Reading().take(bytes).carried, payload + "end") << size;
    EXPECT_EQ(Reading().take_byte_by_byte(bytes).carried, payload + "end") << size;
    Reading halves;
    halves.take(bytes.substr(0, bytes.size() / 2)).take(bytes.substr(bytes.size() / 2));
    EXPECT_EQ(halves.carried, payload + "end") << size;
  }
}

TEST(FrameReader, JoinsFragmentsWithControlFramesBetween) {
  Reading reading;

  reading.take(frame(Kind::Binary, "a", false) + frame(Kind::Ping, "?") +
               frame(Kind::Continuation, "b", false) + frame(Kind::Pong, "") +
               frame(Kind::Continuation, "c") + frame(Kind::Binary, "d"));

  EXPECT_EQ(reading.carried, "abcd");
  EXPECT_EQ(reading.answer, std::string("\x8A\x01?", 3));
}

TEST(FrameReader, AnswersEachPingWithItsBytes) {
  const std::string longest(125, 'p');
  Reading reading;

  reading.take_byte_by_byte(frame(Kind::Ping, longest) + frame(Kind::Ping, ""));

  EXPECT_EQ(reading.answer, "\x8A\x7D" + longest + std::string("\x8A\0", 2));
}

TEST(FrameReader, RefusesTextAsNotBinary) {  // [MQTT-6.0.0-1]
  EXPECT_EQ(refusal_of(frame(Kind::Text, "hello")), CloseCode::NotBinary);
}

TEST(FrameReader, RefusesWhatBreaksTheProtocol) {
  const std::string unmasked("\x82\x01x", 3);
  const std::string reserved_bit("\xC2\x80", 2);
  const std::string reserved_opcode("\x83\x80", 2);
  const std::string length_of_16_bits_for_125("\x82\xFE\x00\x7D\0\0\0\0", 8);
  const std::string length_of_64_bits_for_65535("\x82\xFF\0\0\0\0\0\0\xFF\xFF\0\0\0\0", 14);
  const std::string length_with_the_highest_bit("\x82\xFF\x80\0\0\0\0\0\0\0\0\0\0\0", 14);
  for (const auto& bytes :
       {unmasked, reserved_bit, reserved_opcode, length_of_16_bits_for_125,
        length_of_64_bits_for_65535, length_with_the_highest_bit,
        frame(Kind::Continuation, "of nothing"),
        frame(Kind::Binary, "a", false) + frame(Kind::Binary, "b"),
        frame(Kind::Ping, "fragment", false), frame(Kind::Ping, std::string(126, 'x')),
        frame(Kind::Close, "x"), frame(Kind::Close, std::string("\x03\xED", 2)),
        frame(Kind::Close, std::string("\0\0", 2))}) {
    EXPECT_EQ(refusal_of(bytes), CloseCode::ProtocolError) << testing::PrintToString(bytes);
  }
}

TEST(FrameReader, RefusesAFrameLargerThanAnyPacketByItsHeader) {
  const std::string bytes("\x82\xFF\0\0\0\0\x10\0\0\x05\0\0\0\0", 14);  // 268,435,461

  EXPECT_EQ(refusal_of(bytes), CloseCode::TooLarge);
}

TEST(FrameReader, ReadsNothingBehindAClose) {
  Reading reading;

  reading.take(frame(Kind::Binary, "a") + frame(Kind::Close, std::string("\x03\xE9", 2)) +
               frame(Kind::Binary, "b"));

  EXPECT_EQ(reading.carried, "a");
  EXPECT_TRUE(reading.reader.is_closed());
  EXPECT_EQ(reading.reader.close_code(), 1001);
}

TEST(FrameReader, ReadsNothingBehindARefusal) {
  Reading reading;

  reading.take(frame(Kind::Binary, "a") + frame(Kind::Text, "b") + frame(Kind::Binary, "c"));

  EXPECT_EQ(reading.carried, "a");
}

TEST(ServerFrames, AreNotMaskedAndOfAModestSize) {
  std::string wire;

  append_binary_frames(wire, "abc");
  EXPECT_EQ(wire,
            "\x82\x03"
            "abc");

  wire.clear();
  append_binary_frames(wire, std::string(65536 + 200, 'x'));
  EXPECT_EQ(wire.substr(0, 10), std::string("\x82\x7F\0\0\0\0\0\1\0\0", 10));
  EXPECT_EQ(wire.substr(10 + 65536, 4), std::string("\x82\x7E\0\xC8", 4));
  EXPECT_EQ(wire.size(), 10 + 65536 + 4 + 200U);
}

TEST(ServerFrames, CloseWithTheCode) {
  std::string wire;

  append_close_frame(wire, 1003);
  append_close_frame(wire, std::nullopt);

  EXPECT_EQ(wire, std::string("\x88\x02\x03\xEB\x88\0", 6));
}

}  // namespace
}  // namespace sluice::net
