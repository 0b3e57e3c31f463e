#include "broker/retained.hpp"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mqtt/topic.hpp"
#include "scripted_client.hpp"

namespace sluice::broker::test {
namespace {

using mqtt::Qos;
using mqtt::ReasonCode;
using sluice::test::MemoryStore;
using testing::ElementsAre;
using testing::IsEmpty;

struct Owned {
  std::string topic;
  std::string properties;
  model::Message message;
};

model::MessagePtr message_on(std::string topic, std::string properties = {},
                             std::int64_t timestamp_ms = 0) {
  auto owned = std::make_shared<Owned>(Owned{std::move(topic), std::move(properties), {}});
  owned->message.topic = owned->topic;
  owned->message.properties = owned->properties;
  owned->message.timestamp_ms = timestamp_ms;
  return {owned, &owned->message};
}

std::string expiry(std::uint32_t seconds) {
  std::string properties;
  mqtt::PropertyWriter(properties).number(mqtt::PropertyId::MessageExpiryInterval, seconds);
  return properties;
}

std::vector<std::string> topics_of(const std::vector<model::MessagePtr>& messages) {
  std::vector<std::string> topics;
  for (const auto& message : messages) topics.emplace_back(message->topic);
  return topics;
}

// Topics and filters of few levels, so that they meet: empty levels, `$` and names whose order
// depends on what follows them.
class Words {
 public:
  explicit Words(unsigned seed) : random_(seed) {}
  std::string topic() { return levels({"a", "b", "", "$s", "a!", "ab"}); }
  std::string filter() {
    auto filter = levels({"a", "b", "", "$s", "a!", "+", "+"});
    if (random_() % 3 == 0) filter += "/#";
    if (random_() % 10 == 0) filter = "#";
    return filter;
  }
  std::size_t below(std::size_t bound) { return random_() % bound; }

 private:
  std::string levels(const std::vector<std::string>& from) {
    std::string text = from[below(from.size())];
    for (auto more = below(4); more > 0; --more) text += "/" + from[below(from.size())];
    return text.empty() ? "/" : text;
  }
  std::mt19937 random_;
};

TEST(RetainedMessages, AreFoundPartByPartAsAtOnce) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    Words words(seed);
    Retained retained;
    std::set<std::string> topics;
    for (int i = 0; i < 60; ++i) topics.insert(words.topic());
    for (const auto& topic : topics) retained.set(message_on(topic));
    for (int i = 0; i < 20; ++i) {
      const auto filter = words.filter();
      std::vector<std::string> expected;
      for (const auto& topic : topics)
        if (mqtt::matches(filter, topic)) expected.push_back(topic);

      std::vector<std::string> parts;
      const auto most = 1 + words.below(4);
      while (true) {
        const auto part = retained.match(filter, parts.empty() ? "" : parts.back(), most);
        if (part.empty()) break;
        ASSERT_LE(part.size(), most);
        for (auto& topic : topics_of(part)) parts.push_back(std::move(topic));
        ASSERT_LE(parts.size(), expected.size()) << "seed " << seed << " filter " << filter;
      }

      EXPECT_EQ(parts, topics_of(retained.match(filter))) << "seed " << seed << " " << filter;
      std::ranges::sort(parts);
      EXPECT_EQ(parts, expected) << "seed " << seed << " filter " << filter;
    }
  }
}

// Publishers of retained messages wait while somebody walks through them.
TEST(RetainedMessages, AreLookedAtInBoundedStepsHoweverManyMatch) {
  constexpr std::size_t kFew = 30;
  Retained retained;
  retained.set(message_on("/"));  // begins with an empty name
  std::vector<std::string> all{"/"};
  for (std::size_t i = 0; i < 3 * Retained::kLooks; ++i) {
    all.push_back("plant/" + std::to_string(10'000 + i) + "/state");
    retained.set(message_on(all.back()));
  }
  retained.set(message_on("plant/9/alarm"));

  for (const auto& [filter, expected] :
       std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"+/+/state", {all.begin() + 1, all.end()}},
           {"+/+/alarm", {"plant/9/alarm"}},
           {"plant/+/nothing", {}},
           {"+/", {"/"}}}) {
    std::vector<std::string> found;
    std::string after;
    std::size_t steps = 0;
    while (true) {
      const auto step = retained.step(filter, after, kFew);
      ASSERT_LE(step.looks, Retained::kLooks);
      ASSERT_LE(step.found.size(), kFew);
      for (auto& topic : topics_of(step.found)) found.push_back(std::move(topic));
      ++steps;
      if (step.at_end) break;
      ASSERT_NE(step.after, after);
      after = step.after;
    }
    EXPECT_EQ(found, expected) << filter;
    if (filter != "+/") {
      EXPECT_GE(steps, 3U) << filter;  // though few or none match
    }
    EXPECT_EQ(topics_of(retained.match(filter)), expected) << filter;
  }
}

