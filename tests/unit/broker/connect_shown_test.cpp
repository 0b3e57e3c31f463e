// What administrators see of a client's CONNECT.
#include <string>

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

namespace json = boost::json;
using mqtt::PropertyId;
using sluice::test::MemoryStore;

class ConnectShown : public testing::Test {
 protected:
  ConnectShown() { start({}); }
  void start(const Limits& limits) {
    server.reset();
    server = std::make_unique<BrokerUnderTest>(store, limits);
    const auto loaded = server->broker.load();
    if (!loaded) ADD_FAILURE() << loaded.error().detail;
  }

  json::object shown(const std::string& client_id = "meter") {
    const auto client = server->asked([&] { return server->broker.client(client_id); });
    EXPECT_TRUE(client);
    return client ? *client : json::object();
  }
  std::string properties_of(const std::string& client_id = "meter") {
    return json::serialize(shown(client_id).at("connect_properties"));
  }
  std::size_t kept_bytes() { return server->broker.memory().sessions->bytes(); }

  MemoryStore store{MemoryStore::Durability::Manual};
  std::unique_ptr<BrokerUnderTest> server;
};

TEST_F(ConnectShown, SaysWhatTheClientSaidInTheStandardsWords) {
  ScriptedClient client(*server);
  client.topic_alias_maximum = 7;
  client.maximum_packet_size = 65536;
  client.wants_problem_information = false;
  client.user_properties = {{"site", "north"}, {"site", "twice"}};
  client.connect("meter", true, kLong, 20);

  EXPECT_EQ(
      properties_of(),
      R"({"session_expiry_interval":3600,"receive_maximum":20,"topic_alias_maximum":7,)"
      R"("request_problem_information":0,"maximum_packet_size":65536,)"
      R"("user_properties":[{"name":"site","value":"north"},{"name":"site","value":"twice"}]})");
  EXPECT_EQ(shown().at("clean_start"), true);
}

TEST_F(ConnectShown, IsOfTheConnectionAndEndsWithIt) {
  ScriptedClient client(*server);
  client.user_properties = {{"site", "north"}};
  client.connect("meter", false, kLong);
  EXPECT_EQ(shown().at("clean_start"), false);
  const auto with_properties = kept_bytes();
  client.drop();
  client.connection.reset();

  EXPECT_TRUE(shown().at("connect_properties").is_null());
  EXPECT_TRUE(shown().at("clean_start").is_null());
  EXPECT_EQ(kept_bytes() + 1 + 2 + 4 + 2 + 5, with_properties);  // id, two lengths, two words
}

TEST_F(ConnectShown, HasNoneWhereTheClientGaveNone) {
  ScriptedClient plain(*server);
  plain.connect("plain");
  ScriptedClient old(*server, mqtt::Version::V311);
  old.connect("old");

  EXPECT_EQ(properties_of("plain"), "{}");
  EXPECT_EQ(properties_of("old"), "{}");
}

TEST_F(ConnectShown, LeavesOutUserPropertiesThatAreTooLongAndSaysSo) {
  ScriptedClient client(*server);
  client.user_properties = {{"a", "short"},
                            {"b", std::string(kConnectPropertyBytes, 'x')},
                            {"c", "after one that is missing"}};
  client.maximum_packet_size = 65536;  // stands behind them
  client.connect("meter");

  EXPECT_EQ(properties_of(), R"({"maximum_packet_size":65536,)"
                             R"("user_properties":[{"name":"a","value":"short"}],)"
                             R"("user_properties_left_out":true})");
}

TEST_F(ConnectShown, KeepsNoUserPropertiesBeyondTheBoundOfSessions) {
  Limits limits;
  limits.sessions_bytes = 300;
  start(limits);
  ScriptedClient client(*server);
  client.user_properties = {{"a", std::string(300, 'x')}};
  client.connect("meter", true, kLong);

  EXPECT_EQ(properties_of(), R"({"session_expiry_interval":3600,"user_properties_left_out":true})");
}

TEST_F(ConnectShown, NeverSaysWhatProvesWhoTheClientIs) {
  const auto properties = [] {
    std::string encoded;
    mqtt::PropertyWriter writer(encoded);
    writer.text(PropertyId::AuthenticationMethod, "SCRAM-SHA-256");
    writer.text(PropertyId::AuthenticationData, "a secret");
    return encoded;
  }();
  const auto kept = ConnectProperties::of(mqtt::Properties::from_checked(properties));

  ASSERT_TRUE(kept);
  EXPECT_EQ(json::serialize(kept->shown()), R"({"authentication_method":"SCRAM-SHA-256"})");
}

}  // namespace
}  // namespace sluice::broker::test
