// What the server adds to messages: rules and what becomes of the properties.
#include "broker/enrichment_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/access_control.hpp"
#include "mqtt/properties.hpp"
#include "support/memory_store.hpp"

namespace sluice::broker::test {
namespace {

namespace json = boost::json;
using mqtt::PropertyId;
using sluice::test::MemoryStore;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

using Pairs = std::vector<std::pair<std::string, std::string>>;

class Enrichment : public testing::Test {
 protected:
  void add(json::object document) {
    const auto made = rules.documents().create(document);
    ASSERT_TRUE(made) << made.error().detail;
  }
  std::vector<std::string> problems_of(json::object document) {
    std::vector<std::string> pointers;
    if (const auto made = rules.documents().create(document); !made)
      for (const auto& field : made.error().fields) pointers.push_back(field.pointer);
    return pointers;
  }
  // The properties of a message with these after the rules.
  mqtt::Properties enriched(std::string_view topic, std::string_view properties = {}) {
    const mqtt::Publish publish{
        .topic = topic, .payload = "x", .properties = mqtt::Properties::from_checked(properties)};
    return rules.enriched(client, publish, buffer).properties;
  }
  static Pairs user_properties(const mqtt::Properties& properties) {
    Pairs pairs;
    for (auto it = properties.begin(); it != properties.end(); ++it)
      if (it->id == PropertyId::UserProperty)
        pairs.emplace_back(std::string(it->name), std::string(it->text));
    return pairs;
  }

