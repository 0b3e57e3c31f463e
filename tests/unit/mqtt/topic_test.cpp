#include "mqtt/topic.hpp"

#include <string>

#include <gtest/gtest.h>

namespace sluice::mqtt::test {
namespace {

using namespace std::string_literals;

TEST(TopicName, HasNoWildcardAndIsNotEmpty) {
  EXPECT_TRUE(is_valid_topic_name("a"));
  EXPECT_TRUE(is_valid_topic_name("/"));
  EXPECT_TRUE(is_valid_topic_name("sport/tennis/player1"));
  EXPECT_TRUE(is_valid_topic_name("ACCOUNTS payable"));  // §4.7.3 spaces
  EXPECT_TRUE(is_valid_topic_name("$SYS/monitor"));
  EXPECT_TRUE(is_valid_topic_name(std::string(65'535, 'a')));
  EXPECT_FALSE(is_valid_topic_name(""));                        // [MQTT-4.7.3-1]
  EXPECT_FALSE(is_valid_topic_name("a\0b"s));                   // [MQTT-4.7.3-2]
  EXPECT_FALSE(is_valid_topic_name(std::string(65'536, 'a')));  // [MQTT-4.7.3-3]
  EXPECT_FALSE(is_valid_topic_name("#"));                       // [MQTT-4.7.0-1]
  EXPECT_FALSE(is_valid_topic_name("a/+"));                     // [MQTT-4.7.0-1]
  EXPECT_FALSE(is_valid_topic_name("a+b"));
}

TEST(TopicName, HasABoundOfLevels) {
  EXPECT_TRUE(is_valid_topic_name("a/b/c", 3));
  EXPECT_FALSE(is_valid_topic_name("a/b/c", 2));
  EXPECT_FALSE(is_valid_topic_name("//", 2));
  EXPECT_TRUE(is_valid_topic_name(std::string(127, '/')));
  EXPECT_FALSE(is_valid_topic_name(std::string(128, '/')));
}

TEST(TopicFilter, HasWildcardsAsWholeLevels) {
  EXPECT_TRUE(is_valid_topic_filter("a/b"));
  EXPECT_TRUE(is_valid_topic_filter("#"));
  EXPECT_TRUE(is_valid_topic_filter("+"));
  EXPECT_TRUE(is_valid_topic_filter("/"));
  EXPECT_TRUE(is_valid_topic_filter("sport/tennis/#"));
  EXPECT_TRUE(is_valid_topic_filter("+/tennis/#"));
  EXPECT_TRUE(is_valid_topic_filter("sport/+/player1"));
  EXPECT_FALSE(is_valid_topic_filter(""));                 // [MQTT-4.7.3-1]
  EXPECT_FALSE(is_valid_topic_filter("a\0"s));             // [MQTT-4.7.3-2]
  EXPECT_FALSE(is_valid_topic_filter("sport/tennis#"));    // [MQTT-4.7.1-1]
  EXPECT_FALSE(is_valid_topic_filter("sport/#/ranking"));  // [MQTT-4.7.1-1]
  EXPECT_FALSE(is_valid_topic_filter("#/"));               // [MQTT-4.7.1-1]
  EXPECT_FALSE(is_valid_topic_filter("sport+"));           // [MQTT-4.7.1-2]
  EXPECT_FALSE(is_valid_topic_filter("++"));               // [MQTT-4.7.1-2]
  EXPECT_FALSE(is_valid_topic_filter(std::string(65'536, 'a')));
}

TEST(TopicFilter, HasABoundOfLevels) {
  EXPECT_TRUE(is_valid_topic_filter("a/+/#", 3));
  EXPECT_FALSE(is_valid_topic_filter("a/+/#", 2));
  EXPECT_FALSE(is_valid_topic_filter(std::string(65'535, '/')));
}

TEST(SharedFilter, IsTakenApart) {
  const auto shared = parse_shared_filter("$share/group/sport/+/#");

  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->group, "group");
  EXPECT_EQ(shared->filter, "sport/+/#");
  EXPECT_EQ(parse_shared_filter("$share/g//finance").value().filter, "/finance");  // §4.8.2
  EXPECT_FALSE(parse_shared_filter("sport/#"));
  EXPECT_FALSE(parse_shared_filter("$share"));
  EXPECT_FALSE(parse_shared_filter("$shared/g/a"));
  EXPECT_FALSE(parse_shared_filter("$Share/g/a"));
  EXPECT_FALSE(parse_shared_filter("a/$share/g/a"));
}

TEST(SharedFilter, LeavesEmptyWhatBreaksTheRules) {
  EXPECT_EQ(parse_shared_filter("$share//a").value().group, "");    // [MQTT-4.8.2-1]
  EXPECT_EQ(parse_shared_filter("$share/g+/a").value().group, "");  // [MQTT-4.8.2-2]
  EXPECT_EQ(parse_shared_filter("$share/#/a").value().group, "");   // [MQTT-4.8.2-2]
  EXPECT_EQ(parse_shared_filter("$share/g").value().filter, "");    // [MQTT-4.8.2-2]
  EXPECT_EQ(parse_shared_filter("$share/g/").value().filter, "");
  EXPECT_EQ(parse_shared_filter("$share/").value().group, "");
  EXPECT_EQ(parse_shared_filter("$share/").value().filter, "");
}

struct Match {
  std::string_view filter;
  std::string_view topic;
  bool expected;
};

TEST(Matches, AsTheExamplesOfTheStandard) {
  for (const auto& [filter, topic, expected] : {
           Match{"sport/tennis/player1/#", "sport/tennis/player1", true},  // §4.7.1.2
           Match{"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
           Match{"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
           Match{"sport/#", "sport", true},
           Match{"sport/#", "sporty", false},
           Match{"#", "sport/tennis", true},
           Match{"#", "/", true},
           Match{"sport/tennis/+", "sport/tennis/player1", true},  // §4.7.1.3
           Match{"sport/tennis/+", "sport/tennis/player1/ranking", false},
           Match{"sport/+", "sport", false},
           Match{"sport/+", "sport/", true},
           Match{"+/+", "/finance", true},
           Match{"/+", "/finance", true},
           Match{"+", "/finance", false},
           Match{"+/tennis/#", "x/tennis", true},
           Match{"#", "$SYS/monitor", false},  // [MQTT-4.7.2-1]
           Match{"+/monitor/Clients", "$SYS/monitor/Clients", false},
           Match{"$SYS/#", "$SYS/monitor", true},
           Match{"$SYS/#", "$SYS", true},
           Match{"$SYS/monitor/+", "$SYS/monitor/Clients", true},
           Match{"a/#", "a/$x", true},            // only the first character counts
           Match{"ACCOUNTS", "Accounts", false},  // §4.7.3 case
           Match{"/a", "a", false},
           Match{"a", "/a", false},
           Match{"a/", "a", false},
           Match{"a", "a/", false},
           Match{"a//b", "a/b", false},
           Match{"a/+/b", "a//b", true},
           Match{"a/b/#", "a", false},
           Match{"a/+/#", "a", false},
           Match{"a/+/#", "a/b", true},
       }) {
    EXPECT_EQ(matches(filter, topic), expected) << filter << " " << topic;
  }
}

struct Cover {
  std::string_view outer;
  std::string_view inner;
  bool expected;
};

TEST(Covers, WhenEveryTopicOfOneIsATopicOfTheOther) {
  for (const auto& [outer, inner, expected] : {
           Cover{"a/b", "a/b", true},     Cover{"a/+", "a/b", true},
           Cover{"a/b", "a/+", false},    Cover{"a/+", "a/+", true},
           Cover{"a/#", "a/+", true},     Cover{"a/#", "a", true},
           Cover{"a/#", "a/#", true},     Cover{"a/#", "a/b/#", true},
           Cover{"a/b/#", "a/#", false},  Cover{"a/+", "a/#", false},
           Cover{"a/+/#", "a/#", false},  // not `a`
           Cover{"#", "a/+/#", true},     Cover{"#", "#", true},
           Cover{"#", "+", true},         Cover{"+", "#", false},
           Cover{"+/#", "#", true},       Cover{"+/+/#", "#", false},
           Cover{"+/+/#", "/#", true},  // [MQTT-4.7.3-1] its parent is no topic
           Cover{"+/+/#", "a/#", false},  Cover{"/+/+/#", "/#", false},
           Cover{"#", "+/#", true},       Cover{"#", "$SYS/a", false},  // [MQTT-4.7.2-1]
           Cover{"+/a", "$SYS/a", false}, Cover{"$SYS/#", "$SYS/+/a", true},
           Cover{"$SYS/#", "#", false},   Cover{"a/$b", "a/+", false},
           Cover{"a/+", "a/$b", true},    Cover{"a", "a/", false},
           Cover{"a/", "a", false},       Cover{"a/b", "a", false},
           Cover{"a", "a/b", false},
       }) {
    EXPECT_EQ(covers(outer, inner), expected) << outer << " " << inner;
  }
}

// No recursion, no backtracking: what is slow in a naive matcher is one pass here.
TEST(Matches, TakesTheLongestTopicThereIs) {
  std::string filter;
  std::string topic;
  for (int i = 0; i < 32'766; ++i) {
    filter += "+/";
    topic += "a/";
  }

  EXPECT_TRUE(matches(filter + "b", topic + "b"));
  EXPECT_FALSE(matches(filter + "b", topic + "c"));
  EXPECT_TRUE(covers(filter + "#", topic + "c"));
}

// Eight bytes are looked at together: every place in a word, behind the last word too.
TEST(TopicName, IsJudgedByEachOfItsBytes) {
  for (std::size_t size = 1; size <= 25; ++size) {
    const std::string plain(size, 'a');
    EXPECT_TRUE(is_valid_topic_name(plain, 1));
    for (std::size_t at = 0; at < size; ++at) {
      for (const char bad : {'+', '#', '\0'}) {
        std::string topic = plain;
        topic[at] = bad;
        EXPECT_FALSE(is_valid_topic_name(topic, 1)) << size << " " << at;
      }
      // Neighbours of those in the code, and bytes of longer characters.
      for (const char good : {'*', ',', '"', '$', '.', '0', '\x01', '\x7f', '\xab', '\xff'}) {
        std::string topic = plain;
        topic[at] = good;
        EXPECT_TRUE(is_valid_topic_name(topic, 1)) << size << " " << at;
      }
    }
    const std::string slashes(size, '/');
    EXPECT_TRUE(is_valid_topic_name(slashes, size + 1));
    EXPECT_FALSE(is_valid_topic_name(slashes, size));
  }
}

struct FilterPair {
  const char* one;
  const char* other;
  bool overlap;
};

TEST(MayOverlap, SaysWhetherATopicMatchesBoth) {
  for (const auto& [one, other, overlap] : {
           FilterPair{"a", "a", true},
           FilterPair{"a", "b", false},
           FilterPair{"a/#", "b/#", false},
           FilterPair{"a/#", "a", true},
           FilterPair{"a/#", "a/b/c", true},
           FilterPair{"#", "x/y", true},
           FilterPair{"a/+", "a", false},
           FilterPair{"a/+", "+/b", true},
           FilterPair{"a/+/c", "a/b", false},
           FilterPair{"a/+/c", "a/#", true},
           FilterPair{"a/b/#", "a", false},
           FilterPair{"+", "/a", false},
           FilterPair{"+/+", "/a", true},
           FilterPair{"a/b/#", "a/+", true},
           FilterPair{"a/", "a", false},
       }) {
    EXPECT_EQ(may_overlap(one, other), overlap) << one << " " << other;
    EXPECT_EQ(may_overlap(other, one), overlap) << other << " " << one;
  }
}

}  // namespace
}  // namespace sluice::mqtt::test
