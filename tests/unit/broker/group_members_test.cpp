// Who is a member of a shared group, and from where the group reads, when members come and go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::Qos;
using sluice::test::MemoryStore;
using testing::ElementsAre;

constexpr std::string_view kGroup = "$share/g/t/#";

class GroupMembers : public testing::Test {
 protected:
  std::unique_ptr<ScriptedClient> member(std::string_view client_id, bool clean_start = true) {
    auto client = std::make_unique<ScriptedClient>(*server);
    client->connect(client_id, clean_start, kLong);
    return client;
  }
  static void leave(ScriptedClient& client) {
    mqtt::Unsubscribe packet;
    packet.packet_id = 2;
    packet.filters.push_back(kGroup);
    client.send(packet);
  }
  // Both packets arrive at once.
  static void leave_and_join(ScriptedClient& client) {
    leave(client);
    client.subscribe(kGroup, Qos::AtLeastOnce);
  }
  void publish(std::string_view payload) {
    ScriptedClient publisher(*server);
    publisher.connect("publisher");
    publisher.publish("t/1", payload, Qos::AtLeastOnce, 1);
    server->make_durable();
  }
  // What a new process finds after kill -9.
  void crash_and_restart() {
    server.reset();
    store.crash();
    server = std::make_unique<BrokerUnderTest>(store);
    ASSERT_TRUE(server->broker.load());
  }

  MemoryStore store{MemoryStore::Durability::Manual};
  std::unique_ptr<BrokerUnderTest> server = std::make_unique<BrokerUnderTest>(store);
};

TEST_F(GroupMembers, AreMembersWhenTheyLeaveAndJoinAtOnce) {
  const auto one = member("one");
  one->subscribe(kGroup, Qos::AtLeastOnce);
  const auto other = member("other");
  other->subscribe(kGroup, Qos::AtLeastOnce);

  leave_and_join(*one);
  other->unsubscribe(kGroup);
  publish("1");

  EXPECT_THAT(one->take_payloads(), ElementsAre("1"));
}

TEST_F(GroupMembers, GetNothingTwiceWhenTheGroupEndsAndBeginsAnew) {
  ScriptedClient publisher(*server);
  publisher.connect("publisher");
  const auto one = member("one");
  one->subscribe(kGroup, Qos::AtLeastOnce);

  leave(*one);
  mqtt::Subscribe join;
  join.packet_id = 3;
  join.subscriptions.push_back({.filter = kGroup, .qos = Qos::AtLeastOnce});
  one->send(join);
  publisher.publish("t/1", "1", Qos::AtLeastOnce, 1);
  server->broker.worker(0).end_turn();  // all of it came in one turn
  server->make_durable();

  EXPECT_THAT(one->take_payloads(), ElementsAre("1"));
}

TEST_F(GroupMembers, FindWhatCameBeforeTheOthersJoinedAfterARestart) {
  const auto founder = member("z");
  founder->subscribe(kGroup, Qos::AtLeastOnce);
  leave_and_join(*founder);
  founder->drop();
  publish("1");
  const auto other = member("a");  // a restart finds this one first
  other->subscribe(kGroup, Qos::AtLeastOnce);
  EXPECT_THAT(other->take_payloads(), ElementsAre("1"));

  crash_and_restart();
  const auto again = member("a", false);

  EXPECT_THAT(again->take_payloads(), ElementsAre("1"));
}

}  // namespace
}  // namespace sluice::broker::test