  MemoryStore store;
  SystemClock clock;
  EnrichmentRules rules{store, clock};
  Client client{.client_id = "meter-1", .username = "north", .has_username = true, .host = "::1"};
  std::string buffer;
};

TEST_F(Enrichment, SaysWhoPublishedWhateverThePublisherSays) {
  EXPECT_FALSE(rules.some());
  add({{"name", "who"},
       {"topics", {"plant/+"}},
       {"user_properties",
        {{"publisher", "${username}/${client_id}@${host}"}, {"at", "$${${topic}"}}}});
  EXPECT_TRUE(rules.some());
  std::string properties;
  mqtt::PropertyWriter writer(properties);
  writer.text(PropertyId::ContentType, "text/plain");
  writer.user("publisher", "somebody else");
  writer.user("line", "7");

  const auto result = enriched("plant/1", properties);
  EXPECT_THAT(user_properties(result),
              ElementsAre(Pair("line", "7"), Pair("publisher", "north/meter-1@::1"),
                          Pair("at", "${plant/1")));
  EXPECT_EQ(result.text(PropertyId::ContentType), "text/plain");
  EXPECT_EQ(enriched("other", properties).encoded(), properties);
}

TEST_F(Enrichment, LetsTheLowestPriorityNumberWinAndJoinsUserProperties) {
  add({{"name", "aaa"},
       {"priority", 20},
       {"message_expiry_interval", 10},
       {"user_properties", {{"x", "late"}, {"y", "1"}}}});
  add({{"name", "bbb"},
       {"priority", 10},
       {"message_expiry_interval", 60},
       {"response_topic", "answers/${client_id}"},
       {"correlation_data", "c"},
       {"user_properties", {{"x", "first"}}}});
  std::string properties;
  mqtt::PropertyWriter(properties).number(PropertyId::MessageExpiryInterval, 5);
  const auto result = enriched("t", properties);
  EXPECT_EQ(result.number(PropertyId::MessageExpiryInterval), 60U);
  EXPECT_EQ(result.text(PropertyId::ResponseTopic), "answers/meter-1");
  EXPECT_EQ(result.text(PropertyId::CorrelationData), "c");
  EXPECT_THAT(user_properties(result), ElementsAre(Pair("x", "first"), Pair("y", "1")));
}

TEST_F(Enrichment, ConcernsOnlyWhomItNames) {
  add({{"name", "aaa"}, {"users", {"nor*"}}, {"user_properties", {{"a", "1"}}}});
  add({{"name", "bbb"}, {"client_ids", {"other"}}, {"user_properties", {{"b", "1"}}}});
  add({{"name", "ccc"}, {"enabled", false}, {"user_properties", {{"c", "1"}}}});
  EXPECT_THAT(user_properties(enriched("t")), ElementsAre(Pair("a", "1")));
}

TEST_F(Enrichment, KeepsToWhatAMessageMayHave) {
  add({{"name", "aaa"},
       {"response_topic", "answers/${client_id}"},
       {"user_properties", {{"long", "${client_id}"}}}});
  client.client_id = "a+b";
  EXPECT_FALSE(enriched("t").text(PropertyId::ResponseTopic));  // no topic would come of it
  client.client_id = "x";
  for (int i = 0; i < 5000; ++i) client.client_id += "\xc3\xa4";
  const auto result = user_properties(enriched("t"));
  ASSERT_EQ(result.size(), 1U);
  EXPECT_EQ(result[0].second.size(), 8191U);  // no half of a character
}

// Whoever reads it would take the publisher's for the rule's.
TEST_F(Enrichment, TakesThePublishersAwayWhereItCannotPutItsOwn) {
  std::string forged;
  mqtt::PropertyWriter writer(forged);
  writer.text(PropertyId::ResponseTopic, "forged/answers");
  writer.user("publisher", "forged");
  writer.user("line", "3");
  json::object filling;
  for (int i = 0; i < 10; ++i) filling["p" + std::to_string(i)] = "${client_id}";
  add({{"name", "aaa"}, {"priority", 1}, {"user_properties", filling}});
  add({{"name", "bbb"},
       {"response_topic", "answers/${client_id}"},
       {"user_properties", {{"publisher", "${client_id}"}}}});
  client.client_id = "a+" + std::string(60'000, 'b');

  const auto properties = enriched("t", forged);

  EXPECT_FALSE(properties.text(PropertyId::ResponseTopic));
  const auto pairs = user_properties(properties);
  EXPECT_THAT(pairs, testing::Contains(Pair("line", "3")));
  EXPECT_THAT(pairs, testing::Not(testing::Contains(Pair("publisher", testing::_))));
}

TEST_F(Enrichment, RefusesWhatItCouldNotDo) {
  EXPECT_THAT(problems_of({{"name", "aaa"}}), ElementsAre(""));
  EXPECT_THAT(problems_of({{"name", "aaa"}, {"message_expiry_interval", 0}}),
              ElementsAre("/message_expiry_interval"));
  EXPECT_THAT(problems_of({{"name", "aaa"}, {"response_topic", "a/#"}}),
              ElementsAre("/response_topic"));
  EXPECT_THAT(problems_of({{"name", "aaa"}, {"user_properties", {{"k", "${clint_id}"}}}}),
              ElementsAre("/user_properties/k"));
  EXPECT_THAT(problems_of({{"name", "aaa"}, {"topics", {"a/#/b"}}, {"correlation_data", "c"}}),
              ElementsAre("/topics/0"));
  for (const auto* shared : {"$share/g/a", "$share/g", "$share//a"})
    EXPECT_THAT(
        problems_of({{"name", "aaa"}, {"topics", {"a", shared}}, {"correlation_data", "c"}}),
        ElementsAre("/topics/1"));
  json::object many;
  for (int i = 0; i < 11; ++i) many["k" + std::to_string(i)] = "v";
  EXPECT_THAT(problems_of({{"name", "aaa"}, {"user_properties", many}}),
              ElementsAre("/user_properties"));
  for (int i = 0; i < 20; ++i)
    add({{"name", "rule-" + std::to_string(i)}, {"correlation_data", "c"}});
  const auto one_more = rules.documents().create({{"name", "one-more"}, {"correlation_data", "c"}});
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error().code, "limit_reached");
  EXPECT_EQ(one_more.error().detail,
            "there are 20 enrichment rules already, as many as there may be");
}

}  // namespace
}  // namespace sluice::broker::test
