#include "io/address_rule.hpp"

#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>

#include <gtest/gtest.h>

namespace sluice::io {
namespace {

class AddressRule : public testing::Test {
 protected:
  void TearDown() override {
    allow_networks(Caller::Connection, {});
    allow_networks(Caller::Http, {});
    never_call_port(0);
  }
};

Network network_of_text(const std::string& text) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  EXPECT_EQ(getaddrinfo(text.c_str(), nullptr, &hints, &found), 0) << text;
  if (found == nullptr) return Network::Never;
  const auto network = network_of(*found->ai_addr);
  freeaddrinfo(found);
  return network;
}

TEST_F(AddressRule, KnowsWhereAddressesLie) {
  for (const auto* text : {"127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1", "2130706433",
                           "0x7f.1", "0177.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"})
    EXPECT_EQ(network_of_text(text), Network::Loopback) << text;
  for (const auto* text : {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
                           "100.127.255.255", "fc00::1", "fd12:3456::1", "::ffff:10.1.2.3",
                           "::ffff:a01:203", "167772161", "012.0.0.1", "64:ff9b::10.0.0.1"})
    EXPECT_EQ(network_of_text(text), Network::Private) << text;
  for (const auto* text :
       {"1.1.1.1", "172.32.0.1", "172.15.0.1", "100.128.0.1", "192.169.0.1", "223.255.255.255",
        "11.0.0.1", "2600::1", "2a00:1450::1", "::ffff:8.8.8.8", "2002:808:808::1"})
    EXPECT_EQ(network_of_text(text), Network::Public) << text;
  for (const auto* text : {"169.254.169.254",
                           "169.254.0.1",
                           "2852039166",
                           "0xa9fea9fe",
                           "0251.0376.0251.0376",
                           "169.254.1",
                           "::ffff:169.254.169.254",
                           "::ffff:a9fe:a9fe",
                           "64:ff9b::a9fe:a9fe",
                           "2002:a9fe:a9fe::1",
                           "::169.254.169.254",
                           "fe80::1",
                           "febf::1",
                           "fec0::1",
                           "fd00:ec2::254",
                           "fd20:ce::254",
                           "100.100.100.200",
                           "168.63.129.16",
                           "192.0.0.192",
                           "0.0.0.0",
                           "0",
                           "::",
                           "::ffff:0.0.0.0",
                           "0.1.2.3",
                           "224.0.0.1",
                           "255.255.255.255",
                           "240.0.0.1",
                           "ff02::1",
                           "2001::1",
                           "64:ff9b:1::1"})
    EXPECT_EQ(network_of_text(text), Network::Never) << text;
}

TEST_F(AddressRule, RefusesWhatTheSettingLeavesOut) {
  EXPECT_TRUE(may_call_host(Caller::Connection, "127.0.0.1", 9092).has_value());
  EXPECT_TRUE(may_call_host(Caller::Connection, "10.0.0.1", 9092).has_value());
  EXPECT_TRUE(may_call_host(Caller::Connection, "2600::1", 9092).has_value());
  allow_networks(Caller::Connection, {.loopback = false, .priv = false});

  for (const auto* host : {"127.0.0.1", "[::1]", "2130706433", "10.0.0.1", "::ffff:10.0.0.1"}) {
    const auto answer = may_call_host(Caller::Connection, host, 9092);
    ASSERT_FALSE(answer.has_value()) << host;
    EXPECT_EQ(answer.error().code, Errc::NotAuthorized);
    EXPECT_NE(answer.error().detail.find("connect.allowed_networks"), std::string::npos);
  }
  EXPECT_TRUE(may_call_host(Caller::Connection, "1.1.1.1", 9092).has_value());
  EXPECT_TRUE(may_call_host(Caller::Connection, "localhost", 9092).has_value())
      << "a name has no address yet";

  allow_networks(Caller::Connection, {.pub = false});
  EXPECT_FALSE(may_call_host(Caller::Connection, "1.1.1.1", 9092).has_value());
  EXPECT_TRUE(may_call_host(Caller::Connection, "10.0.0.1", 9092).has_value());
}

TEST_F(AddressRule, NeverCallsMetadataServices) {
  for (const auto* host : {"169.254.169.254", "2852039166", "[fd00:ec2::254]", "0.0.0.0"}) {
    const auto answer = may_call_host(Caller::Connection, host, 9092);
    ASSERT_FALSE(answer.has_value()) << host;
    EXPECT_NE(answer.error().detail.find("never called"), std::string::npos);
  }
}

TEST_F(AddressRule, HasNetworksOfItsOwnForHttp) {
  allow_networks(Caller::Http, {.loopback = false, .priv = false});

  EXPECT_TRUE(may_call_host(Caller::Connection, "127.0.0.1", 9092).has_value());
  EXPECT_TRUE(may_call_host(Caller::Http, "1.1.1.1", 9092).has_value());
  for (const auto* host : {"127.0.0.1", "10.0.0.1"}) {
    const auto answer = may_call_host(Caller::Http, host, 9092);
    ASSERT_FALSE(answer.has_value()) << host;
    EXPECT_NE(answer.error().detail.find("is given and names it"), std::string::npos);
  }
}

sockaddr_in at(std::uint32_t host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(host);
  address.sin_port = htons(port);
  return address;
}

TEST_F(AddressRule, NeverCallsTheAdministrationOfThisMachine) {
  never_call_port(8080);
  const auto may = [](Caller caller, const sockaddr_in& address) {
    return may_call(caller, reinterpret_cast<const sockaddr&>(address)).has_value();
  };

  for (const auto caller : {Caller::Connection, Caller::Http}) {
    EXPECT_FALSE(may(caller, at(INADDR_LOOPBACK, 8080)));
    EXPECT_FALSE(may(caller, at(0x7f010203, 8080))) << "all of 127/8 is this machine";
    EXPECT_TRUE(may(caller, at(INADDR_LOOPBACK, 8081)));
    EXPECT_TRUE(may(caller, at(0x08080808, 8080))) << "the same port elsewhere";
  }
}

TEST_F(AddressRule, RefusesTheAdministrationInEverySpelling) {
  never_call_port(8080);
  for (const auto* host : {"127.0.0.1", "[::1]", "2130706433", "0x7f.1", "::ffff:127.0.0.1",
                           "localhost", "LOCALHOST.", "any.localhost"}) {
    const auto answer = may_call_host(Caller::Connection, host, 8080);
    ASSERT_FALSE(answer.has_value()) << host;
    EXPECT_NE(answer.error().detail.find("administered"), std::string::npos) << host;
    EXPECT_TRUE(may_call_host(Caller::Connection, host, 8081).has_value()) << host;
  }
  EXPECT_TRUE(may_call_host(Caller::Connection, "a-localhost", 8080).has_value());
  EXPECT_TRUE(may_call_host(Caller::Connection, "8.8.8.8", 8080).has_value());
}

TEST_F(AddressRule, CallsIpAlone) {
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  sockaddr address{};
  std::memcpy(&address, &local, sizeof address);

  EXPECT_FALSE(may_call(Caller::Connection, address).has_value());
}

}  // namespace
}  // namespace sluice::io
