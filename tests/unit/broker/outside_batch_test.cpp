// Messages that a task brings in, many at a time.
#include <gtest/gtest.h>

#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::Qos;
using sluice::test::MemoryStore;

class OutsideBatch : public testing::Test {
 protected:
  void publish(std::vector<OutsideMessage> messages) {
    server.broker.publish_all(
        std::make_shared<const std::vector<OutsideMessage>>(std::move(messages)),
        [this](Intake::Answers given) { answers = std::move(given); });
    server.await(std::chrono::milliseconds(20));
  }

  MemoryStore store{MemoryStore::Durability::Manual};
  BrokerUnderTest server{store};
  std::optional<Intake::Answers> answers;
};

TEST_F(OutsideBatch, IsAnsweredOnceAllOfItIsDurable) {
  ScriptedClient client(server);
  client.connect("reader");
  client.subscribe("in/#", Qos::AtLeastOnce);
  server.make_durable();

  publish({{.topic = "in/1", .payload = "a"}, {.topic = "in/2", .payload = "b"}});
  EXPECT_FALSE(answers);
  server.make_durable();

  ASSERT_TRUE(answers);
  ASSERT_EQ(answers->size(), 2U);
  EXPECT_FALSE((*answers)[0] || (*answers)[1]);
  const auto received = client.take<mqtt::Publish>();
  ASSERT_EQ(received.size(), 2U);
  EXPECT_EQ(received[0].topic, "in/1");
  EXPECT_EQ(received[1].topic, "in/2");
}

TEST_F(OutsideBatch, RefusesTheOneThatIsWrongAndTakesItsNeighbours) {
  publish({{.topic = "in/1", .payload = "a"},
           {.topic = "in/+", .payload = "b"},
           {.topic = "$SYS/x", .payload = "c"},
           {.topic = "in/4", .payload = "d"}});
  server.make_durable();

  ASSERT_TRUE(answers);
  EXPECT_FALSE((*answers)[0]);
  EXPECT_EQ((*answers)[1]->errc, Errc::InvalidArgument);
  EXPECT_EQ((*answers)[2]->errc, Errc::NotAuthorized);
  EXPECT_FALSE((*answers)[3]);
}

}  // namespace
}  // namespace sluice::broker::test
