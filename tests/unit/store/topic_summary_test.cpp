// Which topics a block may hold: never wrong when it says no.
#include "store/embedded/topic_summary.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace sluice::store::embedded {
namespace {

constexpr std::uint64_t kBlock = 1 << 20;

std::string summary_of(const std::vector<std::string>& topics, std::uint64_t block = kBlock) {
  TopicItems items;
  for (const auto& topic : topics) items.add(topic);
  TopicFilter filter;
  filter.begin(block);
  filter.add(items.items());
  return filter.folded();
}

bool may_match(const std::vector<std::string>& topics, std::string_view filter) {
  return TopicQuestion(filter).may_match(summary_of(topics), kBlock);
}

TEST(TopicSummary, KnowsEveryFilterThatMatches) {
  const std::vector<std::string> topics{"plant/7/state"};
  for (const auto* filter :
       {"plant/7/state", "plant/7/+", "plant/+/state", "+/7/state", "+/+/state", "+/+/+", "plant/#",
        "plant/7/#", "plant/7/state/#", "#", "+/#", "+/7/#", ""}) {
    EXPECT_TRUE(may_match(topics, filter)) << filter;
  }
}

TEST(TopicSummary, RefusesWhatIsNotThere) {
  const std::vector<std::string> topics{"plant/7/state", "plant/8/alarm"};
  for (const auto* filter : {"plant/9/#", "other/#", "plant/+/temperature", "+/+/temperature",
                             "plant/7/state/x", "plant", "state", "plant/7/alarm"}) {
    // `plant` alone is a beginning of what is there: only the number of levels tells.
    const bool may = may_match(topics, filter);
    if (std::string_view(filter) != "plant/7/alarm") EXPECT_FALSE(may) << filter;
  }
}

TEST(TopicSummary, TakesLevelsOfAnyLengthAndEmptyOnes) {
  std::vector<std::string> topics{"/", "//", "a/", "/a", "a//b"};
  for (std::size_t length = 1; length < 40; ++length) {
    topics.push_back(std::string(length, 'x') + "/" + std::string(40 - length, 'y'));
    topics.push_back(std::string(length, 'z'));
  }
  const auto all = summary_of(topics);
  for (const auto& topic : topics)
    EXPECT_TRUE(TopicQuestion(topic).may_match(all, kBlock)) << topic;
  EXPECT_FALSE(TopicQuestion("xxxxx/b").may_match(all, kBlock));
}

TEST(TopicSummary, IsAsSmallAsItsTopicsAllow) {
  EXPECT_TRUE(summary_of({}).empty());
  EXPECT_EQ(summary_of({"plant/7/state"}).size(), TopicFilter::kMinimumBytes);
  std::vector<std::string> many;
  for (int i = 0; i < 3000; ++i) many.push_back("plant/device-" + std::to_string(i) + "/state");
  const auto full = summary_of(many);
  EXPECT_EQ(full.size(), TopicFilter::kMaximumBytes);
  int wrong = 0;
  for (int i = 3000; i < 13'000; ++i) {
    const TopicQuestion question("plant/device-" + std::to_string(i) + "/state");
    wrong += question.may_match(full, kBlock) ? 1 : 0;
  }
  EXPECT_LT(wrong, 150) << "of 10,000 topics that are not there";
}

// A first level that nobody published to is asked for by one item alone. Should it seem to be in
// one block, it must not seem to be in all: that would be a walk over the whole log.
TEST(TopicSummary, IsWrongAboutFewBlocksWhateverIsAskedFor) {
  std::vector<std::string> topics;
  for (int i = 0; i < 1024; ++i) {
    topics.push_back("plant-" + std::to_string(i % 16) + "/device-" + std::to_string(i) + "/state");
  }
  constexpr std::size_t kBlocks = 500;
  std::vector<std::string> blocks;
  for (std::size_t i = 0; i < kBlocks; ++i) blocks.push_back(summary_of(topics, i * kBlock));
  std::size_t most = 0;
  std::size_t all = 0;
  for (int name = 0; name < 100; ++name) {
    const TopicQuestion question("nobody-" + std::to_string(name) + "/#");
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < kBlocks; ++i) {
      wrong += question.may_match(blocks[i], i * kBlock) ? 1 : 0;
    }
    most = std::max(most, wrong);
    all += wrong;
  }
  EXPECT_LT(all, 100 * kBlocks / 200) << "one in 200";
  EXPECT_LT(most, kBlocks / 30);
}

TEST(TopicSummary, OfABlockWithoutMessagesMatchesNothing) {
  EXPECT_FALSE(may_match({}, ""));
  EXPECT_FALSE(may_match({}, "#"));
}

// They stand on disk: what an earlier version wrote must be found by a later one.
TEST(TopicSummary, HashesTheSameForEver) {
  TopicItems items;
  items.add("plant/7/state");
  std::string text;
  for (const auto item : items.items()) text += std::to_string(item) + " ";
  EXPECT_EQ(text, "537426526 430542111 662150923 913436213 ");
  EXPECT_EQ(topic_bits(4096, 537426526), 4104760653270736887U);
}

}  // namespace
}  // namespace sluice::store::embedded