TEST(RetainedMessages, AreSentToASubscriberThatManyDoNotMatch) {
  MemoryStore store{MemoryStore::Durability::Manual};
  BrokerUnderTest server(store);
  for (std::size_t i = 0; i < 3 * Retained::kLooks; ++i)
    server.broker.retained().set(message_on("plant/" + std::to_string(10'000 + i) + "/state"));
  server.broker.retained().set(message_on("plant/9/alarm"));
  ScriptedClient client(server);
  client.connect("reader");

  client.subscribe("plant/+/alarm", Qos::AtMostOnce);
  for (int turn = 0; turn < 5; ++turn) server.turn();

  const auto messages = client.take<mqtt::Publish>();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].topic, "plant/9/alarm");
}

TEST(RetainedMessages, AreWalkedOnFromATopicThatIsGone) {
  Retained retained;
  for (const auto* topic : {"a/1", "a/2", "a/3"}) retained.set(message_on(topic));
  retained.replace(retained.find("a/2"), nullptr);

  EXPECT_THAT(topics_of(retained.match("a/+", "a/2", 10)), ElementsAre("a/3"));
  EXPECT_THAT(topics_of(retained.match("a/+", "a/1/x", 10)), ElementsAre("a/3"));
}

TEST(RetainedMessages, GoWhenTheirTimeIsOver) {
  Retained retained;
  retained.set(message_on("short", expiry(1), 1000));
  retained.set(message_on("long", expiry(60), 1000));
  retained.set(message_on("ever"));
  retained.set(message_on("again", expiry(1), 1000));
  retained.set(message_on("again", expiry(60), 1000));
  std::vector<std::string> gone;
  const auto forget = [&](std::span<const std::string_view> topics) {
    gone.insert(gone.end(), topics.begin(), topics.end());
    return true;
  };

  EXPECT_FALSE(retained.some_expired(1999));
  EXPECT_EQ(retained.drop_expired(1999, 10, forget), 0U);
  EXPECT_TRUE(retained.some_expired(2000));
  EXPECT_EQ(retained.drop_expired(2000, 10, [](auto) { return false; }), 0U);
  EXPECT_EQ(retained.size(), 4U);  // it could not be recorded
  EXPECT_EQ(retained.drop_expired(2000, 10, forget), 1U);

  EXPECT_THAT(gone, ElementsAre("short"));
  EXPECT_EQ(retained.size(), 3U);
  EXPECT_FALSE(retained.some_expired(2000));
  EXPECT_EQ(retained.drop_expired(1'000'000, 1, forget), 1U);  // a part at a time
  EXPECT_EQ(retained.size(), 2U);
}

TEST(RetainedMessages, MakeRoomUnderTheLimitWhenTheyHaveExpired) {
  MemoryStore store{MemoryStore::Durability::Manual};
  Limits limits;
  limits.retained_maximum = 1;
  {
    BrokerUnderTest server(store, limits);
    ScriptedClient client(server);
    client.connect("publisher");
    const auto retain = [&](std::string_view topic, std::string_view properties) {
      mqtt::Publish packet;
      packet.topic = topic;
      packet.payload = "x";
      packet.qos = Qos::AtLeastOnce;
      packet.packet_id = 1;
      packet.retain = true;
      packet.properties = mqtt::Properties::from_checked(properties);
      client.send(packet);
      server.make_durable();
      return client.take<mqtt::Ack>().at(0).reason;
    };
    const auto now = expiry(0);

    EXPECT_EQ(retain("a", now), ReasonCode::NoMatchingSubscribers);
    EXPECT_EQ(retain("b", {}), ReasonCode::NoMatchingSubscribers);
    EXPECT_EQ(retain("c", {}), ReasonCode::QuotaExceeded);
    EXPECT_EQ(server.broker.retained().size(), 1U);
  }

  store.crash();
  BrokerUnderTest again(store, limits);
  ASSERT_TRUE(again.broker.load());
  EXPECT_THAT(topics_of(again.broker.retained().match("#")), ElementsAre("b"));
}

// Two workers publish on one topic at once: the one that was first in the log goes on last.
class RetainedByTwoWorkers : public testing::Test {
 protected:
  void publish(std::size_t worker, std::string_view payload) {
    mqtt::Publish packet;
    packet.topic = "t";
    packet.payload = payload;
    packet.retain = true;
    auto& on = server->broker.worker(worker);
    Client client;
    client.client_id = "publisher";
    server->broker.publish(on, client, packet, on.match("t"));
  }
  void publish_before_it_goes_on(std::string_view first, std::string_view second) {
    publish(0, first);
    store.after_append([&] {
      publish(1, second);
      server->broker.worker(1).end_turn();
    });
    server->broker.worker(0).end_turn();
    server->broker.worker(1).end_turn();
    store.make_durable();
  }
  std::vector<std::string> retained() {
    std::vector<std::string> payloads;
    for (const auto& message : server->broker.retained().match("t"))
      payloads.emplace_back(message->payload);
    return payloads;
  }
  void crash_and_restart() {
    server.reset();
    store.crash();
    server = make_server();
    ASSERT_TRUE(server->broker.load());
  }
  std::unique_ptr<BrokerUnderTest> make_server() {
    return std::make_unique<BrokerUnderTest>(store, Limits(), false, false, 2);
  }

  MemoryStore store{MemoryStore::Durability::Manual};
  std::unique_ptr<BrokerUnderTest> server = make_server();
};

// [MQTT-3.3.1-5]
TEST_F(RetainedByTwoWorkers, IsTheLastMessageOfTheLog) {
  publish_before_it_goes_on("first", "second");

  EXPECT_THAT(retained(), ElementsAre("second"));
  crash_and_restart();
  EXPECT_THAT(retained(), ElementsAre("second"));
}

// [MQTT-3.3.1-6]
TEST_F(RetainedByTwoWorkers, IsGoneWhenTheLastMessageOfTheLogIsEmpty) {
  publish_before_it_goes_on("first", "");

  EXPECT_THAT(retained(), IsEmpty());
  crash_and_restart();
  EXPECT_THAT(retained(), IsEmpty());
}

}  // namespace
}  // namespace sluice::broker::test
