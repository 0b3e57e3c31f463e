// Clients are sent to another server. MQTT 5.0 §4.11.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/session.hpp"
#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::PropertyId;
using mqtt::ReasonCode;
using sluice::test::MemoryStore;

class Redirection : public testing::Test {
 protected:
  std::size_t connected() {
    server.turn();
    return server.broker.worker(0).tally().connected;
  }

  MemoryStore store{MemoryStore::Durability::Manual};
  BrokerUnderTest server{store};
};

TEST_F(Redirection, NamesTheOtherServerInsteadOfAdmitting) {
  for (const bool permanently : {false, true}) {
    Limits limits;
    limits.redirect_to = "other.example.org:1883";
    limits.redirect_permanently = permanently;
    server.broker.set_limits(limits);

    ScriptedClient client(server);
    const auto answer = client.connect("c");
    ScriptedClient old(server, mqtt::Version::V311);
    const auto old_answer = old.connect("old");

    EXPECT_EQ(answer.reason, permanently ? ReasonCode::ServerMoved : ReasonCode::UseAnotherServer);
    EXPECT_EQ(answer.properties.text(PropertyId::ServerReference), "other.example.org:1883");
    EXPECT_TRUE(client.link->closed);
    EXPECT_EQ(old_answer.reason, ReasonCode::ServerUnavailable);
  }
}

TEST_F(Redirection, DrainsWhoIsConnectedAndKeepsTheSessions) {
  ScriptedClient client(server);
  client.connect("c", true, 3600);
  ScriptedClient old(server, mqtt::Version::V311);
  old.connect("old", false);
  ScriptedClient away(server);
  away.connect("away", true, 3600);
  away.drop();

  const auto count = server.broker.worker(0).drain().begin({"other:1883", true}, 1000);
  server.turn();

  EXPECT_EQ(count, 2U);
  EXPECT_EQ(connected(), 0U);
  const auto farewells = client.take<mqtt::Disconnect>();
  ASSERT_EQ(farewells.size(), 1U);
  EXPECT_EQ(farewells[0].reason, ReasonCode::ServerMoved);
  EXPECT_EQ(farewells[0].properties.text(PropertyId::ServerReference), "other:1883");
  EXPECT_TRUE(old.link->closed);
  EXPECT_EQ(server.broker.worker(0).sessions().size(), 3U);
}

TEST_F(Redirection, DrainsSoManyASecond) {
  std::vector<std::unique_ptr<ScriptedClient>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<ScriptedClient>(server));
    clients.back()->connect("c" + std::to_string(i));
  }

  (void)server.broker.worker(0).drain().begin({}, 20);  // two in a tenth of a second

  EXPECT_EQ(connected(), 3U);
  for (int i = 0; i < 100 && connected() > 0; ++i) server.await(std::chrono::milliseconds(100));
  EXPECT_EQ(connected(), 0U);
  const auto farewells = clients[0]->take<mqtt::Disconnect>();
  ASSERT_EQ(farewells.size(), 1U);
  EXPECT_EQ(farewells[0].reason, ReasonCode::UseAnotherServer);
  EXPECT_FALSE(farewells[0].properties.text(PropertyId::ServerReference));
}

}  // namespace
}  // namespace sluice::broker::test
