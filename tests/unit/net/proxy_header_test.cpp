#include "net/proxy_header.hpp"

#include <gtest/gtest.h>

namespace sluice::net {
namespace {

using State = ProxyHeader::State;

// Version 2: command and version, family and transport, addresses and what follows them.
std::string binary(char command, char family, const std::string& rest) {
  return std::string("\r\n\r\n\0\r\nQUIT\n", 12) + command + family +
         static_cast<char>(rest.size() >> 8) + static_cast<char>(rest.size() & 0xFF) + rest;
}

const std::string kIpv4("\xC0\x00\x02\x07\x0A\x00\x00\x01\x12\x34\x07\x5B", 12);
const std::string kIpv6 = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x07" +
                          std::string(15, '\0') + "\x01" + "\x12\x34\x07\x5B";

struct Read {
  State state;
  std::string client;
  std::string rest;
};

Read read(const std::string& bytes, std::size_t piece) {
  ProxyHeader header;
  std::string rest;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const auto part = std::string_view(bytes).substr(at, piece);
    rest += part.substr(header.take(part));
  }
  return {header.state(), header.client(), rest};
}

void expect_client(const std::string& header, const std::string& client) {
  for (const std::size_t piece : {1UL, 5UL, 10'000UL}) {
    const auto found = read(header + "\r\nrest", piece);
    EXPECT_EQ(found.state, State::Done) << header;
    EXPECT_EQ(found.client, client);
    EXPECT_EQ(found.rest, "\r\nrest");
  }
}

TEST(ProxyHeader, SaysWhoTheClientIs) {
  expect_client("PROXY TCP4 192.0.2.7 10.0.0.1 4660 1883\r\n", "192.0.2.7");
  expect_client("PROXY TCP6 2001:DB8::7 ::1 4660 1883\r\n", "2001:db8::7");
  expect_client(binary('\x21', '\x11', kIpv4), "192.0.2.7");
  expect_client(binary('\x21', '\x21', kIpv6), "2001:db8::7");
  expect_client(binary('\x21', '\x11', kIpv4 + std::string(3000, 'x')), "192.0.2.7");
}

TEST(ProxyHeader, MaySpeakForTheProxyItself) {
  expect_client("PROXY UNKNOWN\r\n", "");
  expect_client("PROXY UNKNOWN whatever it says\r\n", "");
  expect_client(binary('\x20', '\x00', ""), "");
  expect_client(binary('\x20', '\x11', kIpv4), "");
  expect_client(binary('\x21', '\x31', std::string(216, 'u')), "");  // a UNIX socket
}

TEST(ProxyHeader, RefusesWhatIsNone) {
  for (const auto& bytes : {
           std::string("\x10\x0C\x00\x04MQTT", 8),
           std::string("PROXY TCP4 192.0.2.7 10.0.0.1 4660\r\n"),
           std::string("PROXY TCP4 192.0.2.7  10.0.0.1 4660 1883\r\n"),
           std::string("PROXY TCP4 ::1 ::1 4660 1883\r\n"),
           std::string("PROXY TCP6 192.0.2.7 10.0.0.1 4660 1883\r\n"),
           std::string("PROXY TCP4 192.0.2.7 10.0.0.1 65536 1883\r\n"),
           std::string("PROXY TCP4 192.0.2.700 10.0.0.1 1 1883\r\n"),
           std::string("PROXY UDP4 192.0.2.7 10.0.0.1 1 1883\r\n"),
           "PROXY UNKNOWN " + std::string(100, 'x'),
           binary('\x11', '\x11', kIpv4),
           binary('\x22', '\x11', kIpv4),
           binary('\x21', '\x11', kIpv4.substr(1)),
           binary('\x21', '\x21', kIpv4),
           binary('\x21', '\x11', kIpv4 + std::string(5000, 'x')),
       }) {
    EXPECT_EQ(read(bytes, 1).state, State::Refused) << testing::PrintToString(bytes);
    EXPECT_EQ(read(bytes, 10'000).state, State::Refused) << testing::PrintToString(bytes);
  }
}

TEST(ProxyHeader, WaitsForItsEnd) {
  EXPECT_EQ(read("PROXY TCP4 192.0.2.7 10.0.0.1 4660 1883\r", 1).state, State::Waiting);
  const auto header = binary('\x21', '\x11', kIpv4 + "more");
  EXPECT_EQ(read(header.substr(0, header.size() - 1), 1).state, State::Waiting);
}

}  // namespace
}  // namespace sluice::net
